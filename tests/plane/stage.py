"""A started plane with clients on it: publishes, seats and routes in one line each."""

from __future__ import annotations

import itertools
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from sfu.base.ids import Codec, EgressId, IngressId, MediaKind, Mid, Rid, Ssrc, TransportId
from sfu.plane.port import (
    AddIngress,
    AddSeat,
    AddTransport,
    Count,
    DropReason,
    Event,
    Extension,
    Feedback,
    Operation,
    PayloadType,
    Plane,
    RouteSource,
    SetKeys,
    SetRoute,
    SocketAddress,
    SrtpProfile,
)
from sfu.wire.rtp import RtpPacket, serialize_rtp
from tests.plane import packets
from tests.plane.client import Client, until

IDS = {
    Extension.MID: 1,
    Extension.RID: 2,
    Extension.REPAIRED_RID: 3,
    Extension.AUDIO_LEVEL: 4,
    Extension.TRANSPORT_CC: 5,
    Extension.VIDEO_ORIENTATION: 6,
    Extension.DEPENDENCY_DESCRIPTOR: 7,
}
"""Publishers' extension ids."""
SEAT_IDS = {
    Extension.AUDIO_LEVEL: 11,
    Extension.VIDEO_ORIENTATION: 12,
    Extension.DEPENDENCY_DESCRIPTOR: 13,
}
"""Subscribers' extension ids, other ones on purpose."""

OPUS = PayloadType(codec=Codec.OPUS, pt=111, clock_hz=48_000)
VP8 = PayloadType(codec=Codec.VP8, pt=96, rtx_pt=97)
VP9 = PayloadType(codec=Codec.VP9, pt=98, rtx_pt=99)
AV1 = PayloadType(codec=Codec.AV1, pt=45, rtx_pt=46)
SEAT_PTS = {
    MediaKind.AUDIO: (PayloadType(codec=Codec.OPUS, pt=109, clock_hz=48_000),),
    MediaKind.VIDEO: (
        PayloadType(codec=Codec.VP8, pt=120, rtx_pt=124),
        PayloadType(codec=Codec.VP9, pt=121, rtx_pt=125),
        PayloadType(codec=Codec.AV1, pt=122, rtx_pt=126),
    ),
}
FRAME_TICKS = {MediaKind.AUDIO: 960, MediaKind.VIDEO: 4500}  # 20 ms of 48 kHz, 50 ms of 90 kHz

EventT = TypeVar("EventT")


