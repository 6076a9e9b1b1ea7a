"""Room state and seating -> the forwarding table a plane should have. Pure.

The seating says who sits where; this module says which packets that means. A source that is not
published, or that a viewer does not look at, is not routed at all.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sfu.base.ids import EgressId, IngressId, MediaKind, Pid, Rid, Source
from sfu.media.layers import choose_encoding
from sfu.media.seats import Occupant
from sfu.plane.port import AddIngress, AddSeat, AddTransport, RouteSource
from sfu.room.state import Participant, RoomState, ViewWant
from sfu.routing.table import ForwardingTable


@dataclass(frozen=True, slots=True, kw_only=True)
class SeatPair:
    """The egress streams of one seat."""

    audio: AddSeat
    video: AddSeat | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """What negotiation fixed for one participant."""

    transport: AddTransport
    ingresses: Mapping[Source, AddIngress]
    seats: tuple[SeatPair, ...]
    keyed: bool
    """SRTP keys are set. Without them nothing is routed: a key frame would be spent on nobody."""


Seating = Mapping[Pid, tuple[Occupant | None, ...]]


def derive(state: RoomState, endpoints: Mapping[Pid, Endpoint], seating: Seating) -> ForwardingTable:
    """The table for one room.

    Participants without an endpoint (not negotiated yet) send and receive nothing.
    """
    routes: dict[EgressId, RouteSource] = {}
    for subscriber in state.participants.values():
        endpoint = endpoints.get(subscriber.pid)
        if endpoint is None or not endpoint.keyed:
            continue
        for pair, occupant in zip(endpoint.seats, seating.get(subscriber.pid, ()), strict=False):
            if occupant is not None:
                routes.update(_routes(state, endpoints, subscriber, (pair, occupant)))
    return ForwardingTable(
        transports={e.transport.transport: e.transport for e in endpoints.values()},
        ingresses=_ingresses(endpoints),
        seats=_seats(endpoints),
        routes=routes,
    )


def _ingresses(endpoints: Mapping[Pid, Endpoint]) -> dict[IngressId, AddIngress]:
    return {i.ingress: i for e in endpoints.values() for i in e.ingresses.values()}


def _seats(endpoints: Mapping[Pid, Endpoint]) -> dict[EgressId, AddSeat]:
    streams = (
        stream
        for endpoint in endpoints.values()
        for pair in endpoint.seats
        for stream in (pair.audio, pair.video)
    )
    return {stream.egress: stream for stream in streams if stream is not None}


def _routes(
    state: RoomState,
    endpoints: Mapping[Pid, Endpoint],
    subscriber: Participant,
    seated: tuple[SeatPair, Occupant],
) -> dict[EgressId, RouteSource]:
    pair, occupant = seated
    publisher = state.participants.get(occupant.pid)
    endpoint = endpoints.get(occupant.pid)
    if publisher is None or endpoint is None:
        return {}
    routes: dict[EgressId, RouteSource] = {}
    audio = endpoint.ingresses.get(occupant.presence.audio)
    if audio is not None and publisher.publishes(occupant.presence.audio):
        routes[pair.audio.egress] = RouteSource(ingress=audio.ingress)
    video = endpoint.ingresses.get(occupant.presence.video)
    if pair.video is not None and video is not None:
        want = wanted_picture(publisher, subscriber, occupant.presence.video)
        if want is not None:
            rid = choose_encoding(video.rids, want.width_px, want.height_px, want.layer)
            routes[pair.video.egress] = RouteSource(ingress=video.ingress, rid=rid)
    return routes


def wanted_picture(publisher: Participant, subscriber: Participant, source: Source) -> ViewWant | None:
    """How the subscriber wants this picture, or None when it is not sent or not looked at.

    Before its first ``view`` a subscriber is shown everything it has seats for, at the least size:
    the first picture then costs little and is there soon.
    """
    if not publisher.publishes(source) or source.kind is not MediaKind.VIDEO:
        return None
    if subscriber.view is None:
        return ViewWant(pid=publisher.pid, source=source, width_px=1, height_px=1)
    return next((w for w in subscriber.view if w.pid == publisher.pid and w.source is source), None)


def layer_of(table: ForwardingTable, egress: EgressId) -> Rid | None:
    """The encoding a seat stream is routed to, None for a single one or no route."""
    route = table.routes.get(egress)
    return None if route is None else route.rid
