"""Who sits in which of a subscriber's seats. Pure; stable: nobody moves without need.

A seat shows one *presence*: a person (camera with microphone) or a screen (with its sound), so that
what belongs together stays in sync (DESIGN section 5). A presence holds at most one seat.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from sfu.base.ids import Pid, Source


class Presence(StrEnum):
    """What of a participant a seat can show."""

    PERSON = "person"
    SCREEN = "screen"

    @property
    def video(self) -> Source:
        """The picture of this presence."""
        return Source.CAMERA if self is Presence.PERSON else Source.SCREEN

    @property
    def audio(self) -> Source:
        """The sound of this presence."""
        return Source.MICROPHONE if self is Presence.PERSON else Source.SCREEN_AUDIO


@dataclass(frozen=True, slots=True, kw_only=True)
class Occupant:
    """Who a seat is given to."""

    pid: Pid
    presence: Presence


@dataclass(frozen=True, slots=True, kw_only=True)
class Demand:
    """One presence that would like a seat; listed most wanted first."""

    occupant: Occupant
    visible: bool
    """It must have a seat with video; otherwise an audio-only seat will do as well."""


def assign(
    previous: Sequence[Occupant | None], with_video: Sequence[bool], demand: Sequence[Demand]
) -> tuple[Occupant | None, ...]:
    """Seat the most wanted, keeping everyone who still belongs where they are.

    Args:
        previous: occupant of each seat so far; shorter than ``with_video`` when seats were added.
        with_video: for each seat, whether it has a picture.
        demand: presences, most wanted first, each at most once.

    Returns:
        The occupant of each seat, None for an empty one. Someone visible never holds an audio-only
        seat; someone who is only heard takes an audio-only seat first.
    """
    seats: list[Occupant | None] = [*previous, *[None] * (len(with_video) - len(previous))]
    chosen = _choose(with_video, demand)
    for index, occupant in enumerate(seats):
        if occupant is None or chosen.get(occupant) is not with_video[index]:
            seats[index] = None
        else:
            del chosen[occupant]
    for occupant, needs_video in chosen.items():
        seats[_free(seats, with_video, needs_video)] = occupant
    return tuple(seats)


def _choose(with_video: Sequence[bool], demand: Sequence[Demand]) -> dict[Occupant, bool]:
    """Who gets a seat at all, and of which sort (True: with video)."""
    left = {True: sum(with_video), False: len(with_video) - sum(with_video)}
    chosen: dict[Occupant, bool] = {}
    for wish in demand:
        sorts = (True,) if wish.visible else (False, True)
        for sort in sorts:
            if left[sort]:
                left[sort] -= 1
                chosen[wish.occupant] = sort
                break
    return chosen


def _free(seats: Sequence[Occupant | None], with_video: Sequence[bool], needs_video: bool) -> int:
    return next(
        index for index, occupant in enumerate(seats) if occupant is None and with_video[index] is needs_video
    )
