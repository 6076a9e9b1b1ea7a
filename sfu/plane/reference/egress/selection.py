"""Which encoding a seat stream should have, and how long it waits for it (SEATS R6, R7)."""

from __future__ import annotations

from sfu.base.ids import IngressId, Rid
from sfu.plane.port import RouteSource
from sfu.plane.reference.facts import Encoding, EncodingsView

STALL_AFTER_S = 2.0
"""Seven key-frame requests at 350 ms without a key frame: say so, keep the old picture."""


def choose(source: RouteSource, encodings: EncodingsView) -> Encoding:
    """The encoding to forward: the wanted one, else the best lower, else the least that is sent.

    When nothing is being sent it is the wanted one: the first that could come.
    """
    rids = [rid for rid, _ in encodings]
    active = [rid for rid, is_active in encodings if is_active]
    if source.rid is None or source.rid not in rids:
        return source.ingress, active[-1] if active else _last(rids)
    ceiling = rids.index(source.rid)
    lower = [rid for rid in active if rids.index(rid) <= ceiling]
    if lower:
        return source.ingress, lower[-1]
    return source.ingress, active[0] if active else source.rid


def _last(rids: list[Rid | None]) -> Rid | None:
    return rids[-1] if rids else None


class Selector:
    """What a seat is fed from now, and what it waits for. Make before break."""

    __slots__ = (
        "_encodings",
        "current",
        "source",
        "stalled",
        "target",
        "waiting_since_s",
    )

    def __init__(self) -> None:
        self.source: RouteSource | None = None
        self.current: Encoding | None = None
        self.target: Encoding | None = None
        """Waited for; None when ``current`` is what is wanted."""
        self.waiting_since_s = 0.0
        self.stalled = False
        self._encodings: EncodingsView = ()

    def route(
        self,
        source: RouteSource | None,
        encodings: EncodingsView,
        now_s: float,
        cut: bool,
    ) -> None:
        """Aim at another source, or at none."""
        self.source, self._encodings = source, encodings
        other = self.current is not None and source is not None and self.current[0] != source.ingress
        if source is None or (cut and other):
            self.current = None
        self._aim(now_s)

    def encodings_changed(self, encodings: EncodingsView, now_s: float) -> None:
        """An encoding of the routed track came or went."""
        self._encodings = encodings
        self._aim(now_s)

    def restart(self, now_s: float) -> None:
        """What feeds it began afresh, with other numbers: wait for it as for a switch."""
        self.current = None
        self._aim(now_s)

    def switched(self) -> None:
        """The target's first packet is here."""
        self.current, self.target = self.target, None

    def concerns(self, ingress: IngressId) -> bool:
        """Whether packets of this track can matter now."""
        return (self.current is not None and self.current[0] == ingress) or (
            self.target is not None and self.target[0] == ingress
        )

    def stall(self, now_s: float) -> bool:
        """True once, when a wait has lasted too long."""
        if self.target is None or self.stalled or now_s - self.waiting_since_s < STALL_AFTER_S:
            return False
        self.stalled = True
        return True

    def _aim(self, now_s: float) -> None:
        wanted = None if self.source is None else choose(self.source, self._encodings)
        if wanted == self.current:
            self.target = None
        elif wanted != self.target:
            self.target = wanted
            self.waiting_since_s = now_s
            self.stalled = False
