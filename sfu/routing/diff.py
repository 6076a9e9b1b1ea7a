"""The operations that turn one forwarding table into another. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from sfu.plane.port import (
    AddTransport,
    Operation,
    RemoveIngress,
    RemoveSeat,
    RemoveTransport,
    RestartIce,
    SetRoute,
)
from sfu.routing.table import ForwardingTable


def diff(old: ForwardingTable, new: ForwardingTable) -> tuple[Operation, ...]:
    """Operations in an order that never names an id that is not there.

    Routes are cut first, then things are taken away, then added, then routed. Taking a transport
    away takes its ingresses and seats with it, so these are not removed one by one.
    """
    return (
        *_cuts(old, new),
        *_removals(old, new),
        *_additions(old, new),
        *_new_routes(old, new),
    )


def _cuts(old: ForwardingTable, new: ForwardingTable) -> Iterator[Operation]:
    for egress in old.routes:
        if egress not in new.routes and egress in new.seats:
            yield SetRoute(egress=egress, source=None, cut=True)


def _removals(old: ForwardingTable, new: ForwardingTable) -> Iterator[Operation]:
    gone = {transport for transport in old.transports if transport not in new.transports}
    for egress, seat in old.seats.items():
        if egress not in new.seats and seat.transport not in gone:
            yield RemoveSeat(egress=egress)
    for ingress, track in old.ingresses.items():
        if ingress not in new.ingresses and track.transport not in gone:
            yield RemoveIngress(ingress=ingress)
    for transport in gone:
        yield RemoveTransport(transport=transport)


def _additions(old: ForwardingTable, new: ForwardingTable) -> Iterator[Operation]:
    for key, transport in new.transports.items():
        before = old.transports.get(key)
        if before is None:
            yield transport
        elif before != transport:
            yield _restart(transport)
    for ingress, track in new.ingresses.items():
        if ingress not in old.ingresses:
            yield track
    for egress, seat in new.seats.items():
        if egress not in old.seats:
            yield seat


def _restart(transport: AddTransport) -> RestartIce:
    return RestartIce(
        transport=transport.transport,
        ufrag=transport.ufrag,
        pwd=transport.pwd,
        remote_ufrag=transport.remote_ufrag,
    )


def _new_routes(old: ForwardingTable, new: ForwardingTable) -> Iterator[Operation]:
    for egress, source in new.routes.items():
        if old.routes.get(egress) != source:
            yield SetRoute(egress=egress, source=source)
