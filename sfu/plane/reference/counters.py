"""Plain integers, read when scraped."""

from __future__ import annotations

from types import MappingProxyType

from sfu.plane.port import Count, DropReason, Snapshot


class Counters:
    """All counts of a plane. Indexing by enum keeps the packet path free of look-ups by name."""

    __slots__ = ("counts", "drops")

    def __init__(self) -> None:
        self.counts = dict.fromkeys(Count, 0)
        self.drops = dict.fromkeys(DropReason, 0)

    def snapshot(self, transports: int, ingresses: int, seats: int) -> Snapshot:
        """A copy, every value present."""
        return Snapshot(
            counts=MappingProxyType(dict(self.counts)),
            drops=MappingProxyType(dict(self.drops)),
            transports=transports,
            ingresses=ingresses,
            seats=seats,
        )
