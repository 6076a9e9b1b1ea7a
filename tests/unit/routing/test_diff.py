"""The difference of two forwarding tables: right, ordered, and never about what is not there."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from sfu.base.ids import Codec, EgressId, IngressId, MediaKind, Mid, Rid, Ssrc, TransportId
from sfu.plane.port import (
    AddIngress,
    AddSeat,
    AddTransport,
    Operation,
    PayloadType,
    RemoveIngress,
    RemoveSeat,
    RemoveTransport,
    RestartIce,
    RouteSource,
    SetRoute,
)
from sfu.routing.diff import diff
from sfu.routing.table import EMPTY_TABLE, ForwardingTable

OPUS = PayloadType(codec=Codec.OPUS, pt=111, clock_hz=48_000)


def transport(number: int) -> AddTransport:
    return AddTransport(transport=TransportId(number), ufrag=f"u{number}", pwd="p" * 22, remote_ufrag="r")


def ingress(number: int) -> AddIngress:
    return AddIngress(
        ingress=IngressId(number),
        transport=TransportId(number),
        mid=Mid("0"),
        kind=MediaKind.AUDIO,
        payload_types=(OPUS,),
        extensions={},
    )


def seat(number: int) -> AddSeat:
    return AddSeat(
        egress=EgressId(number),
        transport=TransportId(number),
        mid=Mid("1"),
        kind=MediaKind.AUDIO,
        ssrc=Ssrc(number),
        rtx_ssrc=None,
        payload_types=(OPUS,),
        extensions={},
        cname="c",
    )


def table(numbers: set[int], routes: dict[int, int]) -> ForwardingTable:
    return ForwardingTable(
        transports={TransportId(n): transport(n) for n in numbers},
        ingresses={IngressId(n): ingress(n) for n in numbers},
        seats={EgressId(n): seat(n) for n in numbers},
        routes={
            EgressId(to): RouteSource(ingress=IngressId(of))
            for to, of in routes.items()
            if {to, of} <= numbers
        },
    )


def test_from_nothing_everything_is_added_before_it_is_routed() -> None:
    operations = diff(EMPTY_TABLE, table({1, 2}, {1: 2}))
    kinds = [type(o) for o in operations]
    assert kinds == [*[AddTransport] * 2, *[AddIngress] * 2, *[AddSeat] * 2, SetRoute]


def test_no_difference_is_no_operation() -> None:
    assert diff(table({1, 2}, {1: 2}), table({1, 2}, {1: 2})) == ()


def test_a_transport_takes_its_streams_with_it() -> None:
    operations = diff(table({1, 2}, {1: 2}), table({1}, {}))
    assert operations == (
        SetRoute(egress=EgressId(1), source=None, cut=True),
        RemoveTransport(transport=TransportId(2)),
    )


def test_streams_of_a_transport_that_stays_are_removed_one_by_one() -> None:
    before = table({1}, {})
    after = replace(before, ingresses={}, seats={})
    assert diff(before, after) == (
        RemoveSeat(egress=EgressId(1)),
        RemoveIngress(ingress=IngressId(1)),
    )


def test_new_credentials_restart_ice() -> None:
    before = table({1}, {})
    fresh = replace(transport(1), ufrag="new")
    (operation,) = diff(before, replace(before, transports={TransportId(1): fresh}))
    assert operation == RestartIce(transport=TransportId(1), ufrag="new", pwd=fresh.pwd, remote_ufrag="r")


def test_another_encoding_is_another_route_without_a_cut() -> None:
    before = table({1, 2}, {1: 2})
    routed = RouteSource(ingress=IngressId(2), rid=Rid("h"))
    after = replace(before, routes={EgressId(1): routed})
    assert diff(before, after) == (SetRoute(egress=EgressId(1), source=routed),)


class Model:
    """A plane that knows only ids, and fails on an operation about what is not there."""

    def __init__(self) -> None:
        self.transports: set[TransportId] = set()
        self.ingresses: dict[IngressId, TransportId] = {}
        self.seats: dict[EgressId, TransportId] = {}
        self.routes: dict[EgressId, IngressId] = {}

    def apply(self, operation: Operation) -> None:
        match operation:
            case AddTransport():
                assert operation.transport not in self.transports
                self.transports.add(operation.transport)
            case RemoveTransport():
                self.transports.remove(operation.transport)
                gone = operation.transport
                self.ingresses = {k: v for k, v in self.ingresses.items() if v != gone}
                self.seats = {k: v for k, v in self.seats.items() if v != gone}
                self._sweep()
            case AddIngress():
                assert operation.transport in self.transports
                self.ingresses[operation.ingress] = operation.transport
            case AddSeat():
                assert operation.transport in self.transports
                self.seats[operation.egress] = operation.transport
            case SetRoute():
                assert operation.egress in self.seats
                if operation.source is None:
                    self.routes.pop(operation.egress, None)
                else:
                    assert operation.source.ingress in self.ingresses
                    self.routes[operation.egress] = operation.source.ingress
            case _:
                raise AssertionError(f"not expected here: {operation}")

    def _sweep(self) -> None:
        self.routes = {e: i for e, i in self.routes.items() if e in self.seats and i in self.ingresses}


numbers = st.sets(st.integers(1, 5))
routes = st.dictionaries(st.integers(1, 5), st.integers(1, 5))
tables = st.builds(table, numbers, routes)


@given(st.lists(tables, max_size=6))
def test_a_plane_that_follows_the_differences_ends_where_it_should(
    wanted: list[ForwardingTable],
) -> None:
    plane, have = Model(), EMPTY_TABLE
    for want in wanted:
        for operation in diff(have, want):
            plane.apply(operation)
        have = want
        assert plane.transports == set(want.transports)
        assert set(plane.ingresses) == set(want.ingresses)
        assert plane.routes == {e: s.ingress for e, s in want.routes.items()}
