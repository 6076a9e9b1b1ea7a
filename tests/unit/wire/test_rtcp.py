"""RTCP in and out, against hostile bytes and against aiortc's own reader and writer."""

from __future__ import annotations

import random
import struct
import time

import pytest
from aiortc import rtp as reference

from sfu.base.errors import WireError
from sfu.wire.rtcp import (
    MAX_NACKED,
    MAX_PACKETS,
    Bye,
    Fir,
    Nack,
    Other,
    Pli,
    ReceiverReport,
    Remb,
    ReportBlock,
    RtcpPacket,
    SenderReport,
    TransportFeedback,
    nack,
    ntp_from_unix,
    parse_compound,
    pli,
    receiver_report,
    remb,
    sdes_cname,
    sender_report,
    transport_feedback,
    unix_from_ntp,
)

BLOCK = ReportBlock(
    ssrc=7,
    fraction_lost=128,
    packets_lost=-3,
    highest_seq=0x0001FFFE,
    jitter_ticks=11,
    last_sr=0xAABBCCDD,
    delay_since_last_sr=65536,
)
REPORT = SenderReport(ssrc=9, ntp_time=(1 << 63) + 5, rtp_timestamp=77, packet_count=8, octet_count=999)


def one(datagram: bytes) -> RtcpPacket:
    packets, bad = parse_compound(datagram)
    assert not bad
    (packet,) = packets
    return packet


