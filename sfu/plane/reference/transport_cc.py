"""Transport-wide feedback to a publisher: which of its packets came, and when. Sans-IO.

draft-holmer-rmcat-transport-wide-cc-extensions-01. The publisher's own estimator does the rest.
"""

from __future__ import annotations

from bisect import bisect_left

from sfu.wire.rtcp import transport_feedback
from sfu.wire.sequence import SequenceUnwrapper

INTERVAL_S = 0.05
"""Between two feedback packets. Lower: more RTCP; higher: the sender reacts later (libwebrtc: 50 to
250 ms)."""
MAX_SPAN = 600
"""Numbers one packet reports on; a larger jump starts afresh. At two bytes a delta and two a chunk of seven,
what is written stays below 1400 bytes."""
MAX_ARRIVALS = 2000
"""Arrivals kept between two packets: 40 000 a second, which no publisher may send."""
MAX_TOLD = 4 * MAX_SPAN
"""Numbers reported on at once, lost ones included. A publisher that jumps to and fro would have us write
reports on thousands of numbers for each packet it sends."""
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
        if len(self._arrivals) >= MAX_ARRIVALS:
            return
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
        numbers = sorted(self._arrivals)
        expected = numbers[0] if self._next is None else self._next
        packets, told, at = [], 0, 0
        while at < len(numbers) and told < MAX_TOLD:
            base = expected if numbers[at] - expected < MAX_SPAN else numbers[at]
            end = bisect_left(numbers, base + MAX_SPAN, at)
            expected = numbers[end - 1] + 1
            span = [self._arrivals.get(number) for number in range(base, expected)]
            packets.append(transport_feedback(sender_ssrc, media_ssrc, base & 0xFFFF, self._count, span))
            self._count = (self._count + 1) & 0xFF
            told += expected - base
            at = end
        self._next = numbers[-1] + 1
        self._arrivals.clear()
        return packets
