"""NACK, reception statistics, transport-wide feedback and levels, in virtual time."""

from __future__ import annotations

import itertools
import random

import pytest

from sfu.base.ids import IngressId
from sfu.plane.reference.levels import LevelMeter
from sfu.plane.reference.nack import GIVE_UP_S, MAX_MISSING, MAX_TRIES, NackGenerator
from sfu.plane.reference.receiver_report import ReceptionStats
from sfu.plane.reference.transport_cc import MAX_ARRIVALS, MAX_SPAN, MAX_TOLD, TransportCcRecorder
from sfu.wire.rtcp import SenderReport, TransportFeedback, parse_compound

RTT_S = 0.1

# ---- NACK


def with_gap(*, at_s: float = 10.0, lost: int = 3) -> NackGenerator:
    nack = NackGenerator()
    nack.received(100, at_s)
    nack.received(101 + lost, at_s)
    return nack


def test_nothing_missing_nothing_asked() -> None:
    nack = NackGenerator()
    for number in range(50):
        assert not nack.received(number, number * 0.01)
        assert nack.poll(number * 0.01, RTT_S) == []


def test_a_gap_is_asked_for_after_the_reordering_time_and_then_once_a_round_trip() -> None:
    nack = with_gap()
    assert nack.poll(10.005, RTT_S) == []
    assert nack.poll(10.011, RTT_S) == [101, 102, 103]
    assert nack.poll(10.05, RTT_S) == []
    assert nack.poll(10.112, RTT_S) == [101, 102, 103]


def test_what_comes_late_is_asked_no_more() -> None:
    nack = with_gap()
    assert nack.received(102, 10.005)
    assert not nack.received(102, 10.006)  # it was not missing any more
    assert nack.poll(10.02, RTT_S) == [101, 103]
    assert nack.received(101, 10.03)
    assert nack.received(103, 10.03)
    assert len(nack) == 0


@pytest.mark.parametrize("rtt_s", [0.001, 0.1, 0.4])
def test_it_gives_up_by_tries_or_time_and_says_so(rtt_s: float) -> None:
    nack = with_gap(lost=1)
    asked, now_s = 0, 10.0
    while len(nack):
        now_s += 0.02
        asked += len(nack.poll(now_s, rtt_s))
        assert now_s < 20
    assert nack.gave_up
    assert asked <= MAX_TRIES
    assert now_s - 10.0 <= GIVE_UP_S + 0.05


def test_a_jump_is_no_loss() -> None:
    nack = with_gap(lost=MAX_MISSING + 1)
    assert len(nack) == 0
    assert nack.gave_up


def test_what_is_missing_is_bounded() -> None:
    nack = NackGenerator()
    for number in range(0, 4000, 2):
        nack.received(number, 1.0)
    assert len(nack) == MAX_MISSING
    assert nack.gave_up


def test_a_key_frame_ends_the_need_for_what_was_before_it_only() -> None:
    nack = with_gap(lost=5)  # 101 to 105
    nack.forget_before(104)
    assert nack.poll(10.02, RTT_S) == [104, 105]
    nack.forget_before(200)
    nack.received(200, 10.1)
    assert len(nack) == 0  # 107 to 199 are before the key frame


def test_numbers_asked_for_are_of_16_bits() -> None:
    nack = NackGenerator()
    nack.received(0x1FFFE, 1.0)
    nack.received(0x20002, 1.0)
    assert nack.poll(1.02, RTT_S) == [0xFFFF, 0, 1]


# ---- receiver reports

FIRST = 0x10000 + 1000
"""Extended numbers start one cycle up (``SequenceUnwrapper``)."""


def stats_after(numbers: list[int]) -> ReceptionStats:
    stats = ReceptionStats(90_000)
    for number in numbers:
        stats.received(FIRST + number, 0, 5.0)
    return stats


