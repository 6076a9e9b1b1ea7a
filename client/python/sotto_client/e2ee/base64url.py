"""base64url without padding (RFC 4648 section 5), strict."""

from __future__ import annotations

import base64
import binascii
import re

_LETTERS = re.compile(r"[A-Za-z0-9_-]*")


def to_base64url(raw: bytes) -> str:
    """Encode, without padding."""
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode("ascii")


def from_base64url(text: str) -> bytes | None:
    """None for anything but the one canonical spelling: wrong letters, padding, stray bits."""
    if _LETTERS.fullmatch(text) is None:
        return None
    try:
        raw = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except (binascii.Error, ValueError):
        return None
    return raw if to_base64url(raw) == text else None
