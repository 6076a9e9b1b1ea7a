"""Which counters of one KID were seen (E2EE.md 5.6): highest ``h`` and a bitmap of the 1024 below it."""

from __future__ import annotations

from typing import Final

from sotto_client.e2ee.drops import DropReason

WINDOW_OBJECTS: Final = 1024
_MASK = (1 << WINDOW_OBJECTS) - 1


class ReplayWindow:
    """Bit ``i`` of the bitmap stands for counter ``highest - i``."""

    __slots__ = ("_highest", "_seen")

    def __init__(self) -> None:
        self._highest = -1
        self._seen = 0

    def check(self, ctr: int) -> DropReason | None:
        """Look only: ``dup``, ``old``, or None for fresh. Call it before the AEAD: replays cost nothing."""
        behind = self._highest - ctr
        if behind < 0:
            return None
        if behind >= WINDOW_OBJECTS:
            return DropReason.OLD
        return DropReason.DUP if self._seen >> behind & 1 else None

    def accept(self, ctr: int) -> DropReason | None:
        """Mark as seen, if fresh. Call only after the object opened."""
        stale = self.check(ctr)
        if stale is not None:
            return stale
        ahead = ctr - self._highest
        if ahead > 0:
            # A jump beyond the window forgets all of it: never shift by what a sender chose (up to 2^40).
            self._seen = self._seen << ahead & _MASK if ahead < WINDOW_OBJECTS else 0
            self._highest = ctr
        self._seen |= 1 << self._highest - ctr
        return None
