"""The public listener: pages and signalling on one port, headers on everything."""

from __future__ import annotations

import http
import logging
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import formatdate

from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.datastructures import Headers
from websockets.http11 import Request, Response

from sfu.base.errors import PlaneError
from sfu.base.metrics import RejectReason
from sfu.protocol.limits import FIRST_MESSAGE_S, MAX_LARGE_MESSAGE_BYTES
from sfu.server.admission import Admission
from sfu.server.signalling import SignallingParts, SignallingSocket
from sfu.server.static import FRESH, NEVER, TYPES, Found, StaticFiles

SIGNALLING_PATH = "/ws"
OPEN_WITHIN_S = FIRST_MESSAGE_S
STATUS_OF = {
    RejectReason.ORIGIN: http.HTTPStatus.FORBIDDEN,
    RejectReason.RATE: http.HTTPStatus.TOO_MANY_REQUESTS,
    RejectReason.LIMIT: http.HTTPStatus.SERVICE_UNAVAILABLE,
}
HEALTHY = Found(status=200, body=b"ok\n", content_type=TYPES[".txt"], cache=NEVER)
ONLY_GET = Found(status=405, body=b"Only GET and HEAD.\n", content_type=TYPES[".txt"], cache=NEVER)


@dataclass(frozen=True, slots=True, kw_only=True)
class ListenerParts:
    """What the listener is built from."""

    host: str
    port: int
    tls: ssl.SSLContext | None
    headers: Mapping[str, str]
    static: StaticFiles
    admission: Admission
    signalling: SignallingParts


class PublicListener:
    """Owns the socket that strangers reach."""

    def __init__(self, parts: ListenerParts) -> None:
        self._parts = parts
        self._server: Server | None = None

    async def start(self) -> int:
        """Bind and serve; returns the port.

        Raises:
            PlaneError: the address cannot be bound.
        """
        parts = self._parts
        quiet = logging.getLogger("sfu.websockets")
        quiet.disabled = True  # it would log addresses and what strangers sent
        try:
            self._server = await serve(
                self._signalling,
                parts.host,
                parts.port,
                ssl=parts.tls,
                process_request=self._page,
                process_response=self._with_headers,
                compression=None,  # sealed text does not shrink, and CRIME needs compression
                max_size=MAX_LARGE_MESSAGE_BYTES + 1,
                max_queue=16,
                open_timeout=OPEN_WITHIN_S,
                ping_interval=None,  # the protocol has its own
                close_timeout=3.0,
                server_header=None,
                logger=quiet,
            )
        except OSError as error:
            where = f"{parts.host} port {parts.port} (TCP)"
            raise PlaneError(f"cannot bind {where}: {error.strerror or error}") from error
        port: int = next(iter(self._server.sockets)).getsockname()[1]
        return port

    async def close(self) -> None:
        """Stop accepting, close what is open. Idempotent."""
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()

    @property
    def sockets(self) -> int:
        """Open signalling sockets."""
        return self._parts.admission.total

    # ---- one connection

    def _page(self, connection: ServerConnection, request: Request) -> Response | None:
        path = request.path.partition("?")[0]
        if path == SIGNALLING_PATH and request.method == "GET":
            return self._admit(connection, request)
        return self._respond(self._find(path, request.method), request.method)

    def _find(self, path: str, method: str) -> Found:
        if method not in ("GET", "HEAD"):
            return ONLY_GET
        return HEALTHY if path == "/healthz" else self._parts.static.find(path)

    def _admit(self, connection: ServerConnection, request: Request) -> Response | None:
        """None lets the WebSocket handshake go on."""
        admission, metrics = self._parts.admission, self._parts.signalling.metrics
        host = str((connection.remote_address or ("",))[0])
        address = admission.client_address(host, request.headers.get("X-Forwarded-For"))
        origins = request.headers.get_all("Origin")
        origin = origins[0] if len(origins) == 1 else None
        reason = admission.enter(address, origin, self._parts.signalling.clock.monotonic_s())
        if reason is None:
            connection.username = address  # carried to the handler, which gives the place back
            return None
        metrics.rejected.add(reason)
        status = STATUS_OF[reason]
        body = f"{status.phrase}\n".encode()
        return self._respond(Found(status=status, body=body, content_type=TYPES[".txt"], cache=NEVER), "GET")

    def _respond(self, found: Found, method: str) -> Response:
        headers = Headers()
        headers["Date"] = formatdate(usegmt=True)
        headers["Connection"] = "close"
        headers["Content-Type"] = found.content_type
        headers["Content-Length"] = str(len(found.body))
        headers["Cache-Control"] = found.cache
        if found.status == http.HTTPStatus.METHOD_NOT_ALLOWED:
            headers["Allow"] = "GET, HEAD"
        if found.cache == FRESH:
            headers["Vary"] = "Origin"
        body = b"" if method == "HEAD" else found.body
        return Response(found.status, http.HTTPStatus(found.status).phrase, headers, body)

    def _with_headers(self, connection: ServerConnection, request: Request, response: Response) -> None:
        del connection, request
        for name, value in self._parts.headers.items():
            if name not in response.headers:
                response.headers[name] = value

    async def _signalling(self, connection: ServerConnection) -> None:
        try:
            await SignallingSocket(connection, self._parts.signalling).run()
        finally:
            self._parts.admission.leave(connection.username)
