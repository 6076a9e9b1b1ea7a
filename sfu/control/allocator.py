"""Seats for every subscriber of a room: what each wants, in order, and who sits where. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sfu.base.ids import Pid, Source
from sfu.media.seats import Demand, Occupant, Presence, assign
from sfu.room.state import Participant, RoomState
from sfu.routing.derive import Endpoint

Seating = dict[Pid, tuple[Occupant | None, ...]]


def seat_everyone(
    state: RoomState,
    endpoints: Mapping[Pid, Endpoint],
    previous: Mapping[Pid, tuple[Occupant | None, ...]],
    speakers: Sequence[Pid],
) -> Seating:
    """Seat the people of a room for each subscriber.

    Args:
        previous: the seating so far; nobody moves without need.
        speakers: who spoke lately, loudest first; they are heard even where nobody looks at them.
    """
    return {
        pid: assign(
            previous.get(pid, ()),
            [pair.video is not None for pair in endpoint.seats],
            demand_of(state, state.participants[pid], speakers),
        )
        for pid, endpoint in endpoints.items()
        if pid in state.participants
    }


def demand_of(state: RoomState, subscriber: Participant, speakers: Sequence[Pid]) -> tuple[Demand, ...]:
    """What one subscriber would like to have seated, most wanted first.

    First what it looks at, in its own order; then who is speaking; then everybody else, oldest
    first, so that a small room has a stable seat for each.
    """
    others = state.others(subscriber.pid)
    looked_at = _looked_at(subscriber, others)
    heard = [Occupant(pid=pid, presence=Presence.PERSON) for pid in speakers]
    rest = [Occupant(pid=p.pid, presence=Presence.PERSON) for p in others]
    present = {p.pid for p in others}
    ordered: dict[Occupant, bool] = {}
    for visible, group in ((True, looked_at), (False, heard), (False, rest)):
        for occupant in group:
            if occupant.pid in present:
                ordered.setdefault(occupant, visible)
    return tuple(Demand(occupant=o, visible=v) for o, v in ordered.items())


def _looked_at(subscriber: Participant, others: Sequence[Participant]) -> list[Occupant]:
    if subscriber.view is None:
        screens = [
            Occupant(pid=p.pid, presence=Presence.SCREEN) for p in others if p.publishes(Source.SCREEN)
        ]
        people = [Occupant(pid=p.pid, presence=Presence.PERSON) for p in others]
        return [*screens, *people]
    by_source = {presence.video: presence for presence in Presence}
    publishing = {p.pid: p for p in others}
    return [
        Occupant(pid=want.pid, presence=by_source[want.source])
        for want in sorted(subscriber.view, key=lambda w: (not w.pinned, -w.priority))
        if want.source in by_source
        and (publisher := publishing.get(want.pid)) is not None
        and (want.source is Source.CAMERA or publisher.publishes(want.source))
    ]