def raw(packet_type: int, fmt: int, body: bytes) -> bytes:
    return struct.pack("!BBH", 0x80 | fmt, packet_type, len(body) // 4) + body


def test_round_trips() -> None:
    assert one(sender_report(REPORT)) == REPORT
    assert one(receiver_report(3, [BLOCK, BLOCK])) == ReceiverReport(ssrc=3, reports=(BLOCK, BLOCK))
    assert one(receiver_report(3, [])) == ReceiverReport(ssrc=3)
    assert one(pli(1, 2)) == Pli(sender_ssrc=1, media_ssrc=2)
    assert one(raw(203, 2, struct.pack("!II", 5, 6))) == Bye(ssrcs=(5, 6))
    assert one(raw(206, 4, struct.pack("!IIIB3x", 1, 0, 5, 9))) == Fir(sender_ssrc=1, media_ssrcs=(5,))
    assert one(sdes_cname(4, "name")) == Other(packet_type=202, fmt=1)


@pytest.mark.parametrize(
    "seqs", [[5], [5, 6, 21], [5, 22], [65530, 65535, 0, 10], list(range(100, 200)), [1, 40, 41, 500]]
)
def test_nack_round_trip(seqs: list[int]) -> None:
    assert one(nack(1, 2, seqs)) == Nack(sender_ssrc=1, media_ssrc=2, lost=tuple(seqs))


@pytest.mark.parametrize("bps", [0, 1, 262_143, 262_144, 4_000_000, 10**12])
def test_remb_rounds_down(bps: int) -> None:
    found = one(remb(1, bps, [5, 6]))
    assert isinstance(found, Remb)
    assert found.ssrcs == (5, 6)
    assert found.bitrate_bps <= bps
    assert bps - found.bitrate_bps <= bps / (1 << 17)


@pytest.mark.parametrize("unix_s", [0.0, 1_800_000_000.25, 1.5])
def test_ntp_round_trip(unix_s: float) -> None:
    assert unix_from_ntp(ntp_from_unix(unix_s)) == pytest.approx(unix_s, abs=1e-6)


@pytest.mark.parametrize("lost", [-(1 << 23), -1, 0, (1 << 23) - 1])
def test_cumulative_loss_is_signed(lost: int) -> None:
    block = ReportBlock(
        ssrc=1,
        fraction_lost=0,
        packets_lost=lost,
        highest_seq=0,
        jitter_ticks=0,
        last_sr=0,
        delay_since_last_sr=0,
    )
    found = one(receiver_report(3, [block]))
    assert isinstance(found, ReceiverReport)
    assert found.reports[0].packets_lost == lost


def test_more_blocks_than_fit_are_a_bug_of_the_caller() -> None:
    with pytest.raises(ValueError, match="at most 31"):
        receiver_report(1, [BLOCK] * 32)


@pytest.mark.parametrize(
    "arrivals",
    [
        [0.1],
        [0.1, None, 0.1005, 0.09],
        [None, None, 5.0, 5.25],
        [3.0 + index * 0.001 for index in range(100)],
        [1.0, *[None] * 900, 1.5],
        [1.0, 8.9],
    ],
)
def test_transport_feedback_round_trip(arrivals: list[float | None]) -> None:
    found = one(transport_feedback(1, 2, 65_530, 255, arrivals))
    assert isinstance(found, TransportFeedback)
    assert (found.sender_ssrc, found.media_ssrc) == (1, 2)
    assert (found.base_seq, found.feedback_count) == (65_530, 255)
    assert [a is None for a in found.arrivals] == [a is None for a in arrivals]
    for ours, given in zip(found.arrivals, arrivals, strict=True):
        if ours is not None and given is not None:
            assert ours == pytest.approx(given, abs=0.000_126)


@pytest.mark.parametrize("arrivals", [[], [None], [1.0, 12.0]])
def test_transport_feedback_that_cannot_be_written(arrivals: list[float | None]) -> None:
    with pytest.raises(ValueError, match=r"arriv"):
        transport_feedback(1, 2, 0, 0, arrivals)


@pytest.mark.parametrize("datagram", [b"", b"\x80\xc8\x00"])
def test_too_short_for_a_header(datagram: bytes) -> None:
    with pytest.raises(WireError):
        parse_compound(datagram)


GOOD = pli(1, 2)


@pytest.mark.parametrize(
    "bad",
    [
        pytest.param(raw(200, 0, bytes(8)), id="sender-report-of-8-bytes"),
        pytest.param(raw(200, 1, bytes(24)), id="sender-report-without-its-block"),
        pytest.param(raw(201, 31, bytes(4)), id="receiver-report-without-31-blocks"),
        pytest.param(raw(201, 0, b""), id="receiver-report-without-ssrc"),
        pytest.param(raw(203, 31, bytes(4)), id="bye-of-31-with-one"),
        pytest.param(raw(205, 1, bytes(4)), id="nack-without-media-ssrc"),
        pytest.param(raw(205, 15, bytes(12)), id="transport-feedback-cut"),
        pytest.param(
            raw(205, 15, struct.pack("!IIHHI", 1, 2, 0, 100, 0)), id="transport-feedback-without-chunks"
        ),
        pytest.param(
            raw(205, 15, struct.pack("!IIHHIHH", 1, 2, 0, 3, 0, 0x2003, 0x0101)), id="deltas-missing"
        ),
        pytest.param(raw(205, 15, struct.pack("!IIHHIHH", 1, 2, 0, 3, 0, 0x2000, 0)), id="run-of-zero"),
        pytest.param(raw(206, 15, bytes(8) + b"REMB"), id="remb-cut"),
        pytest.param(raw(206, 15, bytes(8) + b"REMB\xff\x00\x00\x00"), id="remb-of-255-ssrcs-without-any"),
        pytest.param(b"\x81\xce\xff\xff" + bytes(8), id="longer-than-the-datagram"),
        pytest.param(b"\x00" + GOOD[1:], id="version-0"),
        pytest.param(b"\xc1" + GOOD[1:], id="version-3"),
        pytest.param(b"\xa1" + GOOD[1:], id="padding-longer-than-the-body"),
        pytest.param(b"\xa1\xce\x00\x00", id="padding-without-body"),
        pytest.param(b"\xa1" + GOOD[1:-1] + b"\x00", id="padding-of-zero"),
        pytest.param(b"\x81\xce\x00", id="three-bytes"),
    ],
)
def test_a_bad_member_ends_the_compound(bad: bytes) -> None:
    packets, found_bad = parse_compound(GOOD + bad + GOOD)
    assert found_bad
    assert packets == [Pli(sender_ssrc=1, media_ssrc=2)]


def test_padding_at_the_end_is_taken_off() -> None:
    padded = b"\xa1\xce\x00\x03" + GOOD[4:] + b"\x00\x00\x00\x04"
    assert one(padded) == Pli(sender_ssrc=1, media_ssrc=2)


def test_members_and_numbers_are_bounded() -> None:
    packets, bad = parse_compound(GOOD * (MAX_PACKETS + 1))
    assert (len(packets), bad) == (MAX_PACKETS, True)
    greedy = raw(205, 1, struct.pack("!II", 1, 2) + b"\x00\x00\xff\xff" * 300)
    found = one(greedy)
    assert isinstance(found, Nack)
    assert len(found.lost) == MAX_NACKED


def test_a_small_datagram_cannot_ask_for_much_work() -> None:
    """Eight run lengths claim 65 528 packets; a datagram holds forty such members."""
    chunks = struct.pack("!8H", *[8191] * 8)
    member = raw(205, 15, struct.pack("!IIHHI", 1, 2, 0, 65_528, 0) + chunks)
    datagram = member * (1500 // len(member))
    began_s = time.process_time()
    for _ in range(10):
        packets, _ = parse_compound(datagram)
    assert time.process_time() - began_s < 0.1
    assert sum(len(p.arrivals) for p in packets if isinstance(p, TransportFeedback)) <= 20_000


# ---- against aiortc


def test_aiortc_reads_what_we_write() -> None:
    rng = random.Random(4)
    for _ in range(100):
        seqs = sorted(rng.sample(range(65_536), rng.randrange(1, 50)))
        (theirs,) = reference.RtcpPacket.parse(nack(1, 2, seqs))
        assert isinstance(theirs, reference.RtcpRtpfbPacket)
        assert (theirs.ssrc, theirs.media_ssrc, theirs.lost) == (1, 2, seqs)
    (report,) = reference.RtcpPacket.parse(sender_report(REPORT))
    assert isinstance(report, reference.RtcpSrPacket)
    info = report.sender_info
    assert (info.ntp_timestamp, info.rtp_timestamp) == (REPORT.ntp_time, REPORT.rtp_timestamp)
    assert (info.packet_count, info.octet_count) == (8, 999)
    (receiver,) = reference.RtcpPacket.parse(receiver_report(3, [BLOCK]))
    assert isinstance(receiver, reference.RtcpRrPacket)
    assert receiver.reports[0].packets_lost == -3
    assert receiver.reports[0].highest_sequence == BLOCK.highest_seq
    (cname,) = reference.RtcpPacket.parse(sdes_cname(4, "sotto"))
    assert isinstance(cname, reference.RtcpSdesPacket)
    assert [(chunk.ssrc, chunk.items) for chunk in cname.chunks] == [(4, [(1, b"sotto")])]


def test_we_read_what_aiortc_writes() -> None:
    feedback = reference.RtcpRtpfbPacket(fmt=1, ssrc=1, media_ssrc=2, lost=[12, 32, 39, 54, 76])
    assert one(bytes(feedback)) == Nack(sender_ssrc=1, media_ssrc=2, lost=(12, 32, 39, 54, 76))
    fci = reference.pack_remb_fci(4_160_000, [7, 8])
    found = one(bytes(reference.RtcpPsfbPacket(fmt=15, ssrc=1, media_ssrc=0, fci=fci)))
    assert found == Remb(sender_ssrc=1, bitrate_bps=4_160_000, ssrcs=(7, 8))
    assert reference.unpack_remb_fci(remb(1, 4_160_000, [7, 8])[12:]) == (4_160_000, [7, 8])
    assert one(bytes(reference.RtcpByePacket(sources=[5]))) == Bye(ssrcs=(5,))
