"""The state machine of one connection.

    AWAITING --create, join, resume--> ENTERING --succeeded--> JOINED --leave--> CLOSED
        ^________________refused (a few times)____|

The driver feeds it texts (``receive``) and time (``expire`` at ``deadline``), carries out the effects
in order, and reports the outcome of each ``Dispatch`` before it feeds the next text. Time: seconds on
a monotonic clock.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import assert_never

from sfu.protocol.codec import BadMessage, decode_client
from sfu.protocol.errors import CloseCode, ErrorCode
from sfu.protocol.messages import (
    PROTOCOL_VERSION,
    AnyClientMessage,
    Create,
    Error,
    Join,
    Leave,
    Message,
    Offer,
    Ping,
    Pong,
    Publish,
    Resume,
    View,
)
from sfu.session.effects import Dispatch, Effect, End, Hello, InRoom, Reply, Request, Success
from sfu.session.limits import MessageBucket, SessionLimits

RATE_REPLY_S = 1.0  # one ``rate_limited`` a second: a flood is not answered with a flood
STALL_S = 1.0
"""A timer so late means that we did not run (machine asleep, process stopped). What clients sent
meanwhile is still unread: that time does not count as their silence."""


class Phase(StrEnum):
    """Where a connection stands."""

    AWAITING = "awaiting"
    ENTERING = "entering"
    JOINED = "joined"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """Why a request failed, as the client hears it."""

    code: ErrorCode
    text: str = ""
    """Empty: the code's own sentence."""
    retry_after_s: float | None = None


