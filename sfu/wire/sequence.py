"""Serial number arithmetic of RTP (RFC 3550 appendix A.1, RFC 1982)."""

from __future__ import annotations


def seq_delta(a: int, b: int) -> int:
    """``a - b`` for 16-bit numbers that wrap: -32768..32767."""
    return ((a - b + 0x8000) & 0xFFFF) - 0x8000


def ts_delta(a: int, b: int) -> int:
    """``a - b`` for 32-bit numbers that wrap: -2^31..2^31-1."""
    return ((a - b + 0x80000000) & 0xFFFFFFFF) - 0x80000000


class SequenceUnwrapper:
    """16-bit sequence numbers -> numbers that never wrap. Late ones map to where they belong."""

    __slots__ = ("_highest",)

    def __init__(self) -> None:
        self._highest: int | None = None

    @property
    def highest(self) -> int | None:
        """The highest number so far."""
        return self._highest

    def unwrap(self, seq: int) -> int:
        """The extended number; starts one cycle up, so that early late ones stay positive."""
        if self._highest is None:
            self._highest = seq + 0x10000
            return self._highest
        extended = self._highest + seq_delta(seq, self._highest & 0xFFFF)
        self._highest = max(self._highest, extended)
        return extended


class TimestampUnwrapper:
    """32-bit RTP timestamps -> numbers that never wrap."""

    __slots__ = ("_last",)

    def __init__(self) -> None:
        self._last: int | None = None

    def unwrap(self, timestamp: int) -> int:
        """The extended timestamp, nearest to the one before it."""
        if self._last is None:
            self._last = timestamp + (1 << 32)
        else:
            self._last += ts_delta(timestamp, self._last & 0xFFFFFFFF)
        return self._last
