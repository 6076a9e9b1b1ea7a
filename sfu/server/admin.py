"""The admin listener: metrics and health, on loopback or behind a key."""

from __future__ import annotations

import asyncio
import hmac
from collections.abc import Callable
from dataclasses import dataclass

import uvicorn
from litestar import Litestar, Response, get
from litestar.exceptions import NotAuthorizedException
from litestar.middleware.base import DefineMiddleware
from litestar.types import ASGIApp, Receive, Scope, Send

from sfu.base.errors import PlaneError
from sfu.base.metrics import CONTENT_TYPE, Metrics
from sfu.base.redact import Secret

START_WITHIN_S = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class AdminParts:
    """What the admin listener is built from."""

    host: str
    port: int
    key: Secret | None
    """Wanted as a bearer token; None on loopback only."""
    metrics: Metrics
    is_ready: Callable[[], bool]
    on_scrape: Callable[[], None]
    """Called before metrics are read."""


class AdminServer:
    """Litestar on uvicorn, on the server's own event loop."""

    def __init__(self, parts: AdminParts) -> None:
        self._parts = parts
        config = uvicorn.Config(
            application(parts),
            host=parts.host,
            port=parts.port,
            log_config=None,
            access_log=False,
            server_header=False,
            lifespan="off",
            timeout_graceful_shutdown=2,
        )
        self._server = _Embedded(config)
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Bind and serve.

        Raises:
            PlaneError: the address cannot be bound.
        """
        self._task = asyncio.create_task(self._server.serve(), name="admin")
        try:
            async with asyncio.timeout(START_WITHIN_S):
                while not self._server.started:
                    if self._task.done():
                        raise PlaneError(self._failure())
                    await asyncio.sleep(0.01)
        except TimeoutError:
            raise PlaneError(self._failure()) from None

    async def close(self) -> None:
        """Stop. Idempotent."""
        self._server.should_exit = True
        if self._task is not None:
            await asyncio.wait([self._task], timeout=3.0)
            self._task.cancel()

    def _failure(self) -> str:
        return f"cannot bind {self._parts.host} port {self._parts.port} (TCP) for the admin listener"


class _Embedded(uvicorn.Server):
    """Leaves signals and process exit to us."""

    def install_signal_handlers(self) -> None:
        """Ours are installed already."""

    async def startup(self, sockets: object = None) -> None:
        """uvicorn ends the process when it cannot bind; we want an error."""
        del sockets
        try:
            await super().startup()
        except SystemExit:
            self.should_exit = True


def application(parts: AdminParts) -> Litestar:
    """The routes."""

    @get("/metrics", sync_to_thread=False)
    def metrics() -> Response[bytes]:
        parts.on_scrape()
        return Response(parts.metrics.expose(), media_type=CONTENT_TYPE)

    @get("/healthz", sync_to_thread=False)
    def healthz() -> Response[str]:
        return Response("ok\n", media_type="text/plain")

    @get("/readyz", sync_to_thread=False)
    def readyz() -> Response[str]:
        if parts.is_ready():
            return Response("ready\n", media_type="text/plain")
        return Response("draining\n", media_type="text/plain", status_code=503)

    return Litestar(
        route_handlers=[metrics, healthz, readyz],
        middleware=[DefineMiddleware(_BearerKey, key=parts.key)],
        openapi_config=None,
        debug=False,
        logging_config=None,  # its default writes lines of its own beside our JSON
    )


class _BearerKey:
    """Refuses what does not carry the key, where there is one. Health is free: it says nothing."""

    def __init__(self, app: ASGIApp, key: Secret | None) -> None:
        self._app = app
        self._key = key

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        if self._key is not None and scope["path"] != "/healthz":
            given = dict(scope["headers"]).get(b"authorization", b"")
            wanted = f"Bearer {self._key.reveal()}".encode()
            if not hmac.compare_digest(given, wanted):
                raise NotAuthorizedException
        await self._app(scope, receive, send)
