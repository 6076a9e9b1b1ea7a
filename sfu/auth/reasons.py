"""Why a credential was refused: for counters only. The one refused learns "denied"."""

from __future__ import annotations

from enum import StrEnum

from sfu.base.errors import Denied
from sfu.protocol.errors import ErrorCode


class DenialReason(StrEnum):
    """Closed set for ``sfu_auth_denied_total{reason}``."""

    NO_CREDENTIAL = "no_credential"
    MALFORMED = "malformed"
    OVERSIZE = "oversize"
    BAD_HEADER = "bad_header"
    BAD_SIGNATURE = "bad_signature"
    MISSING_CLAIM = "missing_claim"
    BAD_CLAIM = "bad_claim"
    WRONG_AUDIENCE = "wrong_audience"
    WRONG_ISSUER = "wrong_issuer"
    WRONG_ROOM = "wrong_room"
    EXPIRED = "expired"
    NOT_YET_VALID = "not_yet_valid"
    LIFETIME_TOO_LONG = "lifetime_too_long"
    REVOKED = "revoked"


class TokenDenied(Denied):
    """A credential was refused. ``reason`` never leaves the server."""

    def __init__(self, reason: DenialReason) -> None:
        super().__init__(ErrorCode.DENIED)
        self.reason = reason
