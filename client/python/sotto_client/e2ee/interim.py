"""Interim keys (E2EE.md 5.4b), until group keys land: the only module that knows how members agree on keys.

Limits: no forward secrecy for those who hold the link, and no protection against replay of a whole earlier
call by the server (docs/e2ee.md).
"""

from __future__ import annotations

import hmac
import secrets
from dataclasses import dataclass, field
from typing import Final

from sotto_client.e2ee.base64url import from_base64url, to_base64url
from sotto_client.e2ee.kdf import expand, extract, hmac_sha256
from sotto_client.e2ee.room_secrets import RoomSecrets, label
from sotto_client.e2ee.sframe import MAX_LEAF, BaseKey

INTERIM_EPOCH: Final = 0

_START_BYTES = 32
_MAC_BYTES = 32
_PID_BYTES = 8
_ANNOUNCEMENT = 1  # first byte; others are left for the messages of the group key protocol
_BASE_KEY_BYTES = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """``pid`` as on the wire (8 bytes, base64url); ``leaf`` is the small number the server gave."""

    pid: str
    leaf: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Installed:
    """A member's base key, as a key exchange hands it over."""

    member: Member
    epoch: int
    base_key: BaseKey = field(repr=False)
    origin: str
    """Names the announcement it came from."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnKey:
    """A fresh key and what to tell the others."""

    installed: Installed
    announcement: str
    """``base64url(01 || start || HMAC(join_key, pid || leaf || start))``; also for late joiners."""


class InterimKeys:
    """Draws and verifies ``start`` announcements of one room."""

    def __init__(self, room: RoomSecrets) -> None:
        self._room = room

    def draw(self, self_member: Member) -> OwnKey:
        """A key that no one has used. Raises ValueError for an impossible pid or leaf."""
        start = secrets.token_bytes(_START_BYTES)
        claim = _claim_of(self_member, start)
        if claim is None:
            raise ValueError("pid or leaf is malformed")
        announcement = bytes([_ANNOUNCEMENT]) + start + hmac_sha256(self._room.join_key, claim)
        return OwnKey(installed=self._install(self_member, start), announcement=to_base64url(announcement))

    def verify(self, sender: Member, announcement: str) -> Installed | None:
        """None: malformed, or made without the link secret, or for another pid or leaf."""
        raw = from_base64url(announcement)
        if raw is None or len(raw) != 1 + _START_BYTES + _MAC_BYTES or raw[0] != _ANNOUNCEMENT:
            return None
        start, mac = raw[1 : 1 + _START_BYTES], raw[1 + _START_BYTES :]
        claim = _claim_of(sender, start)
        if claim is None or not hmac.compare_digest(mac, hmac_sha256(self._room.join_key, claim)):
            return None
        return self._install(sender, start)

    def _install(self, member: Member, start: bytes) -> Installed:
        pid = from_base64url(member.pid) or b""
        prk = extract(start, self._room.link_prk)
        return Installed(
            member=member,
            epoch=INTERIM_EPOCH,
            base_key=BaseKey(expand(prk, label("interim") + b"\0" + pid, _BASE_KEY_BYTES)),
            origin=f"{member.pid}/{member.leaf}/{to_base64url(start)}",
        )


def _claim_of(member: Member, start: bytes) -> bytes | None:
    """``pid(8) || leaf(4) || start(32)``: every field of fixed length, so no two claims share bytes."""
    pid = from_base64url(member.pid)
    if pid is None or len(pid) != _PID_BYTES or not 0 <= member.leaf <= MAX_LEAF:
        return None
    return pid + member.leaf.to_bytes(4, "big") + start
