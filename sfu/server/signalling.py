"""One signalling socket: texts to the session machine, its effects to the rooms and back."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import assert_never

from websockets.asyncio.server import ServerConnection
from websockets.exceptions import ConnectionClosed

from sfu.auth.invites import exchange_invite
from sfu.auth.keys import SigningKey
from sfu.auth.reasons import DenialReason, TokenDenied
from sfu.auth.token import TokenCheck, TokenClaims, verify_token
from sfu.base.clock import Clock
from sfu.base.errors import Denied, LimitError, ProtocolError
from sfu.base.ids import RoomId
from sfu.base.metrics import Metrics
from sfu.protocol.errors import CloseCode, ErrorCode
from sfu.protocol.messages import Create, Error, Join, Resume
from sfu.server.outbox import SocketOutbox
from sfu.server.ports import Attached, SessionGate
from sfu.session import Dispatch, Effect, End, Refusal, Reply, Request, Session, SessionLimits, Success
from sfu.store.port import Store

GOING_AWAY = 1001  # RFC 6455 section 7.4.1: what browsers send when a page is closed or reloaded
NORMAL = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class SignallingParts:
    """What every socket needs."""

    gate: SessionGate
    key: SigningKey
    store: Store
    issuer: str
    audience: str
    limits: SessionLimits
    clock: Clock
    metrics: Metrics
    on_bug: Callable[[BaseException], None]


class SignallingSocket:
    """Drives one session. Nothing it meets ends anything but itself."""

    def __init__(self, connection: ServerConnection, parts: SignallingParts) -> None:
        self._connection = connection
        self._parts = parts
        self._outbox = SocketOutbox(connection)
        self._session = Session(parts.limits, parts.clock.monotonic_s())
        self._attached: Attached | None = None
        self._ended = False

    async def run(self) -> None:
        """Until the socket is closed from either side."""
        sender = asyncio.create_task(self._outbox.run())
        try:
            await self._read()
        except ConnectionClosed:
            pass
        except Exception as bug:  # noqa: BLE001 - a task root: the bug stays this socket's
            self._parts.on_bug(bug)
            self._outbox.end(CloseCode.INTERNAL)
        finally:
            self._detach()
            await self._finish(sender)

    async def _read(self) -> None:
        while not self._ended:
            frame = await self._receive()
            if frame is not None:
                await self._obey(self._session.receive(frame, self._now_s()))
                kind = self._session.last_type
                if kind is not None:
                    self._parts.metrics.messages.add(kind)
            await self._obey(self._session.expire(self._now_s()))

    async def _receive(self) -> str | bytes | None:
        deadline_s = self._session.deadline_s
        wait_s = None if deadline_s is None else max(0.0, deadline_s - self._now_s())
        try:
            async with asyncio.timeout(wait_s):
                return await self._connection.recv()
        except TimeoutError:
            return None

    async def _obey(self, effects: tuple[Effect, ...]) -> None:
        for effect in effects:
            match effect:
                case Reply():
                    if isinstance(effect.message, Error):
                        self._parts.metrics.errors.add(effect.message.code)
                    self._outbox.send(effect.message)
                case End():
                    self._ended = True
                    self._outbox.end(effect.code)
                case Dispatch():
                    await self._dispatch(effect.request)
                case _:
                    assert_never(effect)

    async def _dispatch(self, request: Request) -> None:
        try:
            reply = await self._carry_out(request)
        except (Denied, LimitError, ProtocolError) as error:
            retry_after_s = getattr(error, "retry_after_s", None)
            refusal = Refusal(code=ErrorCode(error.code), text=error.text, retry_after_s=retry_after_s)
            self._count(request, refusal.code, error)
            await self._obey(self._session.refused(refusal, self._now_s()))
        except Exception as bug:  # noqa: BLE001 - answered with `internal`, which ends this socket
            self._parts.on_bug(bug)
            refusal = Refusal(code=ErrorCode.INTERNAL)
            self._count(request, refusal.code, None)
            await self._obey(self._session.refused(refusal, self._now_s()))
        else:
            self._count(request, None, None)
            await self._obey(self._session.succeeded(reply, self._now_s()))

    async def _carry_out(self, request: Request) -> Success:
        match request:
            case Create():
                return await self._parts.gate.create(request)
            case Join():
                started_s = self._now_s()
                claims = self._claims(request)
                joined, self._attached = await self._parts.gate.join(request, claims, self._outbox)
                self._parts.metrics.join_duration.observe(self._now_s() - started_s)
                return joined
            case Resume():
                resumed, self._attached = await self._parts.gate.resume(request, self._outbox)
                return resumed
            case _:
                if self._attached is None:
                    raise ProtocolError(ErrorCode.NOT_JOINED, "join first")
                return await self._attached.handle(request)

    def _claims(self, request: Join) -> TokenClaims | None:
        """What the credential of a join allows, None when there is none.

        Raises:
            TokenDenied: it is not good; why is only counted.
        """
        parts = self._parts
        if request.token is None and request.invite is None:
            return None
        check = TokenCheck(
            room=RoomId(request.room),
            issuer=parts.issuer,
            audience=parts.audience,
            now_s=parts.clock.wall_s(),
        )
        if request.token is not None:
            claims = verify_token(parts.key, request.token, check)
        else:
            claims = exchange_invite(parts.key, request.invite or "", check)
        if parts.store.is_revoked(claims.jti):
            raise TokenDenied(DenialReason.REVOKED)
        return claims

    def _count(self, request: Request, code: ErrorCode | None, error: Exception | None) -> None:
        metrics = self._parts.metrics
        if isinstance(error, TokenDenied):
            metrics.denied.add(error.reason)
        if isinstance(request, Join):
            metrics.joins.add("ok" if code is None else code)

    def _detach(self) -> None:
        if self._attached is not None:
            code = self._connection.close_code
            self._attached.detach(going_away=code in (GOING_AWAY, NORMAL))
            self._attached = None

    async def _finish(self, sender: asyncio.Task[None]) -> None:
        if self._ended:
            await asyncio.wait([sender], timeout=5.0)
        sender.cancel()
        await asyncio.gather(sender, return_exceptions=True)

    def _now_s(self) -> float:
        return self._parts.clock.monotonic_s()
