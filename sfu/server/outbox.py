"""Messages on their way to one socket, in order and bounded."""

from __future__ import annotations

import asyncio

from websockets.asyncio.server import ServerConnection
from websockets.exceptions import ConnectionClosed

from sfu.protocol.codec import encode_server
from sfu.protocol.errors import CloseCode
from sfu.protocol.messages import AnyServerMessage, Closing, Levels

MAX_MESSAGES = 1024
MAX_CHARS = 4 * 1024 * 1024
"""Unsent texts one socket may hold. Lower: a slow phone is cut off in a busy room; higher: memory."""
LEVELS_BELOW = 8
"""Loudness is skipped while more than this many messages wait: it is stale when it arrives."""


class SocketOutbox:
    """``Outbox`` of one socket. ``run`` sends; everything else only queues."""

    def __init__(self, connection: ServerConnection) -> None:
        self._connection = connection
        self._queue: asyncio.Queue[str | CloseCode] = asyncio.Queue()
        self._chars = 0
        self._ending = False

    def send(self, message: AnyServerMessage) -> None:
        """Queue a message; a reader that is too slow is closed instead."""
        if self._ending:
            return
        if isinstance(message, Levels) and self._queue.qsize() > LEVELS_BELOW:
            return
        text = encode_server(message)
        self._chars += len(text)
        if self._queue.qsize() >= MAX_MESSAGES or self._chars > MAX_CHARS:
            self._abort()
            return
        self._queue.put_nowait(text)

    def finish(self, closing: Closing) -> None:
        """Say why, then close."""
        self.send(closing)
        self.end(CloseCode.REMOVED)

    def replaced(self) -> None:
        """Close: a newer socket took over."""
        self.end(CloseCode.REPLACED)

    def end(self, code: CloseCode) -> None:
        """Close after what is queued. The first code counts."""
        if not self._ending:
            self._ending = True
            self._queue.put_nowait(code)

    async def run(self) -> None:
        """Send until told to end or the socket is gone."""
        try:
            while True:
                item = await self._queue.get()
                if isinstance(item, CloseCode):
                    await self._connection.close(int(item), item.name.lower())
                    return
                self._chars -= len(item)
                await self._connection.send(item)
        except ConnectionClosed:
            self._ending = True

    def _abort(self) -> None:
        self._ending = True
        while not self._queue.empty():
            self._queue.get_nowait()
        self._queue.put_nowait(CloseCode.SLOW_CONSUMER)
        # The reader does not read: its send buffer is full and would hold the close back for long.
        self._connection.transport.abort()
