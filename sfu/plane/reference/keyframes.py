"""Decide when to ask a publisher for a key frame (PLI, RFC 4585 section 6.3.1). Sans-IO.

One arbiter per encoding, the only code that may ask (SECURITY 0.6). A request without an answer is
repeated while somebody waits, because Chromium drops requests that come too close (SEATS R7).
"""

from __future__ import annotations

from collections import deque

from sfu.base.limits import TokenBucket
from sfu.plane.port import PlaneLimits


class KeyframeArbiter:
    """IDLE --request--> asked, then again while requests keep coming.

    Who waits for a switch repeats every ``keyframe_retry_s``; whoever else asks gets no more than one
    in ``keyframe_interval_s``.
    """

    __slots__ = ("_asked_s", "_bucket", "_interval_s", "_pending", "_retry_s")

    def __init__(self, limits: PlaneLimits, now_s: float) -> None:
        self._interval_s = limits.keyframe_interval_s
        self._retry_s = limits.keyframe_retry_s
        per_s = 1.0 / limits.keyframe_interval_s
        # On average one an interval; the burst lets the first repeat come at the retry time.
        self._bucket = TokenBucket(burst=max(2.0, per_s), per_s=per_s, now_s=now_s)
        self._asked_s: float | None = None
        self._pending = False

    def request(self, now_s: float, *, waiting: bool) -> bool:
        """Somebody needs a key frame. True: ask the publisher now.

        Call it again for as long as the need lasts; it decides when to repeat. ``waiting``: a switch
        does.
        """
        if self._asked_s is not None:
            since_s = now_s - self._asked_s
            if not waiting and since_s < self._interval_s:
                return False
            if self._pending and since_s < self._retry_s:
                return False
        if not self._bucket.take(now_s):
            return False
        self._asked_s, self._pending = now_s, True
        return True

    def arrived(self) -> None:
        """A key frame's first packet is here: a switch that needs the next one may ask at once."""
        self._pending = False


class SeatBudget:
    """How often one subscriber's own PLIs for one seat are listened to."""

    __slots__ = ("_count", "_times", "_window_s")

    def __init__(self, limits: PlaneLimits) -> None:
        self._count = limits.seat_keyframes
        self._window_s = limits.seat_keyframe_window_s
        self._times: deque[float] = deque()

    def allows(self, now_s: float) -> bool:
        """Whether one more request is within the budget."""
        while self._times and now_s - self._times[0] > self._window_s:
            self._times.popleft()
        return len(self._times) < self._count

    def pay(self, now_s: float) -> None:
        """The publisher was asked. Requests that others' cover cost nothing: receivers repeat them."""
        self._times.append(now_s)
