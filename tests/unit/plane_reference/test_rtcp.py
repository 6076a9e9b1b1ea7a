"""RTCP both ways, in virtual time: whose words count, and what publishers are told."""

from __future__ import annotations

import pytest

from sfu.base.ids import IngressId
from sfu.plane.port import Count, Feedback
from sfu.plane.reference.counters import Counters
from sfu.plane.reference.egress.seat import SeatStream
from sfu.plane.reference.feedback import (
    NACK_NUMBERS,
    REMB_LEAST_BPS,
    REMB_TOP_BPS,
    PublisherFeedback,
    RtcpReader,
)
from sfu.plane.reference.ingress import EncodingState, Ingress
from sfu.plane.reference.transport import Admitted, PlaneTransport
from sfu.wire.rtcp import (
    Bye,
    Nack,
    Other,
    ReceiverReport,
    Remb,
    ReportBlock,
    RtcpPacket,
    SenderReport,
    TransportFeedback,
    ntp_from_unix,
    parse_compound,
)
from tests.unit.plane_reference.parts import MICROPHONE, SCREEN, VP8, admit, room, track, transport_with

NOW_S, UNIX_S = 50.0, 1_800_000_000.0


class Outbox:
    """Records what would be sent and asked."""

    def __init__(self, *, watched: bool = True) -> None:
        self.rtcp: list[RtcpPacket] = []
        self.sizes: list[int] = []
        self.asked: list[EncodingState] = []
        self.silent: list[EncodingState] = []
        self.watched = watched

    def send_rtcp(self, transport: PlaneTransport, datagram: bytes) -> None:
        packets, bad = parse_compound(datagram)
        assert not bad
        self.rtcp += packets
        self.sizes.append(len(datagram))

    def send_rtp(self, transport: PlaneTransport, datagram: bytes) -> None:
        raise AssertionError("nothing was kept for retransmission")

    def encoding_of(self, seat: SeatStream) -> EncodingState | None:
        return None

    def request_keyframe(self, encoding: EncodingState, now_s: float) -> bool:
        self.asked.append(encoding)
        return True

    def is_watched(self, encoding: EncodingState) -> bool:
        return self.watched

    def encoding_silent(self, ingress: Ingress, encoding: EncodingState, now_s: float) -> None:
        self.silent.append(encoding)

    def of(self, kind: type[RtcpPacket]) -> list[RtcpPacket]:
        return [packet for packet in self.rtcp if isinstance(packet, kind)]


def published(
    transport: PlaneTransport, ssrc: int, *, mid: bytes = b"3", payload_type: int = 96, retired: bool = False
) -> Admitted:
    """An SSRC of the screen (or another track) that has authenticated."""
    admitted = admit(transport, {1: mid}, payload_type, ssrc)
    assert isinstance(admitted, Admitted)
    admitted.retired = retired
    transport.begin(ssrc, admitted)
    if not admitted.rtx and not retired:
        admitted.encoding.ssrc = ssrc
    return admitted


def report(ssrc: int, *blocks: ReportBlock) -> SenderReport:
    return SenderReport(
        ssrc=ssrc,
        ntp_time=ntp_from_unix(UNIX_S),
        rtp_timestamp=1000,
        packet_count=0,
        octet_count=0,
        reports=blocks,
    )


def read(outbox: Outbox, transport: PlaneTransport, *packets: RtcpPacket) -> None:
    reader = RtcpReader(outbox, Counters())
    for packet in packets:
        reader.take(transport, packet, NOW_S, UNIX_S)


# ---- in


def test_a_report_and_a_good_bye_speak_for_the_stream_in_use_only() -> None:
    outbox, transport = Outbox(), room()
    now = published(transport, 41)
    published(transport, 40, retired=True)
    published(transport, 42, payload_type=97)
    for foreign in (40, 42, 77, 0, 0xFFFFFFFF):
        read(outbox, transport, report(foreign), Bye(ssrcs=(foreign,)))
    assert now.encoding.clock.mapping() is None
    assert outbox.silent == []
    read(outbox, transport, report(41), Bye(ssrcs=(77, 41)))
    assert now.encoding.clock.mapping() is not None
    assert outbox.silent == [now.encoding]


