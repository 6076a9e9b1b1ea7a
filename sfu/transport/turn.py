"""Short-lived TURN credentials that coturn checks without knowing users (``use-auth-secret``).

The scheme is draft-uberti-behave-turn-rest-00: the username carries its own expiry and the
password is a MAC over it, so the TURN server needs nothing but the shared secret. Pure.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from dataclasses import dataclass, field

MAX_TTL_S = 86_400
"""A day. A credential that lives longer outlives the call it was made for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnCredentials:
    """What ``RTCIceServer`` wants beside the URLs (W3C WebRTC section 4.2.4)."""

    username: str
    credential: str = field(repr=False)


def turn_credentials(*, secret: bytes, name: str, ttl_s: int, unix_s: int) -> TurnCredentials:
    """Credentials valid until ``unix_s + ttl_s``.

    Args:
        secret: coturn's ``static-auth-secret``.
        name: who they are for, as coturn logs it and counts its quotas: an opaque id, never a
            display name. Must not be empty, nor contain a colon or white space.
        ttl_s: life in seconds, 1 to ``MAX_TTL_S``. coturn checks it when allocating, not after.
        unix_s: now, in seconds since 1970.

    Raises:
        ValueError: an argument is outside what is said above.
    """
    if not secret:
        raise ValueError("secret is empty")
    if not name or ":" in name or any(c.isspace() for c in name):
        raise ValueError(f"name {name!r} must be one word without a colon")
    if not 1 <= ttl_s <= MAX_TTL_S:
        raise ValueError(f"ttl_s {ttl_s} is not in 1..{MAX_TTL_S}")
    username = f"{unix_s + ttl_s}:{name}"
    # coturn's default is SHA-1; the MAC, not the hash, is what it relies on (RFC 2104).
    mac = hmac.new(secret, username.encode(), hashlib.sha1).digest()
    return TurnCredentials(username=username, credential=base64.b64encode(mac).decode("ascii"))
