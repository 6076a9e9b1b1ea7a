"""A seat stream in virtual time: a thousand switches, pauses and codecs nobody asked for."""

from __future__ import annotations

import itertools
import random

import pytest

from sfu.base.ids import Codec, EgressId, IngressId, MediaKind, Mid, Ssrc, TransportId
from sfu.plane.port import AddSeat, DropReason, Extension, PayloadType, PlaneLimits, RouteSource
from sfu.plane.reference.egress.seat import SeatStream
from sfu.plane.reference.facts import Facts, IngressClock, PublisherClock
from sfu.wire.payload import parse_vp8
from sfu.wire.rtcp import SenderReport, ntp_from_unix, parse_compound, unix_from_ntp
from sfu.wire.rtp import RtpPacket, parse_rtp
from sfu.wire.sequence import ts_delta
from tests.plane import packets

HZ = {MediaKind.AUDIO: 48_000, MediaKind.VIDEO: 90_000}
UNIX_S = 1_700_000_000.0


def new_seat(kind: MediaKind) -> SeatStream:
    codec = Codec.OPUS if kind is MediaKind.AUDIO else Codec.VP8
    add = AddSeat(
        egress=EgressId(1),
        transport=TransportId(1),
        mid=Mid("0"),
        kind=kind,
        ssrc=Ssrc(0xABCD),
        rtx_ssrc=Ssrc(0xABCE),
        payload_types=(PayloadType(codec=codec, pt=100, rtx_pt=101, clock_hz=HZ[kind]),),
        extensions={Extension.AUDIO_LEVEL: 3},
        cname="c",
    )
    return SeatStream(add, PlaneLimits(), random.Random(5))


class Source:
    """A publisher in virtual time: own NTP and RTP clocks, a delay on its way."""

    def __init__(self, number: int, kind: MediaKind, rng: random.Random) -> None:
        self.ingress = IngressId(number)
        self.clock = IngressClock(HZ[kind], PublisherClock())
        self._kind = kind
        self._hz = HZ[kind]
        self._ahead_s = rng.uniform(-100, 100)
        self._base = rng.getrandbits(32)
        self._seq = rng.randrange(1 << 16) + (1 << 16)
        self._pid = rng.randrange(1 << 15)

    def at(self, time_s: float) -> int:
        return (self._base + round(time_s * self._hz)) & 0xFFFFFFFF

    def report(self, time_s: float, arrival_s: float) -> None:
        ntp = ntp_from_unix(UNIX_S + time_s + self._ahead_s)
        self.clock.on_sender_report(
            SenderReport(ssrc=1, ntp_time=ntp, rtp_timestamp=self.at(time_s), packet_count=0, octet_count=0),
            arrival_s,
        )

    def packet(self, time_s: float, arrival_s: float, *, key: bool, timestamp: int | None = None) -> Facts:
        self._seq += 1
        self._pid = (self._pid + 1) & 0x7FFF
        video = self._kind is MediaKind.VIDEO
        payload = packets.vp8(key=key, pid=self._pid) if video else packets.SEALED
        packet = RtpPacket(
            True,
            96,
            self._seq & 0xFFFF,
            self.at(time_s) if timestamp is None else timestamp,
            1,
            (),
            {},
            payload,
            0,
        )
        codec = Codec.VP8 if video else Codec.OPUS
        facts = Facts(packet, (self.ingress, None), codec, self._seq, arrival_s)
        facts.key_start = key or not video
        facts.vp8 = parse_vp8(payload) if video else None
        return facts


def feed(seat: SeatStream, source: Source, facts: Facts) -> RtpPacket | DropReason:
    result = seat.feed(facts, source.clock, facts.arrival_s)
    return result if isinstance(result, DropReason) else parse_rtp(result)


def route(seat: SeatStream, source: Source, now_s: float) -> None:
    seat.route(RouteSource(ingress=source.ingress), ((None, True),), now_s, False)


def test_r2_a_thousand_switches_stay_within_a_frame_of_the_line() -> None:
    rng = random.Random(1)
    seat = new_seat(MediaKind.VIDEO)
    sources = [Source(number, MediaKind.VIDEO, rng) for number in range(4)]
    for source in sources:
        source.report(0.0, 0.02)
    out: list[tuple[float, RtpPacket]] = []
    lines: list[tuple[float, int]] = []
    for turn in range(1000):
        source = sources[turn % 4]
        now_s = 1.0 + turn * 0.2
        route(seat, source, now_s)
        for index in range(3):
            captured_s = now_s + index * 0.033
            sent = feed(
                seat, source, source.packet(captured_s, captured_s + rng.uniform(0.02, 0.05), key=index == 0)
            )
            assert isinstance(sent, RtpPacket)
            out.append((captured_s, sent))
        source.report(now_s + 0.1, now_s + 0.1 + rng.uniform(0.02, 0.06))
        report = seat.sender_report(source.clock, now_s + 0.15, UNIX_S + now_s + 0.15)
        assert report is not None
        (members, _) = parse_compound(report)
        assert isinstance(members[0], SenderReport)
        lines.append((unix_from_ntp(members[0].ntp_time) - UNIX_S, members[0].rtp_timestamp))
    first_s, first = out[0]
    frame_ticks = 0.033 * 90_000
    for captured_s, packet in out:
        on_line = round((captured_s - first_s) * 90_000)
        assert abs(ts_delta(packet.timestamp, (first.timestamp + on_line) & 0xFFFFFFFF)) < frame_ticks
    for ntp_s, rtp in lines:
        on_line = round((ntp_s - lines[0][0]) * 90_000)
        assert abs(ts_delta(rtp, (lines[0][1] + on_line) & 0xFFFFFFFF)) < frame_ticks
    assert all((b.seq - a.seq) & 0xFFFF == 1 for (_, a), (_, b) in itertools.pairwise(out))
    pids = [parse_vp8(packet.payload).picture_id or 0 for _, packet in out]
    assert all((b - a) & 0x7FFF == 1 for a, b in itertools.pairwise(pids))


