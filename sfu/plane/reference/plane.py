"""The reference plane: everything of the port, wired. One event loop, no threads, no surprises."""

from __future__ import annotations

import asyncio
import random
import secrets
from collections.abc import Callable, Sequence
from typing import assert_never

from sfu.base.clock import Clock, SystemClock
from sfu.base.errors import PlaneError
from sfu.base.ids import EgressId, IngressId, TransportId
from sfu.plane.port import (
    AddIngress,
    AddSeat,
    AddTransport,
    Capabilities,
    Count,
    Event,
    Operation,
    PlaneLimits,
    RemoveIngress,
    RemoveSeat,
    RemoveTransport,
    RequestKeyframe,
    RestartIce,
    SendDtls,
    SetKeys,
    SetRoute,
    Snapshot,
    SocketAddress,
)
from sfu.plane.reference.counters import Counters
from sfu.plane.reference.egress.seat import SeatStream
from sfu.plane.reference.forwarder import Forwarder, Subscription
from sfu.plane.reference.ice import Agent, IceFront, Pair
from sfu.plane.reference.ingress import Ingress
from sfu.plane.reference.keyframes import SeatBudget
from sfu.plane.reference.receiver import Receiver
from sfu.plane.reference.sockets import MediaSockets
from sfu.plane.reference.srtp import SrtpSession
from sfu.plane.reference.transport import PlaneTransport

TICK_S = 0.02
"""How often timers are looked at. Lower: CPU; higher: NACKs and key-frame repeats come later."""


