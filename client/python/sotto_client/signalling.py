"""One WebSocket to the server: requests with replies, and messages that come by themselves."""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Origin

PROTOCOL_VERSION = 1
REPLY_WITHIN_S = 15.0
MAX_MESSAGE_BYTES = 4 * 1024 * 1024

Message = Mapping[str, Any]  # JSON objects, as docs/protocol.md describes them


class RefusedError(Exception):
    """The server said no: ``code`` is for programs, ``action`` says what to do (docs/protocol.md)."""

    def __init__(self, code: str, text: str, action: str) -> None:
        super().__init__(f"{code}: {text}")
        self.code, self.action = code, action


class Signalling:
    """Lives as long as its socket."""

    def __init__(self, connection: ClientConnection, on_push: Callable[[Message], None]) -> None:
        self._connection = connection
        self._on_push = on_push
        self._waiting: dict[int, asyncio.Future[Message]] = {}
        self._next_id = 1
        self._reader = asyncio.create_task(self._read())

    @staticmethod
    async def open(
        origin: str, on_push: Callable[[Message], None], tls: ssl.SSLContext | None = None
    ) -> Signalling:
        """Connect to a server. ``tls``: for certificates that the system does not trust.

        Raises:
            OSError, websockets.exceptions.InvalidHandshake: it cannot be reached or turns us away.
        """
        url = "ws" + origin.removeprefix("http") + "/ws"
        connection = await connect(
            url, origin=Origin(origin), compression=None, max_size=MAX_MESSAGE_BYTES, ssl=tls
        )
        return Signalling(connection, on_push)

    async def request(self, kind: str, **fields: object) -> Message:
        """Send a request and wait for its reply.

        Raises:
            RefusedError: the server answered with an error.
            TimeoutError, ConnectionError: there was no answer.
        """
        number = self._next_id
        self._next_id += 1
        reply: asyncio.Future[Message] = asyncio.get_running_loop().create_future()
        self._waiting[number] = reply
        try:
            await self._connection.send(json.dumps({"type": kind, "id": number, **fields}))
            async with asyncio.timeout(REPLY_WITHIN_S):
                message = await reply
        except ConnectionClosed:
            raise ConnectionError("the signalling connection closed") from None
        finally:
            self._waiting.pop(number, None)
        if message["type"] == "error":
            raise RefusedError(message["code"], message["text"], message["action"])
        return message

    async def close(self) -> None:
        """Close the socket. Idempotent."""
        await self._connection.close()
        await asyncio.gather(self._reader, return_exceptions=True)

    async def _read(self) -> None:
        try:
            async for text in self._connection:
                message = MappingProxyType(json.loads(text))
                if message.get("type") == "ping":
                    await self._connection.send(json.dumps({"type": "pong", "nonce": message["nonce"]}))
                elif isinstance(message.get("id"), int) and message["id"] in self._waiting:
                    waiting = self._waiting[message["id"]]
                    if not waiting.done():
                        waiting.set_result(message)
                else:
                    self._on_push(message)
        except ConnectionClosed:
            pass
        finally:
            for waiting in self._waiting.values():
                if not waiting.done():
                    waiting.set_exception(ConnectionError("the signalling connection closed"))
