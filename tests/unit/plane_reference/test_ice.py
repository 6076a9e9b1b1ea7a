"""The ICE-lite front in virtual time: who owns which pair, and what a stranger can move (nothing)."""

from __future__ import annotations

import pytest

from sfu.base.ids import TransportId
from sfu.plane.port import DropReason, PlaneLimits
from sfu.plane.reference.ice import CHECKS_BURST, HELD_S, OLD_UFRAGS, Agent, Checked, IceFront, Pair
from sfu.wire.stun import binding_request

LIMITS = PlaneLimits(address_pairs=3, consent_s=15.0)
HERE: Pair = (0, ("192.0.2.1", 5000))
THERE: Pair = (0, ("192.0.2.2", 6000))
ELSEWHERE: Pair = (1, ("2001:db8::1", 7000, 0, 0))


def front_with(*numbers: int, limits: PlaneLimits = LIMITS) -> tuple[IceFront, list[Agent]]:
    front = IceFront(limits)
    agents = [Agent(TransportId(n), f"us{n}", f"password-of-agent-{n:04d}", f"them{n}") for n in numbers]
    for agent in agents:
        front.add(agent)
    return front, agents


def check(
    front: IceFront,
    number: int,
    pair: Pair,
    *,
    nominate: bool = True,
    now_s: float = 10.0,
    password: str | None = None,
    controlling: bool = True,
) -> Checked | DropReason:
    datagram = binding_request(
        f"us{number}:them{number}",
        (password or f"password-of-agent-{number:04d}").encode(),
        transaction_id=bytes(12),
        use_candidate=nominate,
        controlling_tiebreaker=3 if controlling else None,
    )
    return front.check(datagram, pair, now_s)


def test_the_first_check_selects_and_a_nomination_moves() -> None:
    front, (agent,) = front_with(1)
    first = check(front, 1, HERE, nominate=False)
    assert isinstance(first, Checked)
    assert (first.moved, first.first, agent.selected) == (True, True, HERE)
    second = check(front, 1, THERE, nominate=False)
    assert isinstance(second, Checked)
    assert (second.moved, agent.selected) == (False, HERE)
    third = check(front, 1, THERE)
    assert isinstance(third, Checked)
    assert (third.moved, third.first, agent.selected) == (True, False, THERE)
    assert front.owner(HERE) is front.owner(THERE) is agent


def test_a_check_without_a_role_is_taken() -> None:
    front, (agent,) = front_with(1)
    assert isinstance(check(front, 1, HERE, controlling=False), Checked)
    assert agent.selected == HERE


def test_what_fails_moves_nothing() -> None:
    front, (agent,) = front_with(1)
    assert check(front, 1, HERE, password="wrong") is DropReason.STUN_BAD_INTEGRITY
    assert check(front, 2, HERE) is DropReason.STUN_UNKNOWN_UFRAG
    assert front.check(b"\x00\x01", HERE, 10.0) is DropReason.STUN_MALFORMED
    assert front.owner(HERE) is None
    assert (agent.selected, agent.last_check_s, len(agent.pairs)) == (None, None, 0)


def test_the_oldest_pair_goes_but_never_the_selected() -> None:
    front, (agent,) = front_with(1)
    pairs: list[Pair] = [(0, ("192.0.2.1", port)) for port in range(5000, 5006)]
    for pair in pairs:
        check(front, 1, pair, nominate=pair is pairs[0])
    assert agent.selected == pairs[0]
    assert [front.owner(pair) is agent for pair in pairs] == [True, False, False, False, True, True]
    assert front.evicted == 3


def test_a_pair_checked_again_is_the_newest() -> None:
    front, (agent,) = front_with(1)
    a, b, c, d = (((0, ("192.0.2.1", port))) for port in range(4))
    for pair in (a, b, c, b, d):
        check(front, 1, pair, nominate=pair == a)
    assert front.owner(c) is None
    assert front.owner(b) is agent


def test_an_address_that_fell_silent_changes_hands() -> None:
    front, (one, two) = front_with(1, 2)
    check(front, 1, HERE, now_s=10.0)
    moved = check(front, 2, HERE, now_s=10.0 + HELD_S)
    assert isinstance(moved, Checked)
    assert front.owner(HERE) is two
    assert one.selected is None
    assert HERE not in one.pairs
    front.remove(one)
    assert front.owner(HERE) is two


