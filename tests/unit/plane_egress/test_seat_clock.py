"""One line of timestamps for the life of a seat (SEATS R2, R3)."""

from __future__ import annotations

import pytest

from sfu.plane.reference.egress.seat_clock import OPUS_FRAME_TICKS, SeatClock
from sfu.plane.reference.facts import MAX_AGE_S, IngressClock, PublisherClock
from sfu.wire.rtcp import SenderReport, ntp_from_unix
from sfu.wire.sequence import ts_delta

VIDEO_HZ, AUDIO_HZ = 90_000, 48_000


def report(unix_s: float, rtp: int) -> SenderReport:
    return SenderReport(
        ssrc=1, ntp_time=ntp_from_unix(unix_s), rtp_timestamp=rtp, packet_count=0, octet_count=0
    )


@pytest.mark.parametrize("first_ts", [0, 1, 0xFFFFFFFF, 0x80000000])
def test_the_line_is_anchored_at_its_first_time_and_wraps(first_ts: int) -> None:
    clock = SeatClock(VIDEO_HZ, first_ts)
    assert clock.video_start(100.0) == first_ts
    assert clock.at(101.0) == (first_ts + VIDEO_HZ) & 0xFFFFFFFF
    assert clock.at(99.0) == (first_ts - VIDEO_HZ) & 0xFFFFFFFF


def test_a_thousand_switches_add_no_error() -> None:
    clock = SeatClock(VIDEO_HZ, 7)
    for number in range(1000):
        now_s = 50.0 + number * 0.0333
        start = clock.video_start(now_s)
        assert abs(ts_delta(start, 7) - round(number * 0.0333 * VIDEO_HZ)) <= 1
        clock.sent(start, now_s)


def test_video_never_goes_back_nor_stands_still() -> None:
    clock = SeatClock(VIDEO_HZ, 0xFFFFFFF0)
    clock.sent(clock.video_start(10.0), 10.0)
    clock.sent((0xFFFFFFF0 + 900) & 0xFFFFFFFF, 10.01)
    assert clock.video_start(10.0) == (0xFFFFFFF0 + 901) & 0xFFFFFFFF


def test_a_late_packet_does_not_move_the_newest_timestamp() -> None:
    clock = SeatClock(VIDEO_HZ, 0)
    clock.video_start(1.0)
    clock.sent(9000, 1.1)
    clock.sent(4500, 1.2)
    assert (clock.last_ts, clock.last_s) == (9000, 1.1)


@pytest.mark.parametrize(
    ("elapsed_s", "steps"), [(0.02, 1), (0.028, 1), (0.031, 2), (0.009, 0), (-0.02, -1), (3.0, 150)]
)
def test_audio_counts_whole_frames(elapsed_s: float, steps: int) -> None:
    clock = SeatClock(AUDIO_HZ, 0)
    clock.sent(clock.audio_start(5.0, 1), 5.0)
    assert clock.audio_steps(5.0 + elapsed_s) == steps
    assert clock.audio_start(5.0 + elapsed_s, steps) == max(1, steps) * OPUS_FRAME_TICKS


def test_a_source_that_ran_away_takes_the_line_along_once() -> None:
    """A publisher's timestamps jumped an hour ahead: the next ones must still move with time."""
    clock = SeatClock(VIDEO_HZ, 0)
    clock.sent(clock.video_start(100.0), 100.0)
    runaway = 3600 * VIDEO_HZ
    clock.sent(runaway, 100.5)
    second = clock.video_start(101.5)
    assert ts_delta(second, runaway) == VIDEO_HZ
    clock.sent(second, 101.5)
    assert ts_delta(clock.video_start(103.5), second) == 2 * VIDEO_HZ


def test_a_source_that_is_slightly_ahead_does_not() -> None:
    clock = SeatClock(VIDEO_HZ, 0)
    clock.sent(clock.video_start(100.0), 100.0)
    clock.sent(45_000, 100.0)
    assert clock.video_start(101.0) == VIDEO_HZ


# ---- capture times


def test_before_a_report_capture_is_arrival() -> None:
    clock = IngressClock(VIDEO_HZ, PublisherClock())
    assert clock.capture_s(1234, 50.0) == 50.0
    assert clock.mapping() is None


def test_reports_place_packets_by_the_least_delay_seen() -> None:
    publisher = PublisherClock()
    clock = IngressClock(VIDEO_HZ, publisher)
    clock.on_sender_report(report(1_000_000.0, 0), 10.100)  # 100 ms under way
    clock.on_sender_report(report(1_000_001.0, VIDEO_HZ), 11.020)  # 20 ms
    assert publisher.offset_s == pytest.approx(10.02 - 1_000_000.0)
    assert clock.capture_s(2 * VIDEO_HZ, 12.5) == pytest.approx(12.02, abs=1e-4)
    assert clock.capture_s(2 * VIDEO_HZ, 12.0) == 12.0  # nothing is captured after it arrived


def test_a_wrapping_rtp_clock_is_followed() -> None:
    clock = IngressClock(VIDEO_HZ, PublisherClock())
    clock.on_sender_report(report(5_000.0, 0xFFFFFF00), 10.0)
    assert clock.capture_s(VIDEO_HZ - 0x100, 12.0) == pytest.approx(11.0, abs=1e-4)


@pytest.mark.parametrize("lie_s", [10 * 365 * 86_400.0, -10 * 365 * 86_400.0, 60.0, -60.0])
def test_a_report_that_lies_is_forgotten_with_the_next_true_one(lie_s: float) -> None:
    clock = IngressClock(VIDEO_HZ, PublisherClock())
    clock.on_sender_report(report(1_000.0, 0), 10.0)
    clock.on_sender_report(report(1_001.0 + lie_s, VIDEO_HZ), 11.0)
    assert abs(clock.capture_s(VIDEO_HZ, 11.0) - 11.0) <= MAX_AGE_S
    clock.on_sender_report(report(1_002.0, 2 * VIDEO_HZ), 12.0)
    assert clock.capture_s(2 * VIDEO_HZ, 12.1) == pytest.approx(12.0, abs=1e-3)


def test_another_encoding_s_old_report_is_not_read_with_a_new_clock() -> None:
    publisher = PublisherClock()
    old, new = IngressClock(VIDEO_HZ, publisher), IngressClock(VIDEO_HZ, publisher)
    old.on_sender_report(report(1_000.0, 0), 10.0)
    new.on_sender_report(report(90_000.0, 0), 11.0)
    assert old.mapping() is None
    assert old.capture_s(VIDEO_HZ, 11.5) == 11.5
    assert new.mapping() is not None


@pytest.mark.parametrize("jump_ticks", [1 << 30, -(1 << 30), (1 << 31) - 1])
def test_an_rtp_jump_counts_as_arrival(jump_ticks: int) -> None:
    clock = IngressClock(VIDEO_HZ, PublisherClock())
    clock.on_sender_report(report(1_000.0, 0), 10.0)
    assert clock.capture_s(jump_ticks & 0xFFFFFFFF, 10.5) == 10.5
