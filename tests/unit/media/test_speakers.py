"""Active speaker: hysteresis in virtual time."""

from __future__ import annotations

from sfu.base.ids import Pid
from sfu.media.speakers import HOLD_S, STALE_S, SpeakerTracker

A, B = Pid("a"), Pid("b")
STEP_S = 0.2


def run(tracker: SpeakerTracker, now_s: float, steps: int, levels: dict[Pid, int]) -> float:
    for _ in range(steps):
        now_s += STEP_S
        tracker.update(levels, now_s)
    return now_s


def test_nobody_speaks_at_first() -> None:
    tracker = SpeakerTracker()
    run(tracker, 0.0, 5, {A: 127, B: 90})
    assert tracker.speaker is None
    assert tracker.loudness(1.0) == {A: 0, B: 0}


def test_whoever_speaks_has_the_floor_and_keeps_it_through_a_pause() -> None:
    tracker = SpeakerTracker()
    now_s = run(tracker, 0.0, 3, {A: 25, B: 100})
    assert tracker.speaker == A
    run(tracker, now_s, 2, {A: 127, B: 127})
    assert tracker.speaker == A


def test_another_voice_takes_over_after_the_pause_is_long_enough() -> None:
    tracker = SpeakerTracker()
    now_s = run(tracker, 0.0, 3, {A: 25})
    steps = round(HOLD_S / STEP_S) + 2
    run(tracker, now_s, steps, {A: 127, B: 30})
    assert tracker.speaker == B


def test_a_slightly_louder_voice_does_not_interrupt_but_a_much_louder_one_does() -> None:
    tracker = SpeakerTracker()
    now_s = run(tracker, 0.0, 3, {A: 30})
    now_s = run(tracker, now_s, 4, {A: 30, B: 27})
    assert tracker.speaker == A
    run(tracker, now_s, 4, {A: 30, B: 10})
    assert tracker.speaker == B


def test_a_click_is_not_a_speaker() -> None:
    tracker = SpeakerTracker()
    now_s = run(tracker, 0.0, 3, {A: 30, B: 127})
    run(tracker, now_s, 1, {A: 30, B: 60})
    assert tracker.speaker == A


def test_silence_without_packets_reads_zero() -> None:
    tracker = SpeakerTracker()
    now_s = run(tracker, 0.0, 3, {A: 10})
    assert tracker.loudness(now_s)[A] == 100
    assert tracker.loudness(now_s + STALE_S + 0.1)[A] == 0


def test_who_left_is_forgotten() -> None:
    tracker = SpeakerTracker()
    now_s = run(tracker, 0.0, 3, {A: 10})
    tracker.forget(A)
    assert tracker.speaker is None
    assert tracker.by_loudness(now_s) == []
