"""RTCP: compound packets in (RFC 3550 section 6, RFC 4585, RFC 5104), single packets out."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass

from sfu.base.errors import WireError

SR, RR, SDES, BYE, RTPFB, PSFB = 200, 201, 202, 203, 205, 206
FMT_NACK, FMT_TRANSPORT_CC = 1, 15
FMT_PLI, FMT_FIR, FMT_AFB = 1, 4, 15

NTP_UNIX_S = 2_208_988_800  # from 1900 to 1970
MAX_NACKED = 1024
"""Sequence numbers one NACK may ask for. A whole compound could ask for thousands."""
MAX_STATUSES = 8192
"""Packets that the transport feedback of one compound may report on. Sixteen bytes of run lengths can
claim 65 528 and there is room for forty such members; libwebrtc reports on some hundred."""
MAX_PACKETS = 64
"""Members read of one compound; the rest counts as its bad tail."""

_HEADER = struct.Struct("!BBH")
_BLOCK = struct.Struct("!IIIIII")


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportBlock:
    """One reception report (RFC 3550 section 6.4.1)."""

    ssrc: int
    fraction_lost: int
    """Share lost since the last report, in 1/256."""
    packets_lost: int
    """Cumulative, signed 24 bits."""
    highest_seq: int
    """Extended: cycles in the upper 16 bits."""
    jitter_ticks: int
    last_sr: int
    """Middle 32 bits of the NTP time of the last sender report."""
    delay_since_last_sr: int
    """In 1/65536 s."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SenderReport:
    """RFC 3550 section 6.4.1."""

    ssrc: int
    ntp_time: int
    """64 bits, 32.32 fixed point seconds since 1900."""
    rtp_timestamp: int
    packet_count: int
    octet_count: int
    reports: tuple[ReportBlock, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiverReport:
    """RFC 3550 section 6.4.2."""

    ssrc: int
    reports: tuple[ReportBlock, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Bye:
    """RFC 3550 section 6.6."""

    ssrcs: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Nack:
    """Generic NACK, expanded (RFC 4585 section 6.2.1)."""

    sender_ssrc: int
    media_ssrc: int
    lost: tuple[int, ...]
    """16-bit sequence numbers, at most ``MAX_NACKED``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pli:
    """RFC 4585 section 6.3.1."""

    sender_ssrc: int
    media_ssrc: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Fir:
    """RFC 5104 section 4.3.1."""

    sender_ssrc: int
    media_ssrcs: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Remb:
    """draft-alvestrand-rmcat-remb-03."""

    sender_ssrc: int
    bitrate_bps: int
    ssrcs: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TransportFeedback:
    """draft-holmer-rmcat-transport-wide-cc-extensions-01, section 3.1."""

    sender_ssrc: int
    media_ssrc: int
    base_seq: int
    feedback_count: int
    arrivals: tuple[float | None, ...]
    """For each number from ``base_seq`` on: arrival in seconds on the sender's clock (modulo its
    64 ms reference), None when it did not arrive."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Other:
    """A member we do not read."""

    packet_type: int
    fmt: int


RtcpPacket = SenderReport | ReceiverReport | Bye | Nack | Pli | Fir | Remb | TransportFeedback | Other


def parse_compound(datagram: bytes) -> tuple[list[RtcpPacket], bool]:
    """Read one (compound or reduced-size, RFC 5506) datagram.

    Returns:
        The members up to the first bad one, and whether there was a bad one.

    Raises:
        WireError: ``rtcp_short`` when not even one header is there.
    """
    if len(datagram) < 8:
        raise WireError("rtcp_short")
    packets: list[RtcpPacket] = []
    statuses = 0
    at, size = 0, len(datagram)
    while at < size:
        if at + 4 > size or len(packets) == MAX_PACKETS:
            return packets, True
        first, packet_type, words = _HEADER.unpack_from(datagram, at)
        end = at + 4 * (words + 1)
        if first >> 6 != 2 or end > size:
            return packets, True
        body = datagram[at + 4 : end]
        if first & 0x20:
            if not body or not 0 < body[-1] <= len(body):
                return packets, True
            body = body[: -body[-1]]
        try:
            packet = _member(packet_type, first & 0x1F, body)
        except (WireError, struct.error):
            return packets, True
        if isinstance(packet, TransportFeedback):
            statuses += len(packet.arrivals)
            if statuses > MAX_STATUSES:
                return packets, True
        packets.append(packet)
        at = end
    return packets, False


def _member(packet_type: int, fmt: int, body: bytes) -> RtcpPacket:
    if packet_type == SR:
        ssrc, ntp, rtp, packets, octets = struct.unpack_from("!IQIII", body)
        return SenderReport(
            ssrc=ssrc,
            ntp_time=ntp,
            rtp_timestamp=rtp,
            packet_count=packets,
            octet_count=octets,
            reports=_blocks(body[24:], fmt),
        )
    if packet_type == RR:
        return ReceiverReport(ssrc=struct.unpack_from("!I", body)[0], reports=_blocks(body[4:], fmt))
    if packet_type == BYE:
        return Bye(ssrcs=struct.unpack_from(f"!{fmt}I", body))
    if packet_type in (RTPFB, PSFB):
        return _feedback(packet_type, fmt, body)
    return Other(packet_type=packet_type, fmt=fmt)


def _feedback(packet_type: int, fmt: int, body: bytes) -> RtcpPacket:
    sender, media = struct.unpack_from("!II", body)
    fci = body[8:]
    if packet_type == RTPFB and fmt == FMT_NACK:
        return Nack(sender_ssrc=sender, media_ssrc=media, lost=_lost(fci))
    if packet_type == RTPFB and fmt == FMT_TRANSPORT_CC:
        return _transport_feedback(sender, media, fci)
    if packet_type == PSFB and fmt == FMT_PLI:
        return Pli(sender_ssrc=sender, media_ssrc=media)
    if packet_type == PSFB and fmt == FMT_FIR:
        entries = struct.iter_unpack("!IB3x", fci[: len(fci) // 8 * 8])
        return Fir(sender_ssrc=sender, media_ssrcs=tuple(ssrc for ssrc, _ in entries))
    if packet_type == PSFB and fmt == FMT_AFB and fci[:4] == b"REMB":
        return _remb(sender, fci)
    return Other(packet_type=packet_type, fmt=fmt)


def _blocks(raw: bytes, count: int) -> tuple[ReportBlock, ...]:
    if len(raw) < 24 * count:
        raise WireError("rtcp_reports")
    blocks = []
    for index in range(count):
        ssrc, lost, highest, jitter, last, delay = _BLOCK.unpack_from(raw, 24 * index)
        cumulative = lost & 0xFFFFFF
        blocks.append(
            ReportBlock(
                ssrc=ssrc,
                fraction_lost=lost >> 24,
                packets_lost=cumulative - (1 << 24) if cumulative & 0x800000 else cumulative,
                highest_seq=highest,
                jitter_ticks=jitter,
                last_sr=last,
                delay_since_last_sr=delay,
            )
        )
    return tuple(blocks)


def _lost(fci: bytes) -> tuple[int, ...]:
    if len(fci) % 4:
        raise WireError("rtcp_nack")
    lost: list[int] = []
    for first, following in struct.iter_unpack("!HH", fci):
        lost.append(first)
        lost.extend((first + bit + 1) & 0xFFFF for bit in range(16) if following >> bit & 1)
        if len(lost) >= MAX_NACKED:
            break
    return tuple(lost[:MAX_NACKED])


def _remb(sender: int, fci: bytes) -> Remb:
    if len(fci) < 8:
        raise WireError("rtcp_remb")
    count = fci[4]
    exponent, mantissa = fci[5] >> 2, (fci[5] & 3) << 16 | fci[6] << 8 | fci[7]
    ssrcs = struct.unpack_from(f"!{count}I", fci, 8)
    return Remb(sender_ssrc=sender, bitrate_bps=mantissa << exponent, ssrcs=ssrcs)


# ---- out ------------------------------------------------------------------------------------------


def ntp_from_unix(unix_s: float) -> int:
    """64-bit NTP time."""
    return round((unix_s + NTP_UNIX_S) * (1 << 32)) & ((1 << 64) - 1)


def unix_from_ntp(ntp_time: int) -> float:
    """Seconds since the Unix epoch."""
    return ntp_time / (1 << 32) - NTP_UNIX_S


def sender_report(report: SenderReport) -> bytes:
    """An SR without reception blocks."""
    return _packet(
        SR,
        0,
        struct.pack(
            "!IQIII",
            report.ssrc,
            report.ntp_time,
            report.rtp_timestamp & 0xFFFFFFFF,
            report.packet_count & 0xFFFFFFFF,
            report.octet_count & 0xFFFFFFFF,
        ),
    )


def receiver_report(ssrc: int, blocks: Sequence[ReportBlock]) -> bytes:
    """An RR with up to 31 blocks.

    Raises:
        ValueError: more than 31 blocks.
    """
    if len(blocks) > 31:
        raise ValueError(f"{len(blocks)} report blocks, at most 31 fit")
    body = struct.pack("!I", ssrc) + b"".join(_pack_block(block) for block in blocks)
    return _packet(RR, len(blocks), body)


def _pack_block(block: ReportBlock) -> bytes:
    lost = min(max(block.packets_lost, -(1 << 23)), (1 << 23) - 1) & 0xFFFFFF
    return _BLOCK.pack(
        block.ssrc,
        block.fraction_lost << 24 | lost,
        block.highest_seq & 0xFFFFFFFF,
        min(block.jitter_ticks, 0xFFFFFFFF),
        block.last_sr & 0xFFFFFFFF,
        min(block.delay_since_last_sr, 0xFFFFFFFF),
    )


def sdes_cname(ssrc: int, cname: str) -> bytes:
    """An SDES with one chunk and its CNAME (RFC 3550 section 6.5.1)."""
    name = cname.encode("utf-8")[:255]
    chunk = struct.pack("!IBB", ssrc, 1, len(name)) + name
    chunk += bytes(4 - len(chunk) % 4)  # at least one zero ends the items
    return _packet(SDES, 1, chunk)


def nack(sender_ssrc: int, media_ssrc: int, seqs: Sequence[int]) -> bytes:
    """A generic NACK for sequence numbers in rising order (RFC 4585 section 6.2.1)."""
    pairs: list[list[int]] = []
    for seq in seqs:
        distance = (seq - pairs[-1][0]) & 0xFFFF if pairs else 0
        if pairs and 1 <= distance <= 16:
            pairs[-1][1] |= 1 << (distance - 1)
        elif not pairs or distance:
            pairs.append([seq & 0xFFFF, 0])
    fci = b"".join(struct.pack("!HH", first, following) for first, following in pairs)
    return _packet(RTPFB, FMT_NACK, struct.pack("!II", sender_ssrc, media_ssrc) + fci)


def pli(sender_ssrc: int, media_ssrc: int) -> bytes:
    """A picture loss indication (RFC 4585 section 6.3.1)."""
    return _packet(PSFB, FMT_PLI, struct.pack("!II", sender_ssrc, media_ssrc))


def remb(sender_ssrc: int, bitrate_bps: int, ssrcs: Sequence[int]) -> bytes:
    """A receiver estimated maximum bitrate, rounded down to what 18 bits and an exponent hold."""
    exponent = max(0, bitrate_bps.bit_length() - 18)
    mantissa = bitrate_bps >> exponent
    head = bytes(
        (
            len(ssrcs),
            exponent << 2 | mantissa >> 16,
            mantissa >> 8 & 0xFF,
            mantissa & 0xFF,
        )
    )
    fci = b"REMB" + head + struct.pack(f"!{len(ssrcs)}I", *ssrcs)
    return _packet(PSFB, FMT_AFB, struct.pack("!II", sender_ssrc, 0) + fci)


def _packet(packet_type: int, count: int, body: bytes) -> bytes:
    body += bytes(-len(body) % 4)
    return _HEADER.pack(0x80 | count, packet_type, len(body) // 4) + body


# ---- transport-wide feedback ----------------------------------------------------------------------

REFERENCE_S = 0.064  # section 3.1: reference time counts 64 ms
DELTA_S = 0.000_250
_NOT_RECEIVED, _SMALL, _LARGE = 0, 1, 2


def transport_feedback(
    sender_ssrc: int,
    media_ssrc: int,
    base_seq: int,
    feedback_count: int,
    arrivals: Sequence[float | None],
) -> bytes:
    """One feedback packet.

    Args:
        arrivals: for each number from ``base_seq`` on, arrival in seconds on any monotonic clock, or
            None. Arrivals further than 8 s from their neighbour do not fit a delta; callers keep
            the span of one packet short.

    Raises:
        ValueError: nothing arrived, too many numbers, or a step too large for a delta.
    """
    first = next((arrival for arrival in arrivals if arrival is not None), None)
    if first is None or len(arrivals) > 0xFFFF:
        raise ValueError("arrivals must hold one that came, and be at most 65535")
    reference = int(first / REFERENCE_S)
    clock_ticks = round(reference * REFERENCE_S / DELTA_S)
    symbols: list[int] = []
    deltas = bytearray()
    for arrival in arrivals:
        if arrival is None:
            symbols.append(_NOT_RECEIVED)
            continue
        ticks = round(arrival / DELTA_S)
        delta, clock_ticks = ticks - clock_ticks, ticks
        if 0 <= delta <= 255:
            symbols.append(_SMALL)
            deltas.append(delta)
        elif -32768 <= delta <= 32767:
            symbols.append(_LARGE)
            deltas += struct.pack("!h", delta)
        else:
            raise ValueError("two arrivals are too far apart for one feedback packet")
    head = struct.pack("!HHI", base_seq & 0xFFFF, len(arrivals), 0)
    head = head[:4] + (reference & 0xFFFFFF).to_bytes(3, "big") + bytes((feedback_count & 0xFF,))
    fci = head + _chunks(symbols) + bytes(deltas)
    return _packet(RTPFB, FMT_TRANSPORT_CC, struct.pack("!II", sender_ssrc, media_ssrc) + fci)


def _chunks(symbols: Sequence[int]) -> bytes:
    """Run lengths where a run pays, else vectors of seven two-bit symbols (section 3.1.2)."""
    out = bytearray()
    at = 0
    while at < len(symbols):
        run = 1
        while at + run < len(symbols) and symbols[at + run] == symbols[at] and run < 8191:
            run += 1
        if run >= 7:
            out += struct.pack("!H", symbols[at] << 13 | run)
            at += run
            continue
        vector = [*symbols[at : at + 7], *[0] * 7][:7]
        packed = 0xC000
        for index, symbol in enumerate(vector):
            packed |= symbol << (12 - 2 * index)
        out += struct.pack("!H", packed)
        at += 7
    return bytes(out)


def _transport_feedback(sender: int, media: int, fci: bytes) -> TransportFeedback:
    if len(fci) < 8:
        raise WireError("rtcp_transport_cc")
    base, count = struct.unpack_from("!HH", fci)
    if count > MAX_STATUSES:
        raise WireError("rtcp_transport_cc")
    reference = int.from_bytes(fci[4:7], "big", signed=True)
    symbols, at = _symbols(fci, count)
    arrivals: list[float | None] = []
    ticks = 0
    for symbol in symbols:
        if symbol == _SMALL:
            ticks += fci[at] if at < len(fci) else _missing()
            at += 1
        elif symbol == _LARGE:
            ticks += struct.unpack_from("!h", fci, at)[0]
            at += 2
        else:
            arrivals.append(None)
            continue
        arrivals.append(reference * REFERENCE_S + ticks * DELTA_S)
    return TransportFeedback(
        sender_ssrc=sender,
        media_ssrc=media,
        base_seq=base,
        feedback_count=fci[7],
        arrivals=tuple(arrivals),
    )


def _missing() -> int:
    raise WireError("rtcp_transport_cc")


def _symbols(fci: bytes, count: int) -> tuple[list[int], int]:
    symbols: list[int] = []
    at = 8
    while len(symbols) < count:
        (chunk,) = struct.unpack_from("!H", fci, at)
        at += 2
        if not chunk & 0x8000:
            symbols.extend([chunk >> 13 & 3] * min(chunk & 0x1FFF, count - len(symbols)))
            if not chunk & 0x1FFF:
                raise WireError("rtcp_transport_cc")
        elif chunk & 0x4000:
            symbols.extend(chunk >> shift & 3 for shift in range(12, -1, -2))
        else:
            symbols.extend(chunk >> shift & 1 for shift in range(13, -1, -1))
    return symbols[:count], at
