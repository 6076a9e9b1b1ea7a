"""Packets kept for retransmission, by egress number, with a budget (SEATS R11, SECURITY B)."""

from __future__ import annotations

from collections import OrderedDict
from enum import Enum

MIN_BUDGET_BYTES = 15_000
"""What a fresh or slow stream may resend at once: about one small key frame."""

LEAST_RESEND_S = 0.02
"""Nothing is resent twice within this, even when the round trip is shorter or unknown."""


class Miss(Enum):
    """Why a number was not resent."""

    GONE = "gone"
    TOO_SOON = "too_soon"
    OVER_BUDGET = "over_budget"


class Kept:
    """One sent packet, before SRTP."""

    __slots__ = ("datagram", "header_bytes", "resent_s", "sent_s")

    def __init__(self, datagram: bytes, header_bytes: int, sent_s: float) -> None:
        self.datagram = datagram
        self.header_bytes = header_bytes
        self.sent_s = sent_s
        self.resent_s = -1.0


class History:
    """The newest packets of one egress stream, bounded by count and age. Survives switches."""

    __slots__ = ("_age_s", "_budget", "_capacity", "_kept", "_share")

    def __init__(self, capacity: int, age_s: float, share: float) -> None:
        self._kept: OrderedDict[int, Kept] = OrderedDict()
        self._capacity = capacity
        self._age_s = age_s
        self._share = share
        self._budget = float(MIN_BUDGET_BYTES)

    def keep(self, seq: int, datagram: bytes, header_bytes: int, now_s: float) -> None:
        """Remember a sent packet under its 16-bit egress number."""
        self._kept[seq] = Kept(datagram, header_bytes, now_s)
        if len(self._kept) > self._capacity:
            self._kept.popitem(last=False)
        room = self._budget + self._share * len(datagram)
        self._budget = min(room, 4 * MIN_BUDGET_BYTES)

    def take(self, seq: int, now_s: float, rtt_s: float) -> Kept | Miss:
        """A packet to resend now, paid for, or why not."""
        kept = self._kept.get(seq)
        if kept is None or now_s - kept.sent_s > self._age_s:
            return Miss.GONE
        if now_s - kept.resent_s < max(LEAST_RESEND_S, rtt_s):
            return Miss.TOO_SOON
        size = len(kept.datagram)
        if size > self._budget:
            return Miss.OVER_BUDGET
        self._budget -= size
        kept.resent_s = now_s
        return kept