@dataclass(slots=True, kw_only=True)
class Encoder:
    """One SSRC a client sends: keeps its numbers, builds and sends its packets."""

    client: Client
    kind: MediaKind
    ssrc: int
    rtx_ssrc: int
    pt: PayloadType
    mid: str
    rid: str | None = None
    seq: int = 1000
    rtx_seq: int = 50
    timestamp: int = 90_000
    pid: int = 100
    tl0: int = 10
    frame_number: int = 500
    always: dict[Extension, bytes] = field(default_factory=dict)
    sent: dict[int, bytes] = field(default_factory=dict)
    """Plain packets by sequence number, for RTX and replays."""

    def identity(self, rtx: bool = False) -> dict[Extension, bytes]:
        """MID and RID extensions."""
        found = {Extension.MID: self.mid.encode()}
        if self.rid is not None:
            found[Extension.REPAIRED_RID if rtx else Extension.RID] = self.rid.encode()
        return found

    def build(
        self,
        payload: bytes,
        *,
        marker: bool = False,
        padding_bytes: int = 0,
        extensions: Mapping[Extension, bytes] | None = None,
    ) -> bytes:
        """The next packet; takes a sequence number, sends nothing."""
        given = {**self.identity(), **self.always, **(extensions or {})}
        plain = serialize_rtp(
            payload_type=self.pt.pt,
            marker=marker,
            seq=self.seq,
            timestamp=self.timestamp,
            ssrc=self.ssrc,
            extensions=[(IDS[name], value) for name, value in given.items()],
            payload=payload,
            padding_bytes=padding_bytes,
        )
        self.sent[self.seq] = plain
        self.seq = (self.seq + 1) & 0xFFFF
        return plain

    def send(
        self,
        payload: bytes,
        *,
        marker: bool = False,
        padding_bytes: int = 0,
        extensions: Mapping[Extension, bytes] | None = None,
    ) -> bytes:
        """Build and send; returns what went over the wire."""
        plain = self.build(payload, marker=marker, padding_bytes=padding_bytes, extensions=extensions)
        return self.client.send_rtp(plain)

    def step(self, frames: int = 1) -> None:
        """Advance the RTP clock."""
        self.timestamp = (self.timestamp + frames * FRAME_TICKS[self.kind]) & 0xFFFFFFFF

    def audio(self, level: int = 30) -> bytes:
        """One microphone packet."""
        self.step()
        return self.send(packets.SEALED, extensions={Extension.AUDIO_LEVEL: bytes((0x80 | level,))})

    def frame(
        self, *, key: bool = False, count: int = 1, temporal: int = 0, send: bool = True
    ) -> list[bytes]:
        """One VP8 picture with picture ids in ``count`` packets."""
        self.step()
        self.pid = (self.pid + 1) & 0x7FFF
        if temporal == 0:
            self.tl0 = (self.tl0 + 1) & 0xFF
        numbers = {"pid": self.pid, "tl0": self.tl0, "temporal": temporal}
        out = []
        for index in range(count):
            payload = packets.vp8(key=key and index == 0, start=index == 0, **numbers)  # type: ignore[arg-type] # ints
            plain = self.build(payload, marker=index == count - 1)
            out.append(self.client.send_rtp(plain) if send else plain)
        return out

    def rtx(self, seq: int) -> bytes:
        """Retransmit one of our packets (RFC 4588)."""
        plain = self.sent[seq]
        header = 12 + 4 + 4 * int.from_bytes(plain[14:16], "big")
        given = {**self.identity(rtx=True), **self.always}
        self.rtx_seq += 1
        return self.client.send_rtp(
            serialize_rtp(
                payload_type=self.pt.rtx_pt or 0,
                marker=plain[1] >= 0x80,
                seq=self.rtx_seq,
                timestamp=int.from_bytes(plain[4:8], "big"),
                ssrc=self.rtx_ssrc,
                extensions=[(IDS[name], value) for name, value in given.items()],
                payload=seq.to_bytes(2, "big") + plain[header:],
            )
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Track:
    """A published track and its encoders, smallest first."""

    ingress: IngressId
    encoders: tuple[Encoder, ...]

    @property
    def one(self) -> Encoder:
        """The only encoder."""
        assert len(self.encoders) == 1
        return self.encoders[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class Seat:
    """A seat stream and the client it goes to."""

    egress: EgressId
    client: Client
    ssrc: int
    rtx_ssrc: int

    def got(self) -> list[RtpPacket]:
        """Media packets so far."""
        return self.client.rtp(self.ssrc)

    def retransmitted(self) -> list[RtpPacket]:
        """RTX packets so far."""
        return self.client.rtp(self.rtx_ssrc)

    async def wait(self, packets_in_all: int) -> list[RtpPacket]:
        """Wait until so many media packets came."""
        await until(lambda: len(self.got()) >= packets_in_all)
        return self.got()


class Stage:
    """A plane, its address, its events and its clients."""

    def __init__(self, plane: Plane) -> None:
        self.plane = plane
        self.address = SocketAddress(host="127.0.0.1", port=0)
        self.events: list[Event] = []
        self.clients: list[Client] = []
        self._ids = itertools.count(1)
        self._rng = random.Random(11)

    async def start(self) -> None:
        """Bind a free port on loopback."""
        (self.address,) = await self.plane.start([self.address], self.events.append)

    async def stop(self) -> None:
        """Close everything."""
        for client in self.clients:
            client.socket.close()
        await self.plane.stop()

    def apply(self, *operations: Operation) -> None:
        """Shorthand."""
        self.plane.apply(operations)

    def count(self, which: Count) -> int:
        """One counter now."""
        return self.plane.counters().counts[which]

    def drops(self, which: DropReason) -> int:
        """One drop counter now."""
        return self.plane.counters().drops[which]

    def events_of(self, kind: type[EventT]) -> list[EventT]:
        """Events of one type so far."""
        return [event for event in self.events if isinstance(event, kind)]

    def add_client(self, profile: SrtpProfile = SrtpProfile.AEAD_AES_128_GCM) -> Client:
        """A transport without keys, not connected yet."""
        client = Client(TransportId(next(self._ids)), profile)
        self.clients.append(client)
        self.apply(
            AddTransport(
                transport=client.transport,
                ufrag=client.ufrag,
                pwd=client.pwd,
                remote_ufrag=client.remote_ufrag,
            )
        )
        return client

    def set_keys(self, client: Client) -> None:
        """Give the plane the client's keys."""
        self.apply(
            SetKeys(
                transport=client.transport,
                profile=client.profile,
                rx_key=client.to_plane,
                tx_key=client.from_plane,
            )
        )

    async def join(self, profile: SrtpProfile = SrtpProfile.AEAD_AES_128_GCM) -> Client:
        """A client that is connected and has keys."""
        client = self.add_client(profile)
        self.set_keys(client)
        await client.connect(self.address)
        return client

    def publish(
        self,
        client: Client,
        kind: MediaKind,
        *,
        codecs: Sequence[PayloadType] = (),
        rids: Sequence[str] = (),
        feedback: Feedback = Feedback.NONE,
        announced: bool = False,
    ) -> Track:
        """Admit a track; ``announced`` puts its SSRCs into the offer."""
        ingress, mid = IngressId(next(self._ids)), f"m{next(self._ids)}"
        types = tuple(codecs) or ((OPUS,) if kind is MediaKind.AUDIO else (VP8, VP9, AV1))
        encoders = tuple(
            Encoder(
                client=client,
                kind=kind,
                ssrc=self._rng.randrange(1, 1 << 32),
                rtx_ssrc=self._rng.randrange(1, 1 << 32),
                pt=types[0],
                mid=mid,
                rid=rid,
                seq=self._rng.randrange(1000, 60_000),
                timestamp=self._rng.randrange(1 << 32),
                pid=self._rng.randrange(1 << 15),
                tl0=self._rng.randrange(1 << 8),
                frame_number=self._rng.randrange(1 << 16),
            )
            for rid in (rids or (None,))
        )
        ssrcs = tuple(Ssrc(s) for e in encoders for s in (e.ssrc, e.rtx_ssrc)) if announced else ()
        self.apply(
            AddIngress(
                ingress=ingress,
                transport=client.transport,
                mid=Mid(mid),
                kind=kind,
                payload_types=types,
                extensions={number: name for name, number in IDS.items()},
                rids=tuple(Rid(rid) for rid in rids),
                ssrcs=ssrcs,
                feedback=feedback,
            )
        )
        return Track(ingress=ingress, encoders=encoders)

    def seat(
        self,
        client: Client,
        kind: MediaKind,
        *,
        payload_types: tuple[PayloadType, ...] | None = None,
        extensions: Mapping[Extension, int] | None = None,
    ) -> Seat:
        """Open a seat stream."""
        seat = Seat(
            egress=EgressId(next(self._ids)),
            client=client,
            ssrc=self._rng.randrange(1, 1 << 32),
            rtx_ssrc=self._rng.randrange(1, 1 << 32),
        )
        self.apply(
            AddSeat(
                egress=seat.egress,
                transport=client.transport,
                mid=Mid(f"s{seat.egress}"),
                kind=kind,
                ssrc=Ssrc(seat.ssrc),
                rtx_ssrc=Ssrc(seat.rtx_ssrc) if kind is MediaKind.VIDEO else None,
                payload_types=SEAT_PTS[kind] if payload_types is None else payload_types,
                extensions=SEAT_IDS if extensions is None else extensions,
                cname="sotto",
            )
        )
        return seat

    def route(
        self,
        seat: Seat,
        track: Track | None,
        *,
        rid: str | None = None,
        max_temporal: int | None = None,
        cut: bool = False,
    ) -> None:
        """Feed a seat."""
        source = None
        if track is not None:
            name = None if rid is None else Rid(rid)
            source = RouteSource(ingress=track.ingress, rid=name, max_temporal=max_temporal)
        self.apply(SetRoute(egress=seat.egress, source=source, cut=cut))

    async def pair(self, kind: MediaKind) -> tuple[Track, Seat]:
        """A publisher and a subscriber, routed; the first packet (a key frame) has come through."""
        publisher, subscriber = await self.join(), await self.join()
        track, seat = self.publish(publisher, kind), self.seat(subscriber, kind)
        self.route(seat, track)
        if kind is MediaKind.AUDIO:
            track.one.audio()
        else:
            track.one.frame(key=True)
        await seat.wait(1)
        return track, seat