def test_r3_audio_switches_add_no_bias() -> None:
    rng = random.Random(2)
    seat = new_seat(MediaKind.AUDIO)
    sources = [Source(number, MediaKind.AUDIO, rng) for number in range(2)]
    for source in sources:
        source.report(0.0, 0.01)
    sent: list[tuple[float, RtpPacket]] = []
    dropped = 0
    for turn in range(300):
        source = sources[turn % 2]
        start_s = 1.0 + turn * 0.4 + (0.007 if turn % 2 else 0.0)  # phases differ
        route(seat, source, start_s)
        for index in range(19):
            captured_s = start_s + index * 0.02
            result = feed(seat, source, source.packet(captured_s, captured_s + 0.01, key=False))
            if isinstance(result, DropReason):
                dropped += 1
            else:
                sent.append((captured_s, result))
    assert dropped <= 300
    gaps = [ts_delta(b.timestamp, a.timestamp) for (_, a), (_, b) in itertools.pairwise(sent)]
    assert all(gap > 0 and gap % 960 == 0 for gap in gaps)
    begin_s, begin = sent[0]
    for captured_s, packet in sent:
        on_line = round((captured_s - begin_s) * 48_000)
        assert abs(ts_delta(packet.timestamp, begin.timestamp) - on_line) <= 2 * 960


@pytest.mark.parametrize("pause_s", [0.31, 3.0, 60.0])
def test_r4_a_muted_microphone_is_re_anchored(pause_s: float) -> None:
    source = Source(1, MediaKind.AUDIO, random.Random(3))
    seat = new_seat(MediaKind.AUDIO)
    source.report(0.0, 0.01)
    route(seat, source, 1.0)
    before = feed(seat, source, source.packet(1.0, 1.01, key=False))
    stood_still = source.at(1.02)
    after = feed(seat, source, source.packet(0.0, 1.01 + pause_s, key=False, timestamp=stood_still))
    assert isinstance(before, RtpPacket)
    assert isinstance(after, RtpPacket)
    assert abs(ts_delta(after.timestamp, before.timestamp) - pause_s * 48_000) <= 960
    assert source.clock.mapping() is None  # until a fresh report
    assert seat.sender_report(source.clock, 1.02 + pause_s, UNIX_S) is not None


def test_r4_a_pause_that_the_rtp_clock_ran_along_changes_nothing() -> None:
    source = Source(1, MediaKind.AUDIO, random.Random(3))
    seat = new_seat(MediaKind.AUDIO)
    route(seat, source, 1.0)
    before = feed(seat, source, source.packet(1.0, 1.01, key=False))
    after = feed(seat, source, source.packet(3.0, 3.012, key=False))
    assert isinstance(before, RtpPacket)
    assert isinstance(after, RtpPacket)
    assert ts_delta(after.timestamp, before.timestamp) == 2 * 48_000


def test_an_audio_packet_without_payload_starts_nothing() -> None:
    source = Source(1, MediaKind.AUDIO, random.Random(3))
    seat = new_seat(MediaKind.AUDIO)
    route(seat, source, 1.0)
    facts = source.packet(1.0, 1.0, key=False)
    facts.packet.payload = b""
    assert feed(seat, source, facts) is DropReason.PADDING_ONLY
    assert seat.take_events() == []
    assert isinstance(feed(seat, source, source.packet(1.02, 1.02, key=False)), RtpPacket)
    assert len(seat.take_events()) == 1


def test_a_codec_that_changes_mid_stream_leaves_no_gap() -> None:
    source = Source(1, MediaKind.VIDEO, random.Random(3))
    seat = new_seat(MediaKind.VIDEO)
    route(seat, source, 1.0)
    before = feed(seat, source, source.packet(1.0, 1.0, key=True))
    foreign = source.packet(1.03, 1.03, key=True)
    foreign.codec = Codec.VP9
    assert feed(seat, source, foreign) is DropReason.CODEC_NOT_NEGOTIATED
    after = feed(seat, source, source.packet(1.06, 1.06, key=True))
    assert isinstance(before, RtpPacket)
    assert isinstance(after, RtpPacket)
    assert (after.seq - before.seq) & 0xFFFF == 1


def test_an_empty_seat_reports_nothing() -> None:
    seat = new_seat(MediaKind.VIDEO)
    assert seat.sender_report(None, 1.0, UNIX_S) is None
    source = Source(1, MediaKind.VIDEO, random.Random(3))
    route(seat, source, 1.0)
    feed(seat, source, source.packet(1.0, 1.0, key=True))
    assert seat.sender_report(source.clock, 1.1, UNIX_S) is not None
    seat.route(None, (), 2.0, True)
    assert seat.sender_report(None, 2.1, UNIX_S) is None
