"""The native plane behind the port: translates values, nothing else. Packets stay in Rust."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable, Sequence
from types import MappingProxyType
from typing import assert_never, cast

from sfu import _plane
from sfu.base.errors import PlaneError
from sfu.base.ids import EgressId, IngressId, Rid, TransportId
from sfu.plane.port import (
    AddIngress,
    AddSeat,
    AddTransport,
    Capabilities,
    ConsentLost,
    Count,
    DropReason,
    DtlsReceived,
    EncodingChanged,
    Event,
    Levels,
    Operation,
    PathChanged,
    PayloadType,
    PlaneLimits,
    RemoveIngress,
    RemoveSeat,
    RemoveTransport,
    RequestKeyframe,
    RestartIce,
    RouteSource,
    SeatStalled,
    SeatSwitched,
    SendDtls,
    SetKeys,
    SetRoute,
    Snapshot,
    SocketAddress,
)

_COUNTS = tuple(Count)
_DROPS = tuple(DropReason)
_NOTHING = Snapshot(
    counts=MappingProxyType(dict.fromkeys(_COUNTS, 0)),
    drops=MappingProxyType(dict.fromkeys(_DROPS, 0)),
    transports=0,
    ingresses=0,
    seats=0,
)


class ContainedPanicError(RuntimeError):
    """A bug in the native plane ended a batch of packets. The plane goes on."""


class NativePlane:
    """``Plane`` in Rust, on a thread of its own. See ``sfu.plane.port`` for what each method promises."""

    def __init__(
        self,
        limits: PlaneLimits | None = None,
        *,
        on_bug: Callable[[BaseException], None] | None = None,
        segments: bool = True,
    ) -> None:
        given = limits or PlaneLimits()
        self._plane = _plane.Plane(
            (
                given.ssrcs,
                given.address_pairs,
                given.keyframe_interval_s,
                given.keyframe_retry_s,
                given.seat_keyframes,
                given.seat_keyframe_window_s,
                given.history_packets,
                given.history_age_s,
                given.rtx_share,
                given.consent_s,
            ),
            secrets.randbits(64),
            segments=segments,
        )
        self._on_bug = on_bug or (lambda _: None)
        self._on_event: Callable[[Event], None] = lambda _: None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._bell = -1
        self._bugs = 0
        self._lost = 0
        self._last = _NOTHING

    @property
    def capabilities(self) -> Capabilities:
        """No estimator, no pacer, no SVC thinning yet."""
        return Capabilities(name="native")

    @property
    def small_buffer_bytes(self) -> int | None:
        """Size of a socket buffer that is smaller than wanted, None when all are large enough."""
        return None if self._loop is None else self._plane.small_buffer_bytes()

    async def start(
        self, addresses: Sequence[SocketAddress], on_event: Callable[[Event], None]
    ) -> tuple[SocketAddress, ...]:
        """Bind and begin to answer."""
        self._on_event = on_event
        try:
            ports = self._plane.start([(address.host, address.port) for address in addresses])
        except OSError as error:
            where = _where(addresses, str(error.filename))
            raise PlaneError(f"cannot bind {where}: {error.strerror or error}") from error
        except ValueError as error:
            raise PlaneError(str(error)) from error
        self._loop = asyncio.get_running_loop()
        self._bell = self._plane.bell()
        self._loop.add_reader(self._bell, self._drain)
        return tuple(
            SocketAddress(host=address.host, port=port)
            for address, port in zip(addresses, ports, strict=True)
        )

    def apply(self, operations: Sequence[Operation]) -> None:
        """Carry out operations in order."""
        try:
            self._plane.apply([_tuple(operation) for operation in operations])
        except ValueError as error:
            raise PlaneError(str(error)) from None

    def counters(self) -> Snapshot:
        """Counters now; after ``stop`` the last ones."""
        if self._loop is None:
            return self._last
        counts, drops, transports, ingresses, seats, bugs = self._plane.counters()
        if bugs > self._bugs:
            self._bugs = bugs
            self._on_bug(ContainedPanicError(f"{bugs} so far"))
        named = dict(zip(_COUNTS, counts, strict=True))
        named[Count.EVENTS_DROPPED] += self._lost
        self._last = Snapshot(
            counts=MappingProxyType(named),
            drops=MappingProxyType(dict(zip(_DROPS, drops, strict=True))),
            transports=transports,
            ingresses=ingresses,
            seats=seats,
        )
        return self._last

    async def stop(self) -> None:
        """Close the sockets."""
        if self._loop is None:
            return
        self.counters()
        self._loop.remove_reader(self._bell)
        self._loop = None
        self._plane.stop()

    def _drain(self) -> None:
        for given in self._plane.take_events():
            try:
                self._on_event(_event(given))
            except Exception as bug:  # noqa: BLE001 - the listener's; other events go on
                self._lost += 1
                self._on_bug(bug)


def _where(addresses: Sequence[SocketAddress], given: str) -> str:
    """The address of a bind error, as the configuration spells it."""
    for address in addresses:
        host = f"[{address.host}]" if ":" in address.host else address.host
        if given == f"{host}:{address.port}":
            return f"{address.host} port {address.port} (UDP)"
    return given


def _tuple(operation: Operation) -> tuple[object, ...]:
    match operation:
        case AddTransport() | RestartIce():
            name = "add_transport" if isinstance(operation, AddTransport) else "restart_ice"
            return (name, operation.transport, operation.ufrag, operation.pwd, operation.remote_ufrag)
        case SetKeys():
            keys = (operation.rx_key, operation.tx_key)
            return ("set_keys", operation.transport, operation.profile.value, *keys)
        case SendDtls():
            return ("send_dtls", operation.transport, operation.datagram)
        case RemoveTransport():
            return ("remove_transport", operation.transport)
        case AddIngress():
            return _add_ingress(operation)
        case RemoveIngress():
            return ("remove_ingress", operation.ingress)
        case AddSeat():
            return _add_seat(operation)
        case RemoveSeat():
            return ("remove_seat", operation.egress)
        case SetRoute():
            return ("set_route", operation.egress, _source(operation.source), operation.cut)
        case RequestKeyframe():
            return ("request_keyframe", operation.ingress, operation.rid)
        case _:
            assert_never(operation)


def _add_ingress(add: AddIngress) -> tuple[object, ...]:
    return (
        "add_ingress",
        add.ingress,
        add.transport,
        add.mid,
        add.kind == "video",
        _payload_types(add.payload_types),
        [(number, meaning.value) for number, meaning in add.extensions.items()],
        list(add.rids),
        list(add.ssrcs),
        add.feedback.value,
    )


def _add_seat(add: AddSeat) -> tuple[object, ...]:
    return (
        "add_seat",
        add.egress,
        add.transport,
        add.kind == "video",
        add.ssrc,
        add.rtx_ssrc,
        _payload_types(add.payload_types),
        [(meaning.value, number) for meaning, number in add.extensions.items()],
        add.cname,
    )


def _payload_types(given: Sequence[PayloadType]) -> list[tuple[str, int, int | None, int]]:
    return [(one.codec.value, one.pt, one.rtx_pt, one.clock_hz) for one in given]


def _source(source: RouteSource | None) -> tuple[int, str | None, int | None] | None:
    return None if source is None else (source.ingress, source.rid, source.max_temporal)


def _event(given: tuple[object, ...]) -> Event:
    """What ``src/py.rs`` wrote, as the port's value."""
    match given:
        case ("dtls_received", int(transport), bytes(datagram)):
            return DtlsReceived(transport=TransportId(transport), datagram=datagram)
        case ("path_changed", int(transport), bool(first)):
            return PathChanged(transport=TransportId(transport), first=first)
        case ("consent_lost", int(transport)):
            return ConsentLost(transport=TransportId(transport))
        case ("encoding_changed", int(ingress), rid, bool(active)):
            return EncodingChanged(ingress=IngressId(ingress), rid=_rid(rid), active=active)
        case ("seat_switched", int(egress), int(ingress), rid):
            return SeatSwitched(egress=EgressId(egress), ingress=IngressId(ingress), rid=_rid(rid))
        case ("seat_stalled", int(egress), int(ingress), rid):
            return SeatStalled(egress=EgressId(egress), ingress=IngressId(ingress), rid=_rid(rid))
        case ("levels", list(levels)):
            pairs = cast("list[tuple[int, int]]", levels)  # as _plane.pyi's source writes them
            return Levels(levels=tuple((IngressId(i), level) for i, level in pairs), speaker=None)
        case _:
            raise PlaneError(f"the native plane sent {given[:1]!r}, which this version does not know")


def _rid(rid: object) -> Rid | None:
    return None if rid is None else Rid(str(rid))
