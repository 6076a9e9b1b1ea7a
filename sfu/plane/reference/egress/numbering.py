"""Ingress numbers -> egress numbers without a gap, across drops and switches (SEATS R1, R8, R9).

One ``Numbering`` serves one stay of one source in a seat. It starts at the first packet of the
switch and knows, for every later or late packet, which number it has or would have had.
"""

from __future__ import annotations

from bisect import bisect_right

MAX_SPANS = 256
"""Closed gaps remembered. A packet older than the oldest has no number any more."""

PICTURE_IDS = 1 << 15
SHORT_PICTURE_IDS = 1 << 7


class Numbering:
    """Offsets from one source's numbers to the seat's."""

    __slots__ = ("_picture_offsets", "_seq_offsets", "_starts", "first", "highest")

    def __init__(self, first_ext_seq: int, egress_seq: int, picture_offset: int = 0) -> None:
        self.first = first_ext_seq
        """Packets older than this are from before the switch."""
        self.highest = first_ext_seq - 1
        self._starts = [first_ext_seq]
        self._seq_offsets = [egress_seq - first_ext_seq]
        self._picture_offsets = [picture_offset]

    def egress_seq(self, ext_seq: int) -> int | None:
        """The egress number of a packet, None when it is older than we can map."""
        if ext_seq > self.highest:
            self.highest = ext_seq
            return ext_seq + self._seq_offsets[-1]
        index = bisect_right(self._starts, ext_seq) - 1
        if index < 0:
            return None
        return ext_seq + self._seq_offsets[index]

    def picture_offset(self, ext_seq: int) -> int:
        """What to add to the picture id of a packet that ``egress_seq`` could map."""
        index = bisect_right(self._starts, ext_seq) - 1
        return self._picture_offsets[max(0, index)]

    def close_gap(self, ext_seq: int, *, whole_picture: bool = False) -> bool:
        """This packet is not forwarded on purpose: later ones move up by one.

        ``whole_picture``: it was the first packet of a dropped picture, so picture ids move up too.
        False when newer packets have left already: then the gap stays, and a NACK for it finds
        nothing.
        """
        if ext_seq <= self.highest:
            return False
        self.highest = ext_seq
        self._starts.append(ext_seq + 1)
        self._seq_offsets.append(self._seq_offsets[-1] - 1)
        self._picture_offsets.append(self._picture_offsets[-1] - (1 if whole_picture else 0))
        if len(self._starts) > MAX_SPANS:
            del self._starts[0], self._seq_offsets[0], self._picture_offsets[0]
        return True


class Pictures:
    """The seat's own picture id, TL0PICIDX and DD frame number, continued across sources."""

    __slots__ = (
        "_dd_last",
        "_dd_offset",
        "_pid_last",
        "_pid_offset",
        "_tl0_last",
        "_tl0_offset",
    )

    def __init__(self) -> None:
        self._pid_last: int | None = None
        self._tl0_last: int | None = None
        self._dd_last: int | None = None
        self._pid_offset = self._tl0_offset = self._dd_offset = 0

    def switch(self, pid: int | None, tl0: int | None, dd: int | None) -> None:
        """A new source starts with these numbers (None: it has no such number)."""
        if pid is not None:
            self._pid_offset = 0 if self._pid_last is None else self._pid_last + 1 - pid
        if tl0 is not None:
            self._tl0_offset = 0 if self._tl0_last is None else self._tl0_last + 1 - tl0
        if dd is not None:
            self._dd_offset = 0 if self._dd_last is None else self._dd_last + 1 - dd

    def picture_id(self, pid: int, extra_offset: int, *, long: bool = True) -> int:
        """The egress picture id, 15 bits; a 7-bit field takes its low bits.

        ``long`` False: the source's own is of 7 bits, and wraps while the seat's goes on.
        """
        number = (pid + self._pid_offset + extra_offset) % PICTURE_IDS
        last = self._pid_last
        if not long and last is not None:
            step = (number - last + SHORT_PICTURE_IDS // 2) % SHORT_PICTURE_IDS - SHORT_PICTURE_IDS // 2
            number = (last + step) % PICTURE_IDS
        self._pid_last = _newer(last, number, PICTURE_IDS)
        return number

    def tl0picidx(self, tl0: int) -> int:
        """The egress TL0PICIDX, 8 bits."""
        number = (tl0 + self._tl0_offset) & 0xFF
        self._tl0_last = _newer(self._tl0_last, number, 1 << 8)
        return number

    def frame_number(self, dd: int) -> int:
        """The egress frame number of the dependency descriptor, 16 bits."""
        number = (dd + self._dd_offset) & 0xFFFF
        self._dd_last = _newer(self._dd_last, number, 1 << 16)
        return number


def _newer(last: int | None, number: int, modulus: int) -> int:
    if last is None or (number - last) % modulus < modulus // 2:
        return number
    return last