@pytest.mark.parametrize(
    ("numbers", "lost", "fraction"),
    [
        pytest.param(list(range(100)), 0, 0, id="none"),
        pytest.param([n for n in range(100) if n % 4], 24, 24 * 256 // 99, id="a-quarter"),
        pytest.param([0, 99], 98, 98 * 256 // 100, id="nearly-all"),
        pytest.param([0, 1, 1, 2, 2], -2, 0, id="duplicates-are-a-negative-loss"),
        pytest.param([0, 2, 1, 4, 3], 0, 0, id="reordered"),
        pytest.param([5, 6, 0, 1, 2, 3, 4], -5, 0, id="late-from-before-the-first"),
    ],
)
def test_loss_by_rfc_3550_a3(numbers: list[int], lost: int, fraction: int) -> None:
    block = stats_after(numbers).block(7, 6.0)
    assert block is not None
    assert (block.ssrc, block.packets_lost, block.fraction_lost) == (7, lost, fraction)
    assert block.highest_seq == 1000 + max(numbers)


def test_a_fraction_is_of_its_own_interval() -> None:
    stats = stats_after([0, 1, 2, 3])
    assert stats.block(7, 6.0)
    for number in (4, 8):
        stats.received(FIRST + number, 0, 6.5)
    block = stats.block(7, 7.0)
    assert block is not None
    assert (block.packets_lost, block.fraction_lost) == (3, 3 * 256 // 5)
    silent = stats.block(7, 8.0)
    assert silent is not None
    assert (silent.packets_lost, silent.fraction_lost) == (3, 0)


def test_highest_counts_cycles() -> None:
    stats = ReceptionStats(90_000)
    for number in (0x1FFFF, 0x20000, 0x30005):
        stats.received(number, 0, 1.0)
    block = stats.block(7, 2.0)
    assert block is not None
    assert block.highest_seq == 0x00020005


def test_no_packet_no_block() -> None:
    assert ReceptionStats(90_000).block(7, 1.0) is None


def test_jitter_by_rfc_3550_a8() -> None:
    """Against the RFC's own recurrence, in floating point."""
    rng = random.Random(6)
    stats, jitter, before = ReceptionStats(48_000), 0.0, None
    base = 0xFFFFFFFF - 48_000  # wraps in the middle
    for number in range(200):
        arrival_s = 100.0 + number * 0.02 + rng.uniform(0, 0.008)
        stats.received(FIRST + number, (base + number * 960) & 0xFFFFFFFF, arrival_s)
        transit = arrival_s * 48_000 - number * 960
        if before is not None:
            jitter += (abs(transit - before) - jitter) / 16
        before = transit
    block = stats.block(7, 200.0)
    assert block is not None
    assert block.jitter_ticks == pytest.approx(jitter, abs=1.0)


def test_last_report_and_delay() -> None:
    stats = stats_after([0])
    report = SenderReport(ssrc=7, ntp_time=0x1122334455667788, rtp_timestamp=0, packet_count=0, octet_count=0)
    stats.on_sender_report(report, 5.5)
    block = stats.block(7, 7.0)
    assert block is not None
    assert (block.last_sr, block.delay_since_last_sr) == (0x33445566, round(1.5 * 65536))


# ---- transport-wide feedback


def told(datagrams: list[bytes]) -> list[TransportFeedback]:
    found = [parse_compound(datagram)[0][0] for datagram in datagrams]
    assert all(isinstance(packet, TransportFeedback) for packet in found)
    return [packet for packet in found if isinstance(packet, TransportFeedback)]


def numbers_of(reports: list[TransportFeedback]) -> dict[int, bool]:
    return {
        (report.base_seq + index) & 0xFFFF: arrival_s is not None
        for report in reports
        for index, arrival_s in enumerate(report.arrivals)
    }


def test_feedback_covers_each_number_once() -> None:
    recorder, rng, reports = TransportCcRecorder(), random.Random(8), list[TransportFeedback]()
    lost = set(rng.sample(range(65_000, 66_000), 100)) - {65_000, 65_999}
    for number in range(65_000, 66_000):
        now_s = 50.0 + (number - 65_000) * 0.002
        if number not in lost:
            recorder.received(number & 0xFFFF, now_s)
        reports += told(recorder.poll(1, 2, now_s))
    reports += told(recorder.poll(1, 2, 60.0))
    assert numbers_of(reports) == {n & 0xFFFF: n not in lost for n in range(65_000, 66_000)}
    assert sum(len(report.arrivals) for report in reports) == 1000
    assert [report.feedback_count for report in reports] == [n & 0xFF for n in range(len(reports))]


def test_feedback_waits_for_its_interval_and_for_something_to_tell() -> None:
    recorder = TransportCcRecorder()
    assert recorder.poll(1, 2, 50.0) == []
    recorder.received(5, 50.0)
    assert len(recorder.poll(1, 2, 50.0)) == 1
    recorder.received(6, 50.01)
    assert recorder.poll(1, 2, 50.02) == []
    assert len(recorder.poll(1, 2, 50.06)) == 1


def test_reordered_arrivals_are_told_and_those_told_as_lost_stay_lost() -> None:
    recorder = TransportCcRecorder()
    for number, now_s in ((10, 50.0), (12, 50.01), (11, 50.02)):
        recorder.received(number, now_s)
    (report,) = told(recorder.poll(1, 2, 50.1))
    first_s, late_s, second_s = report.arrivals
    assert first_s is not None
    assert late_s is not None
    assert second_s is not None
    assert second_s - first_s == pytest.approx(0.01, abs=0.000_3)
    assert late_s - first_s == pytest.approx(0.02, abs=0.000_3)
    recorder.received(9, 50.2)
    assert recorder.poll(1, 2, 50.3) == []


@pytest.mark.parametrize("jump", [MAX_SPAN + 1, 20_000, 32_000])
def test_a_jump_is_told_in_bounded_packets(jump: int) -> None:
    recorder = TransportCcRecorder()
    recorder.received(10, 50.0)
    recorder.poll(1, 2, 50.1)
    recorder.received(11, 50.2)
    recorder.received(11 + jump, 50.2)
    reports = told(recorder.poll(1, 2, 50.3))
    assert all(len(report.arrivals) <= MAX_SPAN for report in reports)
    assert numbers_of(reports)[(11 + jump) & 0xFFFF]


def test_a_publisher_that_jumps_to_and_fro_makes_us_write_little() -> None:
    """Each packet half the number space on: reports on all that lies between would take seconds."""
    recorder = TransportCcRecorder()
    recorder.received(0, 50.0)
    recorder.poll(1, 2, 50.0)
    for number in range(1, 1000):
        recorder.received(number * 0x7FFF & 0xFFFF, 50.01)
    assert sum(len(report.arrivals) for report in told(recorder.poll(1, 2, 50.1))) <= MAX_TOLD + MAX_SPAN
    for number in range(1000, 1400):
        recorder.received((number * (MAX_SPAN - 1) + 999 * 0x7FFF) & 0xFFFF, 50.15)
    assert sum(len(report.arrivals) for report in told(recorder.poll(1, 2, 50.2))) <= MAX_TOLD + MAX_SPAN


def test_a_flood_of_numbers_is_bounded_and_its_packets_fit_a_datagram() -> None:
    recorder = TransportCcRecorder()
    for number in range(3 * MAX_ARRIVALS):
        recorder.received(number & 0xFFFF, 50.0 + (number % 2) * 0.07)  # deltas of two bytes
    datagrams = recorder.poll(1, 2, 50.2)
    assert sum(len(report.arrivals) for report in told(datagrams)) == MAX_ARRIVALS
    assert max(len(datagram) for datagram in datagrams) < 1400


def test_a_process_that_stood_still_reports_on() -> None:
    recorder = TransportCcRecorder()
    recorder.received(10, 50.0)
    recorder.received(11, 500.0)
    reports = told(recorder.poll(1, 2, 500.0))
    assert numbers_of(reports) == {11: True}
    recorder.received(12, 500.1)
    assert numbers_of(told(recorder.poll(1, 2, 500.2))) == {12: True}


# ---- levels

A, B = IngressId(1), IngressId(2)


def test_levels_are_means_of_the_interval() -> None:
    meter = LevelMeter()
    for level in (10, 20, 60):
        meter.heard(A, level)
    meter.heard(B, 127)
    assert sorted(meter.poll(100.0)) == [(A, 30), (B, 127)]
    assert meter.poll(100.5) == ()


def test_levels_come_at_most_five_times_a_second() -> None:
    meter, told_at = LevelMeter(), []
    for tick in range(100):
        meter.heard(A, 5)
        if meter.poll(100.0 + tick * 0.02):
            told_at.append(tick * 0.02)
    assert len(told_at) <= 11
    assert all(b - a >= 0.19 for a, b in itertools.pairwise(told_at))


def test_a_track_that_is_gone_is_not_told() -> None:
    meter = LevelMeter()
    meter.heard(A, 5)
    meter.heard(B, 6)
    meter.forget(A)
    meter.forget(IngressId(99))
    assert meter.poll(100.0) == ((B, 6),)
