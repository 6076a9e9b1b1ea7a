"""What follows from a room's name and its link secret (E2EE.md 5.1)."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import Final

from sotto_client.e2ee.kdf import expand, extract

LINK_SECRET_BYTES: Final = 32
_PREFIX = "SFU-E2EE v1 "  # trailing space; every label starts with it


class SecretRefusedError(ValueError):
    """The link secret is missing or not 32 bytes: there is no low-entropy mode (E2EE.md D8)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RoomSecrets:
    """Never printed: repr shows only the public tag."""

    room_tag: bytes
    link_prk: bytes = field(repr=False)
    join_key: bytes = field(repr=False)
    """HMAC key that proves knowledge of the link."""
    name_key: bytes = field(repr=False)
    """AES-128-GCM key of display names (E2EE.md 5.4b)."""


def label(text: str) -> bytes:
    """``P label``, as the info of an Expand or the start of a hash."""
    return (_PREFIX + text).encode("ascii")


def derive_room_secrets(room: str, link_secret: bytes) -> RoomSecrets:
    """Raises SecretRefusedError."""
    if len(link_secret) != LINK_SECRET_BYTES:
        raise SecretRefusedError(f"link secret has {len(link_secret)} bytes, wanted {LINK_SECRET_BYTES}")
    room_tag = hashlib.sha256(label("room") + b"\0" + room.encode("utf-8")).digest()
    link_prk = extract(room_tag, link_secret)
    return RoomSecrets(
        room_tag=room_tag,
        link_prk=link_prk,
        join_key=expand(link_prk, label("join"), 32),
        name_key=expand(link_prk, label("name"), 16),
    )