class Session:
    """One per connection."""

    def __init__(self, limits: SessionLimits, now_s: float) -> None:
        self.phase = Phase.AWAITING
        self.deadline_s: float | None = now_s + limits.first_message_s
        """When to call ``expire`` next; None: nothing is awaited."""
        self.last_type: str | None = None
        """``type`` of the last message that could be read; for counters."""
        self._limits = limits
        self._bucket = MessageBucket(limits.burst, limits.messages_per_s, now_s)
        self._last_id = 0
        self._pending: Request | None = None
        self._refused = 0
        self._bad = 0
        self._created = False
        self._heard_s = now_s
        self._ping_s = now_s
        self._nonce = 0
        self._rate_reply_s = now_s - RATE_REPLY_S

    def receive(self, frame: str | bytes, now_s: float) -> tuple[Effect, ...]:
        """One frame came: ``str`` for text, ``bytes`` for binary, which is no part of the protocol."""
        self.last_type = None
        if self.phase is Phase.CLOSED:
            return ()
        self._heard_s = now_s
        if isinstance(frame, bytes):
            return self._fail(BadMessage(where="message", found="a binary frame", wanted="text"))
        if not self._bucket.take(now_s):
            return self._over_rate(now_s)
        try:
            message = decode_client(frame)
            self.last_type = str(message.__struct_config__.tag)
            self._check(message)
        except BadMessage as error:
            return self._bad_message(error)
        return self._obey(message)

    def succeeded(self, reply: Success, now_s: float) -> tuple[Effect, ...]:
        """The dispatched request was carried out."""
        request, self._pending = self._pending, None
        self._heard_s = now_s  # nothing was read meanwhile: silence was ours
        if self.phase is Phase.CLOSED:
            return ()
        match request:
            case Create():
                self._created = True
                self._await_hello(now_s)
            case Join() | Resume():
                self.phase = Phase.JOINED
                self._ping_s = now_s
                self._set_deadline()
            case Leave():
                return (Reply(message=reply), self._end(CloseCode.LEFT))
            case _:
                self._set_deadline()
        return (Reply(message=reply),)

    def refused(self, refusal: Refusal, now_s: float) -> tuple[Effect, ...]:
        """The dispatched request was not carried out."""
        request, self._pending = self._pending, None
        self._heard_s = now_s
        if self.phase is Phase.CLOSED:
            return ()
        error = _error(refusal, request.id if request is not None else None)
        if refusal.code is ErrorCode.INTERNAL:
            return (Reply(message=error), self._end(CloseCode.INTERNAL))
        if self.phase is Phase.JOINED:
            return (Reply(message=error),)
        self._refused += 1
        fatal = _CLOSING.get(refusal.code)
        if fatal is not None:
            return (Reply(message=error), self._end(fatal))
        if self._refused >= self._limits.attempts:
            return (Reply(message=error), self._end(CloseCode.DENIED))
        self._await_hello(now_s)
        return (Reply(message=error),)

    def expire(self, now_s: float) -> tuple[Effect, ...]:
        """Advance time. Early and repeated calls do nothing."""
        if self.deadline_s is None or now_s < self.deadline_s:
            return ()
        match self.phase:
            case Phase.AWAITING:
                error = Error(
                    code=ErrorCode.TIMEOUT,
                    text=f"no join within {self._limits.first_message_s:g} s",
                    action=ErrorCode.TIMEOUT.action,
                )
                return (Reply(message=error), self._end(CloseCode.FIRST_MESSAGE_TIMEOUT))
            case Phase.JOINED:
                late_s = now_s - self.deadline_s
                if late_s > STALL_S:
                    self._heard_s += late_s
                return self._keep_alive(now_s)
            case Phase.ENTERING | Phase.CLOSED:
                return ()
            case _:
                assert_never(self.phase)

    # ---- inside

    def _check(self, message: AnyClientMessage) -> None:
        if isinstance(message, Pong):
            return
        if message.id <= self._last_id:
            raise BadMessage(
                where="id",
                found=str(message.id),
                wanted=f"more than {self._last_id}, the last one used",
                request_id=message.id,
            )
        self._last_id = message.id
        if isinstance(message, Join) and message.token is not None and message.invite is not None:
            raise BadMessage(
                where="invite",
                found="a token and an invite",
                wanted="one of them",
                request_id=message.id,
            )

    def _obey(self, message: AnyClientMessage) -> tuple[Effect, ...]:
        match message:
            case Pong():
                return ()  # it was heard: that is all it is for
            case Create() | Join() | Resume():
                return self._hello(message)
            case Leave() | Offer() | View() | Publish() | Message():
                return self._in_room(message)
            case _:
                assert_never(message)

    def _hello(self, message: Hello) -> tuple[Effect, ...]:
        if self.phase is not Phase.AWAITING:
            return (Reply(message=_error(Refusal(code=ErrorCode.ALREADY_JOINED), message.id)),)
        if message.version != PROTOCOL_VERSION:
            text = f"version: found {message.version}, wanted {PROTOCOL_VERSION}"
            refusal = Refusal(code=ErrorCode.VERSION_UNSUPPORTED, text=text)
            reply = Reply(message=_error(refusal, message.id))
            return (reply, self._end(CloseCode.VERSION_UNSUPPORTED))
        if isinstance(message, Create) and self._created:
            refusal = Refusal(code=ErrorCode.RATE_LIMITED, text="one room for each connection")
            return (Reply(message=_error(refusal, message.id)),)
        self.phase, self.deadline_s, self._pending = Phase.ENTERING, None, message
        return (Dispatch(request=message),)

    def _in_room(self, message: InRoom) -> tuple[Effect, ...]:
        if self.phase is not Phase.JOINED:
            error = BadMessage(
                where="type",
                found=str(message.__struct_config__.tag),
                wanted="join, resume or create first",
                request_id=message.id,
                code=ErrorCode.NOT_JOINED,
            )
            return self._bad_message(error)
        self._pending = message
        return (Dispatch(request=message),)

    def _bad_message(self, error: BadMessage) -> tuple[Effect, ...]:
        self._bad += self.phase is not Phase.JOINED
        if self._bad >= self._limits.bad_first_messages:
            return self._fail(error)
        return (Reply(message=_bad(error)),)

    def _fail(self, error: BadMessage) -> tuple[Effect, ...]:
        return (Reply(message=_bad(error)), self._end(CloseCode.BAD_MESSAGE))

    def _over_rate(self, now_s: float) -> tuple[Effect, ...]:
        refusal = Refusal(
            code=ErrorCode.RATE_LIMITED, retry_after_s=round(self._bucket.retry_after_s(now_s), 3)
        )
        if self._bucket.excess > self._limits.burst:
            return (Reply(message=_error(refusal, None)), self._end(CloseCode.RATE_LIMITED))
        if now_s - self._rate_reply_s < RATE_REPLY_S:
            return ()
        self._rate_reply_s = now_s
        return (Reply(message=_error(refusal, None)),)

    def _keep_alive(self, now_s: float) -> tuple[Effect, ...]:
        if now_s >= self._heard_s + self._limits.dead_after_s:
            return (self._end(CloseCode.PING_TIMEOUT),)
        effects: tuple[Effect, ...] = ()
        if now_s >= self._ping_s + self._limits.ping_interval_s:
            self._ping_s = now_s
            self._nonce += 1
            effects = (Reply(message=Ping(nonce=self._nonce)),)
        self._set_deadline()
        return effects

    def _set_deadline(self) -> None:
        dead_s = self._heard_s + self._limits.dead_after_s
        self.deadline_s = min(self._ping_s + self._limits.ping_interval_s, dead_s)

    def _await_hello(self, now_s: float) -> None:
        self.phase = Phase.AWAITING
        self.deadline_s = now_s + self._limits.first_message_s

    def _end(self, code: CloseCode) -> End:
        self.phase, self.deadline_s, self._pending = Phase.CLOSED, None, None
        return End(code=code)


_CLOSING = {
    ErrorCode.SERVER_DRAINING: CloseCode.DRAINING,
    ErrorCode.VERSION_UNSUPPORTED: CloseCode.VERSION_UNSUPPORTED,
}
"""Refusals of a first request after which trying again on the same connection is no use."""


def _error(refusal: Refusal, request_id: int | None) -> Error:
    return Error(
        code=refusal.code,
        text=refusal.text or refusal.code.text,
        action=refusal.code.action,
        id=request_id,
        retry_after_s=refusal.retry_after_s,
    )


def _bad(error: BadMessage) -> Error:
    code = ErrorCode(error.code)
    return Error(code=code, text=str(error.text), action=code.action, id=error.request_id)
