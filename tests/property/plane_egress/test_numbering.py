"""Numbers of a seat, whatever is dropped, lost, late or switched (SEATS R1, R8, R9)."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from sfu.plane.reference.egress.numbering import MAX_SPANS, Numbering, Pictures
from sfu.wire.sequence import SequenceUnwrapper

FORWARD, DROP, LOST = "forward", "drop", "lost"
FATES = st.lists(st.sampled_from([FORWARD, FORWARD, DROP, LOST]), max_size=200)
FIRST = st.integers(0, 0xFFFF)


@given(
    first=FIRST,
    egress=st.integers(0, 1 << 40),
    fates=st.lists(st.sampled_from([FORWARD, DROP]), max_size=300),
)
def test_new_packets_rise_by_exactly_one(first: int, egress: int, fates: list[str]) -> None:
    unwrap = SequenceUnwrapper().unwrap
    numbering = Numbering(unwrap(first), egress)
    sent = []
    for index, fate in enumerate([FORWARD, *fates]):
        ext_seq = unwrap((first + index) & 0xFFFF)  # wraps with the publisher's
        if fate == FORWARD:
            sent.append(numbering.egress_seq(ext_seq))
        else:
            assert numbering.close_gap(ext_seq)
    assert sent == list(range(egress, egress + len(sent)))


@given(fates=FATES, data=st.data())
def test_late_packets_never_get_another_s_number(fates: list[str], data: st.DataObject) -> None:
    """Packets arrive shuffled within a window; each forwarded one has a number of its own, in order."""
    numbering = Numbering(1000, 50)
    order = sorted(
        range(1, len(fates) + 1), key=lambda index: index + data.draw(st.integers(0, 12), label="delay")
    )
    numbers: dict[int, int] = {0: 50}
    assert numbering.egress_seq(1000) == 50
    for index in order:
        fate = fates[index - 1]
        if fate == DROP:
            numbering.close_gap(1000 + index)
        elif fate == FORWARD:
            number = numbering.egress_seq(1000 + index)
            assert number is not None
            numbers[index] = number
    in_order = [numbers[index] for index in sorted(numbers)]
    assert in_order == sorted(set(in_order))
    # What is free between neighbours is what was lost there, or dropped too late to close.
    for before, after in zip(sorted(numbers), sorted(numbers)[1:], strict=False):
        assert numbers[after] - numbers[before] <= after - before


@given(fates=FATES)
def test_lost_packets_keep_their_place(fates: list[str]) -> None:
    numbering = Numbering(0, 0)
    expected = 0
    for ext_seq, fate in enumerate(fates, start=1):
        if fate == DROP:
            numbering.close_gap(ext_seq)
            continue
        expected += 1
        if fate == FORWARD:
            assert numbering.egress_seq(ext_seq) == expected
    late = 0
    for ext_seq, fate in enumerate(fates, start=1):
        late += fate != DROP
        if fate == LOST and len([f for f in fates if f == DROP]) < MAX_SPANS:
            assert numbering.egress_seq(ext_seq) == late


@given(drops=st.integers(0, 600))
def test_what_is_remembered_is_bounded_and_forgotten_packets_have_no_number(drops: int) -> None:
    numbering = Numbering(0, 0)
    for index in range(drops):
        numbering.close_gap(2 * index + 1)
        assert numbering.egress_seq(2 * index + 2) == index + 1
    oldest = numbering.egress_seq(0)
    assert oldest == (0 if drops < MAX_SPANS else None)
    assert numbering.egress_seq(-1) is None


@given(
    pictures=st.lists(st.booleans(), max_size=200),
    first=st.integers(0, (1 << 15) - 1),
    start=st.integers(0, 9),
)
def test_picture_ids_have_no_gaps_when_whole_pictures_are_dropped(
    pictures: list[bool], first: int, start: int
) -> None:
    numbering, ids = Numbering(start, 0), Pictures()
    ids.switch(first, None, None)
    out = [ids.picture_id(first, 0)]
    for index, kept in enumerate(pictures, start=1):
        ext_seq, pid = start + index, (first + index) % (1 << 15)
        if kept:
            numbering.egress_seq(ext_seq)
            out.append(ids.picture_id(pid, numbering.picture_offset(ext_seq)))
        else:
            numbering.close_gap(ext_seq, whole_picture=True)
    assert all((b - a) % (1 << 15) == 1 for a, b in itertools.pairwise(out))


STAYS = st.lists(
    st.tuples(st.integers(0, (1 << 15) - 1), st.integers(0, 255), st.integers(0, 0xFFFF), st.integers(1, 60)),
    min_size=1,
    max_size=20,
)


@given(stays=STAYS)
def test_numbers_continue_over_any_switches(stays: list[tuple[int, int, int, int]]) -> None:
    """Each stay: a source's first picture id, TL0PICIDX and frame number, and how long it stays."""
    ids = Pictures()
    out: list[tuple[int, int, int]] = []
    for pid, tl0, frame, length in stays:
        ids.switch(pid, tl0, frame)
        out.extend(
            (
                ids.picture_id((pid + index) % (1 << 15), 0),
                ids.tl0picidx((tl0 + index) & 0xFF),
                ids.frame_number((frame + index) & 0xFFFF),
            )
            for index in range(length)
        )
    for before, after in itertools.pairwise(out):
        assert (after[0] - before[0]) % (1 << 15) == 1
        assert (after[1] - before[1]) & 0xFF == 1
        assert (after[2] - before[2]) & 0xFFFF == 1


@given(stays=st.lists(st.tuples(st.integers(0, 127), st.integers(1, 400)), min_size=1, max_size=6))
def test_7_bit_picture_ids_continue_too(stays: list[tuple[int, int]]) -> None:
    """A 7-bit field takes the low bits of the seat's number; its source wraps at 128."""
    ids = Pictures()
    out: list[int] = []
    for first, length in stays:
        ids.switch(first, None, None)
        out.extend(ids.picture_id((first + index) & 0x7F, 0, long=False) & 0x7F for index in range(length))
    assert all((b - a) & 0x7F == 1 for a, b in itertools.pairwise(out))


@given(late=st.integers(1, 50))
def test_a_late_picture_does_not_move_the_newest(late: int) -> None:
    ids = Pictures()
    ids.switch(100, 0, 100)
    for index in range(60):
        ids.picture_id(100 + index, 0)
        ids.frame_number(100 + index)
    assert ids.picture_id(159 - late, 0) == 159 - late
    assert ids.frame_number(159 - late) == 159 - late
    ids.switch(7, 0, 7)
    assert (ids.picture_id(7, 0), ids.frame_number(7)) == (160, 160)
