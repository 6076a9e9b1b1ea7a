"""Error and close codes of the signalling protocol, and what a client should do about each.

Codes are stable and for programs; texts are for people who debug and may change at any time. The
generator copies all of it to TypeScript and to ``docs/protocol.md``.
"""

from __future__ import annotations

from enum import IntEnum, StrEnum


class Action(StrEnum):
    """What the client should do after an error or a close."""

    RETRY = "retry"
    """The same again later; on a close: connect and resume, with growing pauses."""
    REJOIN = "rejoin"
    """Start from ``join`` on a new socket; the session is gone."""
    FIX = "fix"
    """The request is wrong; sent again unchanged it fails again."""
    GIVE_UP = "give_up"
    """Tell the person. Nothing the program does by itself will help."""


class ErrorCode(StrEnum):
    """The ``code`` of ``error`` and ``closing``."""

    BAD_MESSAGE = "bad_message"
    VERSION_UNSUPPORTED = "version_unsupported"
    DENIED = "denied"
    ROOM_FULL = "room_full"
    ROOM_LOCKED = "room_locked"
    RATE_LIMITED = "rate_limited"
    CODEC_UNSUPPORTED = "codec_unsupported"
    BAD_OFFER = "bad_offer"
    TOO_MANY_SEATS = "too_many_seats"
    NOT_JOINED = "not_joined"
    ALREADY_JOINED = "already_joined"
    UNKNOWN_MEMBER = "unknown_member"
    MESSAGE_TOO_LARGE = "message_too_large"
    RESUME_FAILED = "resume_failed"
    SERVER_DRAINING = "server_draining"
    TIMEOUT = "timeout"
    INTERNAL = "internal"

    @property
    def action(self) -> Action:
        """What the client should do."""
        return _ERRORS[self][0]

    @property
    def text(self) -> str:
        """One sentence that says what happened, used where nothing more exact is known."""
        return _ERRORS[self][1]


class CloseCode(IntEnum):
    """WebSocket close codes of ours (RFC 6455 section 7.4.2: 4000 to 4999 are private).

    The last three digits follow HTTP where HTTP has a fitting status.
    """

    LEFT = 4000
    REMOVED = 4001
    ROOM_ENDED = 4002
    REPLACED = 4003
    BAD_MESSAGE = 4400
    DENIED = 4403
    FIRST_MESSAGE_TIMEOUT = 4408
    PING_TIMEOUT = 4409
    MESSAGE_TOO_LARGE = 4413
    VERSION_UNSUPPORTED = 4426
    RATE_LIMITED = 4429
    SLOW_CONSUMER = 4431
    INTERNAL = 4500
    DRAINING = 4503

    @property
    def action(self) -> Action:
        """What the client should do."""
        return _CLOSES[self][0]

    @property
    def text(self) -> str:
        """The reason sent with the close frame; at most 123 bytes (RFC 6455 section 5.5)."""
        return _CLOSES[self][1]


_ERRORS: dict[ErrorCode, tuple[Action, str]] = {
    ErrorCode.BAD_MESSAGE: (Action.FIX, "the message does not follow the protocol"),
    ErrorCode.VERSION_UNSUPPORTED: (
        Action.GIVE_UP,
        "this server speaks another protocol version; load the page again",
    ),
    # One answer for unknown room, bad or used or expired credential, missing right: whoever
    # guesses learns nothing from it. The reason is in the server's own counter.
    ErrorCode.DENIED: (Action.GIVE_UP, "not allowed"),
    ErrorCode.ROOM_FULL: (Action.RETRY, "the room is full"),
    ErrorCode.ROOM_LOCKED: (Action.RETRY, "the room is locked"),
    ErrorCode.RATE_LIMITED: (Action.RETRY, "too many requests; slow down"),
    ErrorCode.CODEC_UNSUPPORTED: (Action.GIVE_UP, "this client cannot decode the room's codec"),
    ErrorCode.BAD_OFFER: (Action.FIX, "the offer cannot be answered"),
    ErrorCode.TOO_MANY_SEATS: (Action.FIX, "more seats than this server allows"),
    ErrorCode.NOT_JOINED: (Action.REJOIN, "join first"),
    ErrorCode.ALREADY_JOINED: (Action.FIX, "this connection has joined already"),
    ErrorCode.UNKNOWN_MEMBER: (Action.FIX, "no such member in this room"),
    ErrorCode.MESSAGE_TOO_LARGE: (Action.FIX, "the message is larger than its type allows"),
    ErrorCode.RESUME_FAILED: (Action.REJOIN, "the session is gone or the secret is not valid"),
    ErrorCode.SERVER_DRAINING: (Action.RETRY, "the server is shutting down"),
    ErrorCode.TIMEOUT: (Action.RETRY, "the request took too long"),
    ErrorCode.INTERNAL: (Action.REJOIN, "something went wrong in the server"),
}

_CLOSES: dict[CloseCode, tuple[Action, str]] = {
    CloseCode.LEFT: (Action.GIVE_UP, "left"),
    CloseCode.REMOVED: (Action.GIVE_UP, "removed from the room"),
    CloseCode.ROOM_ENDED: (Action.GIVE_UP, "the room was ended"),
    CloseCode.REPLACED: (Action.GIVE_UP, "the session goes on over another connection"),
    CloseCode.BAD_MESSAGE: (Action.FIX, "not a message of this protocol"),
    CloseCode.DENIED: (Action.GIVE_UP, "not allowed"),
    CloseCode.FIRST_MESSAGE_TIMEOUT: (Action.RETRY, "no join in time"),
    CloseCode.PING_TIMEOUT: (Action.RETRY, "nothing heard for too long"),
    CloseCode.MESSAGE_TOO_LARGE: (Action.FIX, "message too large"),
    CloseCode.VERSION_UNSUPPORTED: (Action.GIVE_UP, "protocol version not spoken here"),
    CloseCode.RATE_LIMITED: (Action.RETRY, "too many messages"),
    CloseCode.SLOW_CONSUMER: (Action.RETRY, "messages were not read in time"),
    CloseCode.INTERNAL: (Action.REJOIN, "something went wrong in the server"),
    CloseCode.DRAINING: (Action.RETRY, "the server is shutting down"),
}