class ReferencePlane:
    """``Plane`` in pure Python. See ``sfu.plane.port`` for what each method promises."""

    def __init__(
        self,
        limits: PlaneLimits | None = None,
        clock: Clock | None = None,
        seed: int | None = None,
        on_bug: Callable[[BaseException], None] | None = None,
    ) -> None:
        self._limits = limits or PlaneLimits()
        self._clock = clock or SystemClock()
        seed = secrets.randbits(64) if seed is None else seed
        self._rng = random.Random(seed)  # noqa: S311 - first numbers of streams, no secrets
        self._counters = Counters()
        self._front = IceFront(self._limits)
        self._sockets = MediaSockets(self._on_datagram)
        self._transports: dict[TransportId, PlaneTransport] = {}
        self._ingresses: dict[IngressId, tuple[PlaneTransport, Ingress]] = {}
        self._subscriptions: dict[EgressId, Subscription] = {}
        self._forwarder = Forwarder(self._sockets, self._counters, self._clock)
        self._receiver = Receiver(self._front, self._forwarder, self._counters, self._transports)
        self._timer: asyncio.TimerHandle | None = None
        self._on_event: Callable[[Event], None] = lambda _: None
        self._on_bug = on_bug or (lambda _: None)
        self._forwarder.on_event = self._tell
        self._forwarder.on_bug = self._on_bug

    # ---- the port

    @property
    def capabilities(self) -> Capabilities:
        """No estimator, no pacer, no SVC thinning."""
        return Capabilities(name="reference")

    @property
    def small_buffer_bytes(self) -> int | None:
        """Size of a socket buffer that is smaller than wanted, None when all are large enough."""
        return self._sockets.small_buffer_bytes

    async def start(
        self, addresses: Sequence[SocketAddress], on_event: Callable[[Event], None]
    ) -> tuple[SocketAddress, ...]:
        """Bind and begin to answer."""
        self._on_event = on_event
        bound = await self._sockets.bind(addresses)
        self._arm()
        return bound

    def apply(self, operations: Sequence[Operation]) -> None:
        """Carry out operations in order."""
        for operation in operations:
            self._apply(operation)

    def counters(self) -> Snapshot:
        """Counters now."""
        return self._counters.snapshot(len(self._transports), len(self._ingresses), len(self._subscriptions))

    async def stop(self) -> None:
        """Close the sockets."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._sockets.close()

    # ---- operations

    def _apply(self, operation: Operation) -> None:
        match operation:
            case AddTransport():
                self._add_transport(operation)
            case RestartIce():
                agent = self._transport(operation.transport).agent
                self._refuse_known_ufrag(operation.ufrag)
                self._front.restart(agent, operation.ufrag, operation.pwd, operation.remote_ufrag)
            case SetKeys():
                transport = self._transport(operation.transport)
                keys = SrtpSession(operation.profile, operation.rx_key, operation.tx_key)
                transport.srtp = keys
            case SendDtls():
                transport = self._transport(operation.transport)
                self._forwarder.send_plain(transport, operation.datagram)
            case RemoveTransport():
                self._remove_transport(self._transport(operation.transport))
            case AddIngress():
                self._add_ingress(operation)
            case RemoveIngress():
                self._remove_ingress(*self._ingress(operation.ingress))
            case AddSeat():
                self._add_seat(operation)
            case RemoveSeat():
                self._remove_seat(self._subscription(operation.egress))
            case SetRoute():
                self._set_route(operation)
            case RequestKeyframe():
                self._request_keyframe(operation)
            case _:
                assert_never(operation)

    def _add_transport(self, operation: AddTransport) -> None:
        if operation.transport in self._transports:
            raise PlaneError(f"transport {operation.transport} is there already")
        self._refuse_known_ufrag(operation.ufrag)
        agent = Agent(operation.transport, operation.ufrag, operation.pwd, operation.remote_ufrag)
        self._front.add(agent)
        ssrc = self._rng.randrange(1, 1 << 32)
        transport = PlaneTransport(agent, self._limits, ssrc)
        self._transports[operation.transport] = transport
        self._forwarder.add_transport(transport)

    def _refuse_known_ufrag(self, ufrag: str) -> None:
        if self._front.knows(ufrag):
            raise PlaneError("this ufrag is in use already")

    def _remove_transport(self, transport: PlaneTransport) -> None:
        for subscription in [s for s in self._subscriptions.values() if s.transport is transport]:
            self._remove_seat(subscription)
        for owner, ingress in [v for v in self._ingresses.values() if v[0] is transport]:
            self._remove_ingress(owner, ingress)
        self._front.remove(transport.agent)
        self._forwarder.remove_transport(transport)
        del self._transports[transport.id]

    def _add_ingress(self, operation: AddIngress) -> None:
        transport = self._transport(operation.transport)
        if operation.ingress in self._ingresses:
            raise PlaneError(f"ingress {operation.ingress} is there already")
        if operation.mid in transport.ingresses:
            raise PlaneError(f"transport {transport.id} publishes this MID already")
        now_s = self._clock.monotonic_s()
        ingress = Ingress(operation, transport.publisher, self._limits, now_s)
        transport.add_ingress(ingress)
        self._ingresses[operation.ingress] = (transport, ingress)
        self._forwarder.add_ingress(transport, ingress)

    def _remove_ingress(self, transport: PlaneTransport, ingress: Ingress) -> None:
        self._forwarder.remove_ingress(ingress)
        transport.remove_ingress(ingress)
        del self._ingresses[ingress.id]

    def _add_seat(self, operation: AddSeat) -> None:
        transport = self._transport(operation.transport)
        if operation.egress in self._subscriptions:
            raise PlaneError(f"egress {operation.egress} is there already")
        taken = {ssrc for seat in transport.seats.values() for ssrc in (seat.add.ssrc, seat.add.rtx_ssrc)}
        if operation.ssrc in taken or (operation.rtx_ssrc is not None and operation.rtx_ssrc in taken):
            raise PlaneError(f"transport {transport.id} has a seat with this SSRC already")
        seat = SeatStream(operation, self._limits, self._rng)
        transport.seats[operation.ssrc] = seat
        transport.budgets[operation.ssrc] = SeatBudget(self._limits)
        self._subscriptions[operation.egress] = Subscription(transport, seat)

    def _remove_seat(self, subscription: Subscription) -> None:
        self._forwarder.unroute(subscription)
        add = subscription.seat.add
        subscription.transport.seats.pop(add.ssrc, None)
        subscription.transport.budgets.pop(add.ssrc, None)
        del self._subscriptions[add.egress]

    def _set_route(self, operation: SetRoute) -> None:
        subscription = self._subscription(operation.egress)
        if operation.source is None:
            self._forwarder.unroute(subscription)
            return
        _, ingress = self._ingress(operation.source.ingress)
        if ingress.add.kind is not subscription.seat.add.kind:
            raise PlaneError(f"egress {operation.egress} cannot carry this kind of track")
        self._forwarder.route(subscription, ingress, operation.source, operation.cut)

    def _request_keyframe(self, operation: RequestKeyframe) -> None:
        _, ingress = self._ingress(operation.ingress)
        encoding = ingress.encodings.get(operation.rid)
        if encoding is None:
            raise PlaneError(f"ingress {operation.ingress} has no encoding {operation.rid}")
        self._forwarder.request_keyframe(encoding, self._clock.monotonic_s())

    def _transport(self, transport: TransportId) -> PlaneTransport:
        found = self._transports.get(transport)
        if found is None:
            raise PlaneError(f"transport {transport} is not there")
        return found

    def _ingress(self, ingress: IngressId) -> tuple[PlaneTransport, Ingress]:
        found = self._ingresses.get(ingress)
        if found is None:
            raise PlaneError(f"ingress {ingress} is not there")
        return found

    def _subscription(self, egress: EgressId) -> Subscription:
        found = self._subscriptions.get(egress)
        if found is None:
            raise PlaneError(f"egress {egress} is not there")
        return found

    # ---- packets and time; nothing that happens to one participant ends the plane

    def _on_datagram(self, datagram: bytes, pair: Pair) -> None:
        try:
            now_s = self._clock.monotonic_s()
            event = self._receiver.take(datagram, pair, now_s, self._clock.wall_s())
            if event is not None:
                self._tell(event)
        except Exception as bug:  # noqa: BLE001 - a bug met by one packet stays that packet's
            self._on_bug(bug)

    def _tell(self, event: Event) -> None:
        try:
            self._on_event(event)
        except Exception as bug:  # noqa: BLE001 - the listener's; packets and timers go on
            self._counters.counts[Count.EVENTS_DROPPED] += 1
            self._on_bug(bug)

    def _arm(self) -> None:
        self._timer = asyncio.get_running_loop().call_later(TICK_S, self._tick)

    def _tick(self) -> None:
        self._arm()
        try:
            now_s = self._clock.monotonic_s()
            self._forwarder.tick(now_s)
            for event in self._receiver.expire(now_s):
                self._tell(event)
        except Exception as bug:  # noqa: BLE001 - timers go on
            self._on_bug(bug)
