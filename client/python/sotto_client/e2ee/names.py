"""Display names sealed for members (E2EE.md 5.4b): ``base64url(nonce || AES-GCM(name))``, random nonce.

What comes out was written by someone else: it is cleaned again after opening.
"""

from __future__ import annotations

import secrets
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from sotto_client.e2ee.base64url import from_base64url, to_base64url

MAX_NAME_CHARACTERS: Final = 64

_NONCE_BYTES = 12
_TAG_BYTES = 16
_MAX_SEALED_CHARACTERS = -(-(_NONCE_BYTES + MAX_NAME_CHARACTERS * 4 + _TAG_BYTES) * 4 // 3)

# Not in a name: controls, direction marks, invisible separators. As in client/src/e2ee/names.ts.
_STRIPPED = (
    range(0x20), range(0x7F, 0xA0), range(0xAD, 0xAE), range(0x61C, 0x61D), range(0x180E, 0x180F),
    range(0x200B, 0x200C), range(0x200E, 0x2010), range(0x2028, 0x202F), range(0x2060, 0x2070),
    range(0xD800, 0xE000), range(0xFEFF, 0xFF00), range(0xFFF0, 0xFFFC), range(0xE0000, 0xE1000),
)  # fmt: skip

# Spaces of all widths become one plain space.
_SPACES = (
    range(0x20, 0x21), range(0xA0, 0xA1), range(0x1680, 0x1681), range(0x2000, 0x200B), range(0x202F, 0x2030),
    range(0x205F, 0x2060), range(0x3000, 0x3001),
)  # fmt: skip


def clean_name(raw: str) -> str:
    """No controls, no direction marks, single spaces, at most 64 characters (code points). May be empty."""
    kept: list[str] = []
    for character in raw:
        point = ord(character)
        if any(point in span for span in _SPACES):
            if kept and kept[-1] != " ":
                kept.append(" ")
        elif not any(point in span for span in _STRIPPED):
            kept.append(character)
    return "".join(kept[:MAX_NAME_CHARACTERS]).rstrip(" ")


def seal_name(name_key: bytes, name: str) -> str:
    """Never the same twice."""
    nonce = secrets.token_bytes(_NONCE_BYTES)
    return to_base64url(nonce + AESGCM(name_key).encrypt(nonce, clean_name(name).encode("utf-8"), None))


def open_name(name_key: bytes, sealed: str) -> str | None:
    """None when it was not sealed with this key, or nothing is left of it after cleaning."""
    if len(sealed) > _MAX_SEALED_CHARACTERS:
        return None
    raw = from_base64url(sealed)
    if raw is None or len(raw) < _NONCE_BYTES + _TAG_BYTES:
        return None
    try:
        opened = AESGCM(name_key).decrypt(raw[:_NONCE_BYTES], raw[_NONCE_BYTES:], None)
        return clean_name(opened.decode("utf-8")) or None
    except (InvalidTag, UnicodeDecodeError):
        return None
