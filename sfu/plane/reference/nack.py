"""Which packets to ask a publisher for again (RFC 4585 section 6.2.1). Sans-IO.

One generator per encoding. Packets are asked for soon after they are missed, then once a round trip,
at most ten times; what is not back by then is given up, and only a key frame can mend the picture.
"""

from __future__ import annotations

from collections import OrderedDict

MAX_TRIES = 10
MAX_MISSING = 512
"""More is not loss but a gap: the list is dropped and a key frame asked for."""
REORDER_S = 0.01
"""A packet is late, not lost, for so long. Lower: reordering costs NACKs; higher: recovery waits."""
GIVE_UP_S = 1.5
LEAST_RETRY_S = 0.03


class NackGenerator:
    """Fed with extended sequence numbers in order of arrival; polled on a timer."""

    __slots__ = ("_highest", "_missing", "gave_up")

    def __init__(self) -> None:
        self._highest: int | None = None
        self._missing: OrderedDict[int, list[float]] = OrderedDict()
        self.gave_up = False
        """Something was given up since the last ``poll``."""

    def __len__(self) -> int:
        return len(self._missing)

    def received(self, ext_seq: int, now_s: float) -> bool:
        """A packet came, by itself or as RTX. True when it had been missing."""
        highest = self._highest
        if highest is None:
            self._highest = ext_seq
            return False
        if ext_seq <= highest:
            return self._missing.pop(ext_seq, None) is not None
        if ext_seq - highest > MAX_MISSING:
            self._missing.clear()
            self.gave_up = True
        else:
            for number in range(highest + 1, ext_seq):
                self._missing[number] = [now_s, -1.0, 0.0]  # missed at, asked at, tries
            while len(self._missing) > MAX_MISSING:
                self._missing.popitem(last=False)
                self.gave_up = True
        self._highest = ext_seq
        return False

    def forget_before(self, ext_seq: int) -> None:
        """A key frame starts here: what was missing before it is not needed any more.

        What is missing of the key frame itself stays: its first packet may be back before the rest.
        """
        for number in [missing for missing in self._missing if missing < ext_seq]:
            del self._missing[number]
        if self._highest is not None and ext_seq > self._highest:
            self._highest = ext_seq - 1

    def poll(self, now_s: float, rtt_s: float) -> list[int]:
        """16-bit numbers to ask for now, in order."""
        wait_s = max(LEAST_RETRY_S, rtt_s)
        due: list[int] = []
        lost: list[int] = []
        for number, state in self._missing.items():
            missed_s, asked_s, tries = state
            if tries >= MAX_TRIES or now_s - missed_s > GIVE_UP_S:
                lost.append(number)
            elif (tries == 0 and now_s - missed_s >= REORDER_S) or (tries > 0 and now_s - asked_s >= wait_s):
                state[1], state[2] = now_s, tries + 1
                due.append(number & 0xFFFF)
        for number in lost:
            del self._missing[number]
            self.gave_up = True
        return due
