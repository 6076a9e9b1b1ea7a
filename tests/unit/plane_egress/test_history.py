"""What is kept for retransmission, and the budget it is paid from (SEATS R11, SECURITY B)."""

from __future__ import annotations

import pytest

from sfu.plane.reference.egress.history import (
    LEAST_RESEND_S,
    MIN_BUDGET_BYTES,
    History,
    Kept,
    Miss,
)


def full(count: int, *, size: int = 1000, capacity: int = 600, share: float = 0.25) -> History:
    history = History(capacity, age_s=2.0, share=share)
    for seq in range(count):
        history.keep(seq, bytes(size), 12, 10.0)
    return history


def test_the_packet_comes_back_as_it_was_kept() -> None:
    history = full(0)
    history.keep(65_535, b"datagram", 4, 10.0)
    kept = history.take(65_535, 10.5, 0.1)
    assert isinstance(kept, Kept)
    assert (kept.datagram, kept.header_bytes) == (b"datagram", 4)


@pytest.mark.parametrize(
    ("seq", "now_s", "expected"),
    [
        pytest.param(99, 10.0, None, id="newest"),
        pytest.param(40, 10.0, None, id="oldest-kept"),
        pytest.param(39, 10.0, Miss.GONE, id="pushed-out"),
        pytest.param(100, 10.0, Miss.GONE, id="never-sent"),
        pytest.param(99, 12.0, None, id="as-old-as-may-be"),
        pytest.param(99, 12.1, Miss.GONE, id="too-old"),
    ],
)
def test_count_and_age_bound_what_is_there(seq: int, now_s: float, expected: Miss | None) -> None:
    found = full(100, size=100, capacity=60).take(seq, now_s, 0.1)
    assert found is expected or (expected is None and isinstance(found, Kept))


@pytest.mark.parametrize(("rtt_s", "wait_s"), [(0.1, 0.1), (0.0, LEAST_RESEND_S), (1.0, 1.0)])
def test_once_a_round_trip(rtt_s: float, wait_s: float) -> None:
    history = full(3)
    assert isinstance(history.take(1, 10.0, rtt_s), Kept)
    assert history.take(1, 10.0 + wait_s * 0.99, rtt_s) is Miss.TOO_SOON
    assert isinstance(history.take(2, 10.0, rtt_s), Kept)
    assert isinstance(history.take(1, 10.0 + wait_s * 1.01, rtt_s), Kept)


def test_a_slow_stream_may_resend_a_small_key_frame_and_no_more() -> None:
    history = full(30, share=0.0)
    sent = [history.take(seq, 11.0, 0.1) for seq in range(30)]
    assert sum(isinstance(found, Kept) for found in sent) == MIN_BUDGET_BYTES // 1000
    assert sent[-1] is Miss.OVER_BUDGET


def test_what_is_sent_pays_its_share_and_savings_are_bounded() -> None:
    history = full(500)
    sent = sum(isinstance(history.take(seq, 11.0, 0.1), Kept) for seq in range(500))
    assert sent == 4 * MIN_BUDGET_BYTES // 1000
    for seq in range(500, 540):
        history.keep(seq, bytes(1000), 12, 11.0)
    again = sum(isinstance(history.take(seq, 11.0, 0.1), Kept) for seq in range(500, 540))
    assert again == 10  # a quarter of what left since


def test_numbers_that_come_round_again_are_the_new_packet() -> None:
    history = History(600, 2.0, 0.25)
    for number in range(0x10000 + 10):
        history.keep(number & 0xFFFF, number.to_bytes(4, "big"), 0, 10.0)
    kept = history.take(5, 10.1, 0.1)
    assert isinstance(kept, Kept)
    assert kept.datagram == (0x10005).to_bytes(4, "big")
