"""Room state and seating -> what members are told. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sfu.base.ids import EgressId, IngressId, Rid, Source
from sfu.media.seats import Occupant
from sfu.protocol.messages import Member, SeatState, Track
from sfu.room.state import Participant, RoomState
from sfu.routing.derive import Endpoint
from sfu.routing.table import ForwardingTable


def member_of(participant: Participant) -> Member:
    """One participant as others see them."""
    return Member(
        pid=participant.pid,
        leaf=participant.leaf,
        role=participant.role,
        profile=participant.profile,
        tracks=[
            Track(source=track.source, muted=track.muted)
            for track in participant.tracks.values()
            if track.active
        ],
    )


def roster_of(state: RoomState) -> list[Member]:
    """Everybody, oldest first."""
    return [member_of(participant) for participant in state.participants.values()]


def seats_of(
    state: RoomState,
    endpoint: Endpoint,
    occupants: Sequence[Occupant | None],
    table: ForwardingTable,
    layers: Mapping[EgressId, Rid | None],
) -> tuple[SeatState, ...]:
    """What each of one subscriber's seats carries."""
    states = []
    for index, pair in enumerate(endpoint.seats):
        occupant = occupants[index] if index < len(occupants) else None
        publisher = None if occupant is None else state.participants.get(occupant.pid)
        if occupant is None or publisher is None:
            states.append(SeatState(seat=index, pid=None, video=None, audio=None))
            continue
        video, audio = occupant.presence.video, occupant.presence.audio
        shown = pair.video is not None and publisher.publishes(video)
        routed = pair.video is not None and pair.video.egress in table.routes
        states.append(
            SeatState(
                seat=index,
                pid=publisher.pid,
                video=video if shown else None,
                audio=audio if publisher.publishes(audio) else None,
                layer=layers.get(pair.video.egress) if pair.video and routed else None,
                paused="not_wanted" if shown and not routed else None,
            )
        )
    return tuple(states)


def wanted_of(endpoint: Endpoint, used: Mapping[IngressId, set[Rid]]) -> dict[Source, list[str]]:
    """For each of a publisher's simulcast sources, the encodings somebody is sent."""
    return {
        source: [rid for rid in ingress.rids if rid in used.get(ingress.ingress, set())]
        for source, ingress in endpoint.ingresses.items()
        if ingress.rids
    }


def used_encodings(
    table: ForwardingTable, carried: Mapping[EgressId, Rid | None]
) -> dict[IngressId, set[Rid]]:
    """Encodings of each track that somebody should be sent, or is being sent meanwhile.

    ``carried``: what each seat stream really has. While the encoding a viewer should have is not
    sent, a lower one stands in; it must not be let rest.
    """
    used: dict[IngressId, set[Rid]] = {}
    for egress, route in table.routes.items():
        rids = used.setdefault(route.ingress, set())
        rids.update(rid for rid in (route.rid, carried.get(egress)) if rid is not None)
    return used
