"""The store as the rest sees it. Small on purpose; calls take microseconds and are not awaited.

Times are Unix time in seconds.
"""

from __future__ import annotations

from typing import Protocol

from sfu.base.errors import SfuError
from sfu.base.ids import RoomId


class StoreError(SfuError):
    """The store cannot be read or written now (disk full, locked for too long, damaged)."""


class Store(Protocol):
    """Rooms and revoked credentials. Every method but ``close`` may raise ``StoreError``."""

    def room_exists(self, room: RoomId) -> bool:
        """Whether the room was made and not removed."""

    def add_room(self, room: RoomId, now_s: float) -> bool:
        """Make a room. False when it was there already."""

    def remove_room(self, room: RoomId) -> bool:
        """Forget a room. False when it was not there."""

    def room_count(self) -> int:
        """How many rooms there are, for the limit."""

    def revoke_token(self, jti: str, exp_s: float) -> None:
        """Refuse a token or invite from now on; it is remembered until it would have expired."""

    def is_revoked(self, jti: str) -> bool:
        """Whether the token or invite was revoked."""

    def purge(self, now_s: float) -> int:
        """Forget revoked ids that have expired by themselves. Returns how many."""

    def close(self) -> None:
        """Give the file back. Idempotent."""
