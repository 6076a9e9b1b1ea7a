"""Loudness of microphones, averaged over an interval (RFC 6464). Sans-IO."""

from __future__ import annotations

from sfu.base.ids import IngressId

INTERVAL_S = 0.2


class LevelMeter:
    """Sums what packets carry; emptied five times a second."""

    __slots__ = ("_emptied_s", "_sums")

    def __init__(self) -> None:
        self._sums: dict[IngressId, tuple[int, int]] = {}
        self._emptied_s = 0.0

    def heard(self, ingress: IngressId, level_dbov: int) -> None:
        """One packet's level, 0 loudest to 127 silent."""
        total, count = self._sums.get(ingress, (0, 0))
        self._sums[ingress] = (total + level_dbov, count + 1)

    def forget(self, ingress: IngressId) -> None:
        """The track is gone: nothing more is said of it."""
        self._sums.pop(ingress, None)

    def poll(self, now_s: float) -> tuple[tuple[IngressId, int], ...]:
        """Means since the last time, when an interval is over; else nothing."""
        if not self._sums or now_s - self._emptied_s < INTERVAL_S:
            return ()
        self._emptied_s = now_s
        means = tuple((ingress, round(t / c)) for ingress, (t, c) in self._sums.items())
        self._sums.clear()
        return means