@pytest.mark.parametrize(
    ("last_sr_ago_s", "delay_s", "rtt_s"),
    [
        pytest.param(0.5, 0.3, 0.125, id="a-quarter-of-the-way-to-200-ms"),
        pytest.param(30.0, 29.9, 0.1, id="a-long-delay"),
        pytest.param(0.1, 0.5, 0.1, id="answered-before-it-was-asked"),
        pytest.param(60.0, 0.0, 0.1, id="an-echo-of-the-past"),
    ],
)
def test_round_trips_come_from_our_own_reports(last_sr_ago_s: float, delay_s: float, rtt_s: float) -> None:
    transport = room()
    transport.seats[9] = object()  # type: ignore[assignment] # only its number is looked at
    block = ReportBlock(
        ssrc=9,
        fraction_lost=0,
        packets_lost=0,
        highest_seq=0,
        jitter_ticks=0,
        last_sr=ntp_from_unix(UNIX_S - last_sr_ago_s) >> 16 & 0xFFFFFFFF,
        delay_since_last_sr=round(delay_s * 65536),
    )
    read(Outbox(), transport, ReceiverReport(ssrc=1, reports=(block,)))
    assert transport.rtt_s == pytest.approx(rtt_s, abs=0.001)


def test_blocks_about_others_and_congestion_feedback_mean_nothing() -> None:
    outbox, transport = Outbox(), room()
    block = ReportBlock(
        ssrc=8,
        fraction_lost=255,
        packets_lost=9,
        highest_seq=0,
        jitter_ticks=0,
        last_sr=ntp_from_unix(UNIX_S - 5) >> 16 & 0xFFFFFFFF,
        delay_since_last_sr=0,
    )
    feedback = TransportFeedback(sender_ssrc=1, media_ssrc=9, base_seq=0, feedback_count=0, arrivals=(None,))
    remb = Remb(sender_ssrc=1, bitrate_bps=1000, ssrcs=(9,))
    read(outbox, transport, report(77, block), feedback, remb, Other(packet_type=204, fmt=0))
    assert (transport.rtt_s, outbox.rtcp, outbox.asked, outbox.silent) == (0.1, [], [], [])


# ---- out


def video(feedback: Feedback = Feedback.NONE) -> PlaneTransport:
    return transport_with(track(SCREEN, VP8, feedback=feedback))


def lose(encoding: EncodingState, first: int, count: int, every: int = 1) -> None:
    """Miss ``count`` packets after ``first``, each ``every`` apart."""
    for number in range(first, first + count * every + 1, max(2, every)):
        encoding.nack.received(number, NOW_S)


def test_far_apart_losses_are_asked_for_in_small_packets() -> None:
    outbox, transport, counters = Outbox(), video(), Counters()
    encoding = published(transport, 41).encoding
    encoding.nack.received(1000, NOW_S)
    for number in range(1002, 1000 + 18 * 300, 18):
        for arrived in range(number, number + 17):
            encoding.nack.received(arrived, NOW_S)
    PublisherFeedback(outbox).tick(transport, counters, NOW_S + 0.1)
    asked = [packet for packet in outbox.rtcp if isinstance(packet, Nack)]
    assert [len(packet.lost) for packet in asked] == [NACK_NUMBERS, 300 - NACK_NUMBERS]
    assert max(outbox.sizes) <= 12 + 4 * NACK_NUMBERS
    assert counters.counts[Count.NACKS_SENT] == 2
    assert counters.counts[Count.NACKED_PACKETS_SENT] == 300


