"""Transport-wide feedback to a publisher: which of its packets came, and when. Sans-IO.

draft-holmer-rmcat-transport-wide-cc-extensions-01. The publisher's own estimator does the rest.
"""

from __future__ import annotations

from sfu.wire.rtcp import transport_feedback
from sfu.wire.sequence import SequenceUnwrapper

INTERVAL_S = 0.05
"""Between two feedback packets. Lower: more RTCP; higher: the sender reacts later (libwebrtc: 50 to
250 ms)."""
MAX_SPAN = 1000
"""Numbers one packet reports on; a larger jump starts afresh."""
MAX_PAUSE_S = 4.0
"""Arrivals further apart do not go into one packet (a delta holds 8 s). Polling is far quicker, unless
the whole process stood still."""


class TransportCcRecorder:
    """Records arrivals of one transport and writes feedback."""

    __slots__ = ("_arrivals", "_count", "_heard_s", "_next", "_sent_s", "_unwrapper")

    def __init__(self) -> None:
        self._unwrapper = SequenceUnwrapper()
        self._arrivals: dict[int, float] = {}
        self._next: int | None = None
        self._count = 0
        self._heard_s = 0.0
        self._sent_s = 0.0

    def received(self, transport_seq: int, now_s: float) -> None:
        """An authenticated packet with this number came."""
        number = self._unwrapper.unwrap(transport_seq)
        if self._next is not None and number < self._next:
            return  # reported as lost already; the sender has drawn its conclusions
        if self._arrivals and now_s - self._heard_s > MAX_PAUSE_S:
            self._arrivals.clear()
            self._next = None
        self._heard_s = now_s
        self._arrivals[number] = now_s

    def poll(self, sender_ssrc: int, media_ssrc: int, now_s: float) -> list[bytes]:
        """Feedback packets that are due now."""
        if not self._arrivals or now_s - self._sent_s < INTERVAL_S:
            return []
        self._sent_s = now_s
        lowest, highest = min(self._arrivals), max(self._arrivals)
        base = lowest if self._next is None or lowest - self._next > MAX_SPAN else self._next
        packets = []
        while base <= highest:
            end = min(highest, base + MAX_SPAN - 1)
            span = [self._arrivals.get(number) for number in range(base, end + 1)]
            if any(arrival is not None for arrival in span):
                packets.append(transport_feedback(sender_ssrc, media_ssrc, base & 0xFFFF, self._count, span))
                self._count = (self._count + 1) & 0xFF
            base = end + 1
        self._next = highest + 1
        self._arrivals.clear()
        return packets
