"""The seat clock: one line of timestamps for the whole life of an egress stream (SEATS R2, R3)."""

from __future__ import annotations

from sfu.wire.sequence import ts_delta

OPUS_FRAME_TICKS = 960
"""20 ms at 48 kHz. A switch goes on at a multiple of it, so that the decoder sees whole frames."""

MAX_AHEAD_S = 1.0
"""A source whose timestamps ran ahead of the line by more has a wrong clock. The line is moved up to
it when the next source starts; else that one, and all after it, would start a tick after the last."""


class SeatClock:
    """Times on our clock -> egress timestamps. Anchored at the first packet; moved for no honest source."""

    __slots__ = ("_anchor_s", "_anchor_ts", "_clock_hz", "last_s", "last_ts")

    def __init__(self, clock_hz: int, first_ts: int) -> None:
        self._clock_hz = clock_hz
        self._anchor_ts = first_ts & 0xFFFFFFFF
        self._anchor_s: float | None = None
        self.last_ts: int | None = None
        """The newest timestamp sent."""
        self.last_s = 0.0
        """When it was first sent."""

    def at(self, time_s: float) -> int:
        """The timestamp that belongs to a time; the first call anchors the line."""
        if self._anchor_s is None:
            self._anchor_s = time_s
        elapsed = round((time_s - self._anchor_s) * self._clock_hz)
        return (self._anchor_ts + elapsed) & 0xFFFFFFFF

    def sent(self, timestamp: int, now_s: float) -> None:
        """A packet with this timestamp left."""
        if self.last_ts is None or ts_delta(timestamp, self.last_ts) > 0:
            self.last_ts, self.last_s = timestamp, now_s

    def video_start(self, capture_s: float) -> int:
        """First timestamp of a new source: on the line, and newer than anything sent (R2)."""
        self._catch_up()
        start = self.at(capture_s)
        if self.last_ts is not None and ts_delta(start, self.last_ts) <= 0:
            return (self.last_ts + 1) & 0xFFFFFFFF
        return start

    def audio_steps(self, capture_s: float) -> int:
        """How many Opus frames behind the last one a new source should start (R3); may be < 1."""
        if self.last_ts is None:
            return 1
        self._catch_up()
        return round(ts_delta(self.at(capture_s), self.last_ts) / OPUS_FRAME_TICKS)

    def audio_start(self, capture_s: float, steps: int) -> int:
        """First timestamp of a new audio source, ``steps`` frames behind the last one sent."""
        if self.last_ts is None:
            return self.at(capture_s)
        return (self.last_ts + max(1, steps) * OPUS_FRAME_TICKS) & 0xFFFFFFFF

    def _catch_up(self) -> None:
        """Let the line pass through the newest packet if that is far ahead of it."""
        if self.last_ts is None:
            return
        ahead_ticks = ts_delta(self.last_ts, self.at(self.last_s))
        if ahead_ticks > MAX_AHEAD_S * self._clock_hz:
            self._anchor_ts = (self._anchor_ts + ahead_ticks) & 0xFFFFFFFF
