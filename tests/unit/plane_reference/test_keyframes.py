"""The key-frame arbiter and the seats' budgets (SEATS R7), in virtual time."""

from __future__ import annotations

import itertools

import pytest

from sfu.plane.port import PlaneLimits
from sfu.plane.reference.keyframes import KeyframeArbiter, SeatBudget

LIMITS = PlaneLimits()


def asked_at(
    arbiter: KeyframeArbiter, until_s: float, *, waiting: bool, answer_s: float = 99.0
) -> list[float]:
    """When requests pass if somebody asks every 20 ms and each is answered ``answer_s`` later."""
    times: list[float] = []
    for tick in range(round(until_s / 0.02)):
        now_s = 100.0 + tick * 0.02
        if times and now_s - 100.0 - times[-1] >= answer_s:
            arbiter.arrived()
        if arbiter.request(now_s, waiting=waiting):
            times.append(round(now_s - 100.0, 2))
    return times


def test_the_first_request_passes_at_once() -> None:
    assert KeyframeArbiter(LIMITS, 100.0).request(100.0, waiting=False)


def test_a_waiting_switch_repeats_at_the_retry_time_and_never_above_two_a_second() -> None:
    times = asked_at(KeyframeArbiter(LIMITS, 100.0), 10.0, waiting=True)
    gaps = [b - a for a, b in itertools.pairwise(times)]
    assert 0.35 <= gaps[0] < 0.38
    assert all(gap >= 0.35 for gap in gaps)
    assert len(times) <= 2 + 10 * 2
    assert len([t for t in times if t < 2.0]) >= 5  # before a stall is reported


def test_others_get_one_an_interval_even_when_answered_at_once() -> None:
    times = asked_at(KeyframeArbiter(LIMITS, 100.0), 5.0, waiting=False, answer_s=0.0)
    assert times == [round(0.5 * n, 2) for n in range(10)]


def test_a_key_frame_lets_the_next_switch_ask_at_once() -> None:
    arbiter = KeyframeArbiter(LIMITS, 100.0)
    assert arbiter.request(100.0, waiting=True)
    arbiter.arrived()
    assert arbiter.request(100.05, waiting=True)
    assert not arbiter.request(100.06, waiting=True)


def test_switches_that_are_all_answered_are_held_to_the_rate_too() -> None:
    times = asked_at(KeyframeArbiter(LIMITS, 100.0), 5.0, waiting=True, answer_s=0.0)
    assert len(times) <= 2 + 5 * 2


@pytest.mark.parametrize("count", [1, 3, 10])
def test_a_seat_has_so_many_requests_in_a_window(count: int) -> None:
    budget = SeatBudget(PlaneLimits(seat_keyframes=count, seat_keyframe_window_s=10.0))
    for number in range(count):
        assert budget.allows(50.0 + number * 0.1)
        budget.pay(50.0 + number * 0.1)
    assert not budget.allows(59.9)
    assert budget.allows(60.01)  # the first has left the window
    budget.pay(60.01)
    assert not budget.allows(60.02)  # the second has not


def test_asking_without_paying_costs_nothing() -> None:
    budget = SeatBudget(LIMITS)
    assert all(budget.allows(1.0) for _ in range(100))
