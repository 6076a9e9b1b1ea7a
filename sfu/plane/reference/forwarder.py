"""From an authenticated packet to the seats that want it, and the timers of all that lies between."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TypeVar

import pylibsrtp

from sfu.base.clock import Clock
from sfu.base.ids import Codec, IngressId, TransportId
from sfu.plane.port import (
    Count,
    DropReason,
    EncodingChanged,
    Event,
    Extension,
    Levels,
    RouteSource,
    SeatStalled,
)
from sfu.plane.reference.counters import Counters
from sfu.plane.reference.egress.seat import SeatStream
from sfu.plane.reference.facts import Encoding, Facts
from sfu.plane.reference.feedback import PublisherFeedback, RtcpReader, keyframe_request
from sfu.plane.reference.ice import Pair
from sfu.plane.reference.ingress import SILENT_AFTER_S, EncodingState, Ingress
from sfu.plane.reference.levels import LevelMeter
from sfu.plane.reference.sockets import MediaSockets
from sfu.plane.reference.transport import Admitted, PlaneTransport
from sfu.wire.extensions import parse_audio_level
from sfu.wire.rtp import RtpPacket

SENDER_REPORT_EVERY_S = 1.0
SLOW_TICK_S = 0.25

BYE_EVERY_S = 1.0
"""BYEs of one encoding that are acted on. Each, and the packet after it, makes two events and a look at all
seats of the track: a publisher must not have that at the rate of its packets. Silence tells the rest."""

Item = TypeVar("Item")


class Subscription:
    """A seat stream and the transport it leaves by."""

    __slots__ = ("ingresses", "reported_s", "seat", "transport")

    def __init__(self, transport: PlaneTransport, seat: SeatStream) -> None:
        self.transport = transport
        self.seat = seat
        self.ingresses: set[IngressId] = set()
        """Tracks whose packets it is offered: what feeds it and what it waits for."""
        self.reported_s = 0.0


class Forwarder:
    """Fans packets out, seals and sends them; runs NACK, reports, key-frame requests and levels."""

    def __init__(self, sockets: MediaSockets, counters: Counters, clock: Clock) -> None:
        self.on_event: Callable[[Event], None] = lambda _: None
        self.on_bug: Callable[[BaseException], None] = lambda _: None
        self.reader = RtcpReader(self, counters)
        self._sockets = sockets
        self._counters = counters
        self._counts = counters.counts
        self._drops = counters.drops
        self._clock = clock
        self._levels = LevelMeter()
        self._feedback: dict[TransportId, tuple[PlaneTransport, PublisherFeedback]] = {}
        self._publishers: dict[IngressId, tuple[PlaneTransport, Ingress]] = {}
        self._offered: dict[IngressId, list[Subscription]] = {}
        self._routed: dict[Subscription, RouteSource] = {}
        self._waiting: set[Subscription] = set()
        self._slow_s = 0.0

    # ---- what there is

    def add_transport(self, transport: PlaneTransport) -> None:
        """Run its timers from now on."""
        self._feedback[transport.id] = (transport, PublisherFeedback(self))

    def remove_transport(self, transport: PlaneTransport) -> None:
        """Forget it; its seats and tracks are gone already."""
        self._feedback.pop(transport.id, None)

    def add_ingress(self, transport: PlaneTransport, ingress: Ingress) -> None:
        """A track to route from."""
        self._publishers[ingress.id] = (transport, ingress)
        self._offered[ingress.id] = []

    def remove_ingress(self, ingress: Ingress) -> None:
        """The seats it feeds fall silent and keep their numbers."""
        for subscription in [s for s, r in self._routed.items() if r.ingress == ingress.id]:
            self.unroute(subscription)
        for subscription in self._offered.pop(ingress.id, []):
            subscription.ingresses.discard(ingress.id)
        self._publishers.pop(ingress.id, None)
        self._levels.forget(ingress.id)

    def route(self, subscription: Subscription, ingress: Ingress, source: RouteSource, cut: bool) -> None:
        """Feed a seat from a track; what feeds it now goes on until the switch (unless ``cut``)."""
        self._routed[subscription] = source
        now_s = self._clock.monotonic_s()
        subscription.seat.route(source, ingress.view, now_s, cut)
        self._settle(subscription)
        self._ask(subscription, now_s)

    def unroute(self, subscription: Subscription) -> None:
        """Feed a seat from nothing, at once."""
        self._routed.pop(subscription, None)
        subscription.seat.route(None, (), self._clock.monotonic_s(), True)
        self._settle(subscription)

    # ---- packets

    def begin(self, transport: PlaneTransport, admitted: Admitted, ssrc: int, now_s: float) -> None:
        """An encoding's SSRC is known. When it had another, numbers and clocks start afresh."""
        encoding = admitted.encoding
        before = None if encoding.ssrc is None else transport.by_ssrc.get(encoding.ssrc)
        encoding.ssrc = ssrc
        if before is None:
            return
        before.retired = True
        encoding.restart()
        for subscription in self._offered.get(admitted.ingress.id, [])[:]:
            if subscription.seat.current() == encoding.encoding:
                subscription.seat.selector.restart(now_s)
                self._settle(subscription)

    def take(
        self,
        admitted: Admitted,
        packet: RtpPacket,
        codec: Codec,
        extensions: Mapping[Extension, bytes],
        retransmitted: bool,
        now_s: float,
    ) -> DropReason | None:
        """Note one authenticated packet and offer it to the seats.

        Raises:
            WireError: a payload descriptor or extension does not parse; nobody gets the packet.
        """
        encoding, ingress = admitted.encoding, admitted.ingress
        ext_seq = encoding.extend(packet.seq)
        if not encoding.is_new(ext_seq):
            return DropReason.REPLAYED
        facts = Facts(packet, encoding.encoding, codec, ext_seq, now_s)
        encoding.learn(facts, extensions)
        self._note(encoding, ingress, facts, retransmitted)
        subscriptions = self._offered.get(ingress.id)
        if not subscriptions:
            return DropReason.UNROUTED
        for subscription in subscriptions[:]:
            try:
                self._offer(subscription, encoding, facts, now_s)
            except Exception as bug:  # noqa: BLE001 - one subscriber's, not the other subscribers'
                self.on_bug(bug)
        return None

    def _note(self, encoding: EncodingState, ingress: Ingress, facts: Facts, retransmitted: bool) -> None:
        now_s = facts.arrival_s
        if not retransmitted:
            encoding.stats.received(facts.ext_seq, facts.packet.timestamp, now_s)
        if facts.key_start and ingress.is_video:
            self._counts[Count.KEYFRAMES_IN] += 1
            encoding.arbiter.arrived()
            encoding.nack.forget_before(facts.ext_seq)
        if ingress.is_video and encoding.nack.received(facts.ext_seq, now_s) and retransmitted:
            self._counts[Count.RTX_RECOVERED] += 1
        if facts.audio_level is not None:
            self._levels.heard(ingress.id, parse_audio_level(facts.audio_level)[1])
        if facts.packet.payload:
            encoding.heard_s = now_s
            if not encoding.active:
                encoding.active = True
                self._view_changed(ingress, encoding, now_s)

    def _offer(self, subscription: Subscription, encoding: EncodingState, facts: Facts, now_s: float) -> None:
        seat = subscription.seat
        was_waiting = seat.selector.target is not None
        result = seat.feed(facts, encoding.clock, now_s)
        if isinstance(result, DropReason):
            self._drops[result] += 1
        else:
            self._send_rtp(subscription.transport, result)
        if was_waiting and seat.selector.target is None:
            self._switched(subscription, now_s)

    def _switched(self, subscription: Subscription, now_s: float) -> None:
        self._counts[Count.SWITCHES] += 1
        self._settle(subscription)
        self._emit(subscription)
        self._report(subscription, now_s)

    def _settle(self, subscription: Subscription) -> None:
        """Offer the seat what can matter to it now, and nothing else."""
        selector = subscription.seat.selector
        wanted = {e[0] for e in (selector.current, selector.target) if e is not None}
        for gone in subscription.ingresses - wanted:
            if gone in self._offered:
                self._offered[gone].remove(subscription)
        for new in wanted - subscription.ingresses:
            if new in self._offered:
                self._offered[new].append(subscription)
        subscription.ingresses = wanted
        if selector.target is not None:
            self._waiting.add(subscription)
        else:
            self._waiting.discard(subscription)

    # ---- Outlet, for feedback

    def send_rtcp(self, transport: PlaneTransport, datagram: bytes) -> None:
        """Seal and send one RTCP datagram."""
        if transport.srtp is not None:
            self._sealed(transport, transport.srtp.seal_rtcp, datagram)

    def send_rtp(self, transport: PlaneTransport, datagram: bytes) -> None:
        """Seal and send one RTP datagram (retransmissions)."""
        self._send_rtp(transport, datagram)

    def encoding_of(self, seat: SeatStream) -> EncodingState | None:
        """The encoding a seat carries now."""
        current = seat.current()
        return None if current is None else self._encoding(current)

    def request_keyframe(self, encoding: EncodingState, now_s: float, *, waiting: bool = False) -> bool:
        """Ask the publisher, if the arbiter lets us; ``waiting``: a switch is. Microphones never are."""
        found = self._publishers.get(encoding.encoding[0])
        datagram = keyframe_request(found[0], encoding) if found is not None and found[1].is_video else None
        if found is None or datagram is None or not encoding.arbiter.request(now_s, waiting=waiting):
            return False
        self._counts[Count.KEYFRAMES_REQUESTED] += 1
        self.send_rtcp(found[0], datagram)
        return True

    def is_watched(self, encoding: EncodingState) -> bool:
        """Whether a seat carries the encoding or waits for it."""
        name = encoding.encoding
        seats = (subscription.seat.selector for subscription in self._offered.get(name[0], []))
        return any(name in (selector.current, selector.target) for selector in seats)

    def encoding_silent(self, ingress: Ingress, encoding: EncodingState, now_s: float) -> None:
        """The publisher said good-bye on this SSRC; packets that still come wake it again."""
        if encoding.bye_s is not None and now_s - encoding.bye_s < BYE_EVERY_S:
            return
        encoding.bye_s = now_s
        if encoding.active:
            encoding.active = False
            self._view_changed(ingress, encoding, now_s)

    # ---- plain datagrams

    def send_plain(self, transport: PlaneTransport, datagram: bytes) -> None:
        """Send a DTLS datagram on the selected pair."""
        self._send(transport, datagram)

    def reply(self, datagram: bytes, pair: Pair) -> None:
        """Answer a check where it came from."""
        if not self._sockets.send(datagram, pair):
            self._drops[DropReason.SEND_FAILED] += 1

    def _send_rtp(self, transport: PlaneTransport, datagram: bytes) -> None:
        if transport.srtp is None:
            self._drops[DropReason.NO_KEYS] += 1
            return
        self._sealed(transport, transport.srtp.seal, datagram)

    def _sealed(self, transport: PlaneTransport, seal: Callable[[bytes], bytes], datagram: bytes) -> None:
        try:
            sealed = seal(datagram)
        except (pylibsrtp.Error, ValueError):  # ValueError: too long for pylibsrtp
            self._drops[DropReason.SEND_FAILED] += 1
            return
        self._send(transport, sealed)

    def _send(self, transport: PlaneTransport, datagram: bytes) -> None:
        pair = transport.agent.path
        if pair is None:
            self._drops[DropReason.NO_PATH] += 1
        elif self._sockets.send(datagram, pair):
            self._counts[Count.PACKETS_OUT] += 1
            self._counts[Count.BYTES_OUT] += len(datagram)
        else:
            self._drops[DropReason.SEND_FAILED] += 1

    # ---- timers

    def tick(self, now_s: float) -> None:
        """Everything that is due; called about every 20 ms. One participant's bug stops no other's timers."""
        self._each(self._waiting, self._ask, now_s)
        self._each(self._feedback.values(), self._feed_back, now_s)
        levels = self._levels.poll(now_s)
        if levels:
            self.on_event(Levels(levels=levels, speaker=None))
        if now_s - self._slow_s >= SLOW_TICK_S:
            self._slow_s = now_s
            self._each(self._routed, self._expire_seat, now_s)
            self._each(self._publishers.values(), self._expire_encodings, now_s)

    def _each(self, items: Iterable[Item], act: Callable[[Item, float], None], now_s: float) -> None:
        for item in list(items):
            try:
                act(item, now_s)
            except Exception as bug:  # noqa: BLE001 - this one's, not everybody's
                self.on_bug(bug)

    def _feed_back(self, publisher: tuple[PlaneTransport, PublisherFeedback], now_s: float) -> None:
        transport, feedback = publisher
        if transport.srtp is not None:
            feedback.tick(transport, self._counters, now_s)

    def _expire_seat(self, subscription: Subscription, now_s: float) -> None:
        subscription.seat.expire(now_s)
        self._emit(subscription)
        if now_s - subscription.reported_s >= SENDER_REPORT_EVERY_S:
            self._report(subscription, now_s)

    def _expire_encodings(self, published: tuple[PlaneTransport, Ingress], now_s: float) -> None:
        ingress = published[1]
        for encoding in ingress.encodings.values():
            if encoding.active and now_s - encoding.heard_s > SILENT_AFTER_S:
                encoding.active = False
                self._view_changed(ingress, encoding, now_s)

    def _ask(self, subscription: Subscription, now_s: float) -> None:
        wanted = subscription.seat.wants_keyframe()
        encoding = None if wanted is None else self._encoding(wanted)
        # Who sends nothing cannot answer: after the stall, wait for its first packet (a muted camera
        # would be asked twice a second for as long as it is off).
        if encoding is not None and (encoding.active or not subscription.seat.selector.stalled):
            self.request_keyframe(encoding, now_s, waiting=True)

    def _report(self, subscription: Subscription, now_s: float) -> None:
        encoding = self.encoding_of(subscription.seat)
        clock = None if encoding is None else encoding.clock
        report = subscription.seat.sender_report(clock, now_s, self._clock.wall_s())
        if report is not None:
            subscription.reported_s = now_s
            self.send_rtcp(subscription.transport, report)

    def _emit(self, subscription: Subscription) -> None:
        for event in subscription.seat.take_events():
            if isinstance(event, SeatStalled):
                self._counts[Count.SWITCHES_STALLED] += 1
            self.on_event(event)

    def _view_changed(self, ingress: Ingress, encoding: EncodingState, now_s: float) -> None:
        ingress.refresh()
        rid = encoding.encoding[1]
        self.on_event(EncodingChanged(ingress=ingress.id, rid=rid, active=encoding.active))
        for subscription in self._offered.get(ingress.id, [])[:]:
            source = self._routed.get(subscription)
            if source is not None and source.ingress == ingress.id:
                # Who waits now asks at the next tick: the packet in hand may be the key frame itself.
                subscription.seat.encodings_changed(ingress.view, now_s)
                self._settle(subscription)

    def _encoding(self, encoding: Encoding) -> EncodingState | None:
        found = self._publishers.get(encoding[0])
        return None if found is None else found[1].encodings.get(encoding[1])
