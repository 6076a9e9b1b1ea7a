"""Bounds of one signalling connection, and the token bucket that holds its message rate."""

from __future__ import annotations

from dataclasses import dataclass

from sfu.base.limits import TokenBucket
from sfu.protocol import limits


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionLimits:
    """The protocol's figures by default; tests shorten them."""

    first_message_s: float = limits.FIRST_MESSAGE_S
    burst: int = limits.MESSAGE_BURST
    messages_per_s: float = limits.MESSAGES_PER_S
    ping_interval_s: float = limits.PING_INTERVAL_S
    dead_after_s: float = limits.DEAD_AFTER_S
    attempts: int = 3
    """Refused ``create``, ``join`` and ``resume`` of one connection, then it is closed."""
    bad_first_messages: int = 5
    """Texts that are no message, or none that may come first, then the connection is closed."""


class MessageBucket:
    """Token bucket that counts what came over the rate, until it is too much.

    Time: seconds on a monotonic clock.
    """

    def __init__(self, burst: int, per_s: float, now_s: float) -> None:
        self._burst = burst
        self._bucket = TokenBucket(burst=burst, per_s=per_s, now_s=now_s)
        self.excess = 0
        """Messages over the rate since the bucket was last full."""

    def take(self, now_s: float) -> bool:
        """Whether one more message is within the rate."""
        if self._bucket.wait_s(now_s, self._burst) == 0.0:
            self.excess = 0
        if self._bucket.take(now_s):
            return True
        self.excess += 1
        return False

    def retry_after_s(self, now_s: float) -> float:
        """When the next message will be within the rate."""
        return self._bucket.wait_s(now_s)