def test_a_forged_source_does_not_take_a_live_pair_away() -> None:
    """Who sends right checks for itself from another's address gets neither the pair nor an answer."""
    front, (victim, attacker) = front_with(1, 2)
    check(front, 1, HERE, now_s=10.0)
    for tenth in range(100):
        now_s = 10.0 + tenth / 10
        if tenth % 50 == 0:
            check(front, 1, HERE, now_s=now_s)  # as rarely as browsers do
        assert check(front, 2, HERE, now_s=now_s) is DropReason.STUN_RATE_LIMITED
        assert front.owner(HERE) is victim
    assert (victim.path, attacker.path, len(attacker.pairs)) == (HERE, None, 0)


def test_the_pair_of_somebody_who_left_is_free_at_once() -> None:
    front, (one, two) = front_with(1, 2)
    check(front, 1, HERE)
    front.remove(one)
    assert isinstance(check(front, 2, HERE), Checked)
    assert front.owner(HERE) is two


@pytest.mark.parametrize("pair", [HERE, ELSEWHERE])
def test_failures_are_rate_limited_and_the_owner_of_a_pair_is_not(pair: Pair) -> None:
    front, _ = front_with(1)
    check(front, 1, THERE if pair is ELSEWHERE else pair)
    stranger: Pair = (
        (pair[0], (pair[1][0], 9999)) if len(pair[1]) == 2 else (pair[0], (pair[1][0], 9999, 0, 0))
    )
    found = [check(front, 1, stranger, password="wrong") for _ in range(CHECKS_BURST + 50)]
    assert found.count(DropReason.STUN_BAD_INTEGRITY) == CHECKS_BURST
    assert found.count(DropReason.STUN_RATE_LIMITED) == 50
    validated = THERE if pair is ELSEWHERE else pair
    assert isinstance(check(front, 1, validated), Checked)
    assert isinstance(check(front, 1, stranger, now_s=20.0), Checked)  # the bucket fills again


def test_consent_is_lost_once_and_found_again() -> None:
    front, (agent,) = front_with(1)
    assert not front.expire(agent, 1_000.0)  # never connected: nothing to lose
    check(front, 1, HERE, now_s=10.0)
    assert not front.expire(agent, 24.9)
    assert agent.path == HERE
    assert front.expire(agent, 25.0)
    assert agent.path is None  # nothing more is sent there (RFC 7675 section 5.1)
    assert not front.expire(agent, 60.0)
    again = check(front, 1, HERE, now_s=61.0)
    assert isinstance(again, Checked)
    assert (again.moved, again.first) == (True, False)
    assert agent.path == HERE
    assert not front.expire(agent, 70.0)
    assert front.expire(agent, 76.0)


def test_restart_keeps_the_old_name_until_the_new_is_used() -> None:
    front, (agent,) = front_with(1)
    check(front, 1, HERE)
    front.restart(agent, "us7", "password-of-agent-0007", "them7")
    assert isinstance(check(front, 1, HERE), Checked)
    assert front.knows("us1")
    assert front.knows("us7")
    assert isinstance(check(front, 7, THERE), Checked)
    assert check(front, 1, HERE) is DropReason.STUN_UNKNOWN_UFRAG
    assert front.owner(HERE) is agent  # media from there is still ours


def test_an_agent_removed_in_mid_restart_leaves_no_name_behind() -> None:
    front, (agent,) = front_with(1)
    check(front, 1, HERE)
    front.restart(agent, "us7", "password-of-agent-0007", "them7")
    front.remove(agent)
    assert not front.knows("us1")
    assert not front.knows("us7")
    assert front.owner(HERE) is None
    assert agent.selected is None


def test_restarts_that_nobody_follows_are_bounded_and_the_last_ones_work() -> None:
    front, (agent,) = front_with(1)
    for number in range(2, 50):
        front.restart(agent, f"us{number}", f"password-of-agent-{number:04d}", f"them{number}")
    assert len(agent.old_ufrags) == OLD_UFRAGS
    known = [number for number in range(1, 50) if front.knows(f"us{number}")]
    assert known == list(range(49 - OLD_UFRAGS, 50))
    assert isinstance(check(front, 48, HERE), Checked)
    assert isinstance(check(front, 49, HERE), Checked)
    assert check(front, 48, HERE) is DropReason.STUN_UNKNOWN_UFRAG
    front.remove(agent)
    assert not any(front.knows(f"us{number}") for number in range(1, 50))
