"""Time, read once at the edge and passed down. Seconds everywhere."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Protocol


class Clock(Protocol):
    """Where an edge reads the time."""

    def monotonic_s(self) -> float:
        """Never goes back; for intervals and deadlines."""

    def wall_s(self) -> float:
        """Seconds since the Unix epoch; for what leaves the process (tokens, NTP, logs)."""


class SystemClock:
    """The machine's own clocks."""

    def monotonic_s(self) -> float:
        """``time.monotonic``."""
        return time.monotonic()

    def wall_s(self) -> float:
        """``time.time``."""
        return time.time()


@dataclass(slots=True)
class ManualClock:
    """A clock that tests move by hand."""

    now_s: float = 1_000.0
    epoch_s: float = 1_800_000_000.0

    def monotonic_s(self) -> float:
        """The time set by hand."""
        return self.now_s

    def wall_s(self) -> float:
        """Runs in step with the monotonic one."""
        return self.epoch_s + self.now_s

    def advance(self, by_s: float) -> None:
        """Let ``by_s`` seconds pass."""
        self.now_s += by_s