@pytest.mark.parametrize("watched", [True, False])
def test_given_up_packets_cost_a_key_frame_only_where_somebody_watches(watched: bool) -> None:
    outbox, transport = Outbox(watched=watched), video()
    encoding = published(transport, 41).encoding
    encoding.nack.received(1000, NOW_S)
    encoding.nack.received(1002, NOW_S)
    feedback = PublisherFeedback(outbox)
    for tick in range(200):
        feedback.tick(transport, Counters(), NOW_S + tick * 0.02)
    assert outbox.asked == ([encoding] if watched else [])
    assert not encoding.nack.gave_up


def test_all_streams_are_reported_31_to_a_packet() -> None:
    outbox = Outbox()
    transport = transport_with(*(track(IngressId(n), VP8) for n in range(40)), ssrcs=64)
    for n in range(40):
        admitted = published(transport, 1000 + n, mid=str(n).encode())
        admitted.encoding.stats.received(70_000, 0, NOW_S)
    PublisherFeedback(outbox).tick(transport, Counters(), NOW_S)
    told = [packet for packet in outbox.rtcp if isinstance(packet, ReceiverReport)]
    assert [len(packet.reports) for packet in told] == [31, 9]
    assert {block.ssrc for packet in told for block in packet.reports} == set(range(1000, 1040))


def test_a_report_a_day_after_the_last_of_the_publisher_s_can_be_written() -> None:
    outbox, transport = Outbox(), video()
    encoding = published(transport, 41).encoding
    encoding.stats.received(70_000, 0, NOW_S)
    encoding.stats.on_sender_report(report(41), NOW_S)
    PublisherFeedback(outbox).tick(transport, Counters(), NOW_S + 86_400)
    (told,) = [packet for packet in outbox.rtcp if isinstance(packet, ReceiverReport)]
    assert told.reports[0].delay_since_last_sr == 0xFFFFFFFF


def test_remb_yields_to_loss_and_comes_back_within_its_bounds() -> None:
    outbox, transport = Outbox(), video(Feedback.REMB)
    encoding = published(transport, 41).encoding
    published(transport, 40, retired=True)
    published(transport, 42, payload_type=97)
    feedback, number, now_s = PublisherFeedback(outbox), 70_000, NOW_S
    courses: list[list[int]] = []
    for every in (1, 2, 1):  # all arrive; every second is lost; all arrive
        outbox.rtcp.clear()
        for _ in range(60):
            for _ in range(50):
                number += every
                encoding.stats.received(number, 0, now_s)
            now_s += 1.0
            feedback.tick(transport, Counters(), now_s)
        told = [packet for packet in outbox.rtcp if isinstance(packet, Remb)]
        assert all(packet.ssrcs == (41,) for packet in told)
        courses.append([packet.bitrate_bps for packet in told])
    well, lossy, again = courses
    assert set(well) == {REMB_TOP_BPS & ~0xF}
    assert lossy == sorted(lossy, reverse=True)
    assert lossy[-1] == pytest.approx(REMB_LEAST_BPS, rel=0.01)
    assert again == sorted(again)
    assert again[-1] == REMB_TOP_BPS & ~0xF


def test_without_negotiated_feedback_only_reports_are_sent() -> None:
    outbox, transport = Outbox(), video()
    published(transport, 41).encoding.stats.received(70_000, 0, NOW_S)
    transport.transport_cc.received(1, NOW_S)
    feedback = PublisherFeedback(outbox)
    for tick in range(100):
        feedback.tick(transport, Counters(), NOW_S + tick * 0.02)
    assert {type(packet) for packet in outbox.rtcp} == {ReceiverReport}
    assert len(outbox.rtcp) == 2  # one a second


def test_lost_audio_is_not_asked_for() -> None:
    outbox, transport = Outbox(), room()
    microphone = admit(transport, {1: b"1"}, 111, 7)
    assert isinstance(microphone, Admitted)
    assert microphone.ingress.id == MICROPHONE
    transport.begin(7, microphone)
    microphone.encoding.ssrc = 7
    microphone.encoding.nack.received(1000, NOW_S)
    microphone.encoding.nack.received(1005, NOW_S)
    PublisherFeedback(outbox).tick(transport, Counters(), NOW_S + 0.1)
    assert outbox.of(Nack) == []
