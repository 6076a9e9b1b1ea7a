"""Which encoding a seat has (SEATS R6, R7): a table, and the stall timer."""

from __future__ import annotations

import pytest

from sfu.base.ids import IngressId, Rid
from sfu.plane.port import RouteSource
from sfu.plane.reference.egress.selection import STALL_AFTER_S, Selector, choose

A, B = IngressId(1), IngressId(2)
Q, H, F = Rid("q"), Rid("h"), Rid("f")


def view(active: str, rids: str = "qhf") -> tuple[tuple[Rid | None, bool], ...]:
    return tuple((Rid(rid), rid in active) for rid in rids)


@pytest.mark.parametrize(
    ("wanted", "active", "chosen"),
    [
        pytest.param("f", "qhf", "f", id="all-there"),
        pytest.param("q", "qhf", "q", id="least-wanted"),
        pytest.param("f", "qh", "h", id="best-lower"),
        pytest.param("f", "q", "q", id="only-the-least"),
        pytest.param("h", "qf", "q", id="never-above-while-lower-is-there"),
        pytest.param("q", "hf", "h", id="least-above-when-nothing-lower"),
        pytest.param("q", "f", "f", id="anything-rather-than-nothing"),
        pytest.param("h", "", "h", id="nothing-yet"),
        pytest.param(None, "qh", "h", id="no-wish-best-there"),
        pytest.param(None, "", "f", id="no-wish-nothing-yet"),
        pytest.param("x", "qh", "h", id="unknown-rid-best-there"),
    ],
)
def test_choose(wanted: str | None, active: str, chosen: str) -> None:
    source = RouteSource(ingress=A, rid=None if wanted is None else Rid(wanted))
    assert choose(source, view(active)) == (A, chosen)


def test_choose_of_a_track_without_rids() -> None:
    assert choose(RouteSource(ingress=A, rid=F), ((None, True),)) == (A, None)
    assert choose(RouteSource(ingress=A), ((None, False),)) == (A, None)
    assert choose(RouteSource(ingress=A), ()) == (A, None)


def routed(
    selector: Selector, ingress: IngressId, rid: Rid, *, now_s: float = 0.0, cut: bool = False
) -> None:
    selector.route(RouteSource(ingress=ingress, rid=rid), view("qhf"), now_s, cut)


def test_make_before_break() -> None:
    selector = Selector()
    routed(selector, A, Q)
    assert (selector.current, selector.target) == (None, (A, Q))
    selector.switched()
    assert (selector.current, selector.target) == ((A, Q), None)
    routed(selector, B, H)
    assert (selector.current, selector.target) == ((A, Q), (B, H))
    assert selector.concerns(A)
    assert selector.concerns(B)
    routed(selector, A, Q)
    assert (selector.current, selector.target) == ((A, Q), None)
    assert not selector.concerns(B)


@pytest.mark.parametrize(
    ("ingress", "rid", "current"),
    [
        pytest.param(B, H, None, id="another-track-is-cut"),
        pytest.param(A, Q, (A, Q), id="the-same-goes-on"),
        pytest.param(A, H, (A, Q), id="another-layer-of-it-too"),
    ],
)
def test_cut(ingress: IngressId, rid: Rid, current: tuple[IngressId, Rid] | None) -> None:
    selector = Selector()
    routed(selector, A, Q)
    selector.switched()
    routed(selector, ingress, rid, cut=True)
    assert selector.current == current


def test_nothing_is_nothing_at_once() -> None:
    selector = Selector()
    routed(selector, A, Q)
    selector.switched()
    selector.route(None, (), 5.0, False)
    assert (selector.current, selector.target, selector.source) == (None, None, None)


def test_a_stall_is_told_once_and_a_repeated_command_does_not_restart_the_wait() -> None:
    selector = Selector()
    routed(selector, A, Q, now_s=10.0)
    routed(selector, A, Q, now_s=11.9)
    assert not selector.stall(10.0 + STALL_AFTER_S - 0.01)
    assert selector.stall(10.0 + STALL_AFTER_S)
    assert not selector.stall(20.0)
    routed(selector, B, Q, now_s=20.0)
    assert not selector.stall(21.0)
    assert selector.stall(22.0)


def test_nobody_waits_no_stall() -> None:
    selector = Selector()
    assert not selector.stall(100.0)
    routed(selector, A, Q)
    selector.switched()
    assert not selector.stall(100.0)


def test_an_encoding_that_comes_back_is_aimed_at_again() -> None:
    selector = Selector()
    selector.route(RouteSource(ingress=A, rid=F), view("q"), 0.0, False)
    selector.switched()
    assert selector.current == (A, Q)
    selector.encodings_changed(view("qf"), 1.0)
    assert selector.target == (A, F)
    selector.encodings_changed(view("q"), 1.1)
    assert selector.target is None
