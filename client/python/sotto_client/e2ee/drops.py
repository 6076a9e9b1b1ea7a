"""Why a frame went no further."""

from __future__ import annotations

from enum import StrEnum


class DropReason(StrEnum):
    """The same words as in the web client's worker (client/src/e2ee/messages.ts)."""

    EMPTY = "empty"
    """Zero-length frames are normal."""
    BAD_FRAME = "bad_frame"
    """Sending: not a frame of its codec, so no shim can be made."""
    NO_KEY = "no_key"
    """Sending: our own key is not there yet."""
    EXHAUSTED = "exhausted"
    """Sending: the counter of this key is spent."""
    SHORT = "short"
    """Ends inside the header or has no whole tag."""
    MALFORMED = "malformed"
    """Shim or header not in its one form."""
    UNKNOWN_EPOCH = "unknown_epoch"
    UNKNOWN_KEY = "unknown_key"
    """Well-formed, but we hold no key of that leaf."""
    SENDER_MISMATCH = "sender_mismatch"
    """Of a member who is not announced for this seat."""
    CTX_MISMATCH = "ctx_mismatch"
    """Of the announced member, but another source."""
    DUP = "dup"
    """Seen before; normal with retransmission."""
    OLD = "old"
    """Below the replay window."""
    AUTH = "auth"
    """The tag does not fit."""
