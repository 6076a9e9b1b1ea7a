"""ICE user fragments and passwords (RFC 8445 section 5.3, RFC 8839 section 5.4)."""

from __future__ import annotations

import secrets
import string
from dataclasses import dataclass, field

ICE_CHARS = string.ascii_letters + string.digits + "+/"
"""``ice-char`` of RFC 8839: 64 characters, so each carries exactly 6 bits."""

UFRAG_CHARS = 8
# RFC 8445 asks for 24 bits (4 characters). The media port finds a transport by it, and a stranger
# who guesses one makes us compute a MAC: 48 bits keep that out of reach at no cost.

PWD_CHARS = 24
# RFC 8445 asks for 128 bits, which is 22 characters; 24 give 144.


@dataclass(frozen=True, slots=True, kw_only=True)
class IceCredentials:
    """One side's short-term credentials. The password is a secret of the participant."""

    ufrag: str
    pwd: str = field(repr=False)


def new_ice_credentials() -> IceCredentials:
    """Fresh credentials from the system's random source, for one transport or one ICE restart."""
    return IceCredentials(ufrag=_ice_string(UFRAG_CHARS), pwd=_ice_string(PWD_CHARS))


def _ice_string(length: int) -> str:
    return "".join(secrets.choice(ICE_CHARS) for _ in range(length))
