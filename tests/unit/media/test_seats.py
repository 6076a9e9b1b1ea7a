"""Seating: stable, most wanted first, pictures only where there is a picture."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sfu.base.ids import Pid, Source
from sfu.media.seats import Demand, Occupant, Presence, assign


def person(name: str) -> Occupant:
    return Occupant(pid=Pid(name), presence=Presence.PERSON)


def seen(*names: str) -> list[Demand]:
    return [Demand(occupant=person(name), visible=True) for name in names]


def heard(*names: str) -> list[Demand]:
    return [Demand(occupant=person(name), visible=False) for name in names]


A, B, C = person("a"), person("b"), person("c")


@pytest.mark.parametrize(
    ("previous", "with_video", "demand", "expected"),
    [
        pytest.param((), [True, True], seen("a", "b"), (A, B), id="in-order"),
        pytest.param((B, None), [True, True], seen("a", "b"), (B, A), id="nobody-moves"),
        pytest.param((A, B), [True, True], seen("b"), (None, B), id="who-left-frees-a-seat"),
        pytest.param((A,), [True], seen("b", "a"), (B,), id="most-wanted-wins"),
        pytest.param((), [True], seen("a", "b", "c"), (A,), id="no-seat-left"),
        pytest.param((), [], seen("a"), (), id="no-seats"),
        pytest.param((), [True, False], heard("a"), (None, A), id="heard-only-takes-audio-seat"),
        pytest.param((), [True], heard("a"), (A,), id="heard-only-takes-what-there-is"),
        pytest.param((), [False], seen("a"), (None,), id="a-picture-needs-a-picture-seat"),
        pytest.param((None, A), [True, False], seen("a"), (A, None), id="moves-when-it-must"),
        pytest.param((A, B), [True, True, True], seen("a", "b", "c"), (A, B, C), id="seats-added"),
    ],
)
def test_assign(
    previous: tuple[Occupant | None, ...],
    with_video: list[bool],
    demand: list[Demand],
    expected: tuple[Occupant | None, ...],
) -> None:
    assert assign(previous, with_video, demand) == expected


people = st.lists(st.sampled_from("abcdefgh"), unique=True)


@given(st.lists(st.booleans(), max_size=6), people, people, st.integers(0, 8))
def test_seating_is_sound_and_stable(
    with_video: list[bool], first: list[str], second: list[str], visible: int
) -> None:
    def demand(names: list[str]) -> list[Demand]:
        return [*seen(*names[:visible]), *heard(*names[visible:])]

    before = assign((), with_video, demand(first))
    after = assign(before, with_video, demand(second))
    for seating, names in ((before, first), (after, second)):
        seated = [o for o in seating if o is not None]
        assert len(seated) == len(set(seated))
        assert {o.pid for o in seated} <= set(names)
        for index, occupant in enumerate(seating):
            if occupant is not None and occupant.pid in names[:visible]:
                assert with_video[index]
    assert assign(before, with_video, demand(first)) == before


def test_a_presence_pairs_picture_and_sound() -> None:
    assert (Presence.PERSON.video, Presence.PERSON.audio) == (Source.CAMERA, Source.MICROPHONE)
    assert (Presence.SCREEN.video, Presence.SCREEN.audio) == (Source.SCREEN, Source.SCREEN_AUDIO)
