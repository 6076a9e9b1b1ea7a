"""RTCP both ways: what subscribers say is heard here and goes no further (SECURITY 0.7)."""

from __future__ import annotations

from typing import Protocol

from sfu.plane.port import Count, Feedback
from sfu.plane.reference.counters import Counters
from sfu.plane.reference.egress.seat import SeatStream
from sfu.plane.reference.ingress import EncodingState, Ingress
from sfu.plane.reference.transport import PlaneTransport
from sfu.wire.rtcp import (
    Bye,
    Fir,
    Nack,
    Pli,
    ReceiverReport,
    ReportBlock,
    RtcpPacket,
    SenderReport,
    nack,
    ntp_from_unix,
    pli,
    receiver_report,
    remb,
)

REPORT_EVERY_S = 1.0
REMB_EVERY_S = 0.5
REMB_TOP_BPS = 4_000_000
"""A camera with three encodings and a screen. This plane estimates nothing: publishers that want
REMB get this, less what they were seen to lose."""
REMB_LEAST_BPS = 150_000
NACK_NUMBERS = 256
"""Asked for in one packet: at most 1 kB of them, however far apart they are."""


class Outlet(Protocol):
    """Where feedback leaves, and what it needs to know."""

    def send_rtcp(self, transport: PlaneTransport, datagram: bytes) -> None:
        """Seal and send."""

    def send_rtp(self, transport: PlaneTransport, datagram: bytes) -> None:
        """Seal and send."""

    def encoding_of(self, seat: SeatStream) -> EncodingState | None:
        """The encoding a seat carries now."""

    def request_keyframe(self, encoding: EncodingState, now_s: float) -> bool:
        """Ask through the arbiter. True when the publisher was asked."""

    def is_watched(self, encoding: EncodingState) -> bool:
        """Whether a seat carries the encoding or waits for it."""

    def encoding_silent(self, ingress: Ingress, encoding: EncodingState, now_s: float) -> None:
        """The publisher said that it stopped sending."""


class RtcpReader:
    """Acts on one authenticated RTCP member at a time."""

    def __init__(self, outlet: Outlet, counters: Counters) -> None:
        self._outlet = outlet
        self._counts = counters.counts

    def take(self, transport: PlaneTransport, packet: RtcpPacket, now_s: float, unix_s: float) -> None:
        """One member of a compound of this transport. Others' SSRCs mean nothing here."""
        if isinstance(packet, SenderReport):
            self._sender_report(transport, packet, now_s)
            self._blocks(transport, packet.reports, unix_s)
        elif isinstance(packet, ReceiverReport):
            self._blocks(transport, packet.reports, unix_s)
        elif isinstance(packet, Nack):
            self._nack(transport, packet, now_s)
        elif isinstance(packet, Pli):
            self._keyframe(transport, packet.media_ssrc, now_s)
        elif isinstance(packet, Fir):
            for ssrc in packet.media_ssrcs:
                self._keyframe(transport, ssrc, now_s)
        elif isinstance(packet, Bye):
            self._bye(transport, packet, now_s)

    def _sender_report(self, transport: PlaneTransport, report: SenderReport, now_s: float) -> None:
        admitted = transport.by_ssrc.get(report.ssrc)
        if admitted is not None and not admitted.rtx and not admitted.retired:
            admitted.encoding.clock.on_sender_report(report, now_s)
            admitted.encoding.stats.on_sender_report(report, now_s)

    def _blocks(self, transport: PlaneTransport, blocks: tuple[ReportBlock, ...], unix_s: float) -> None:
        """Round trip from our own sender reports (RFC 3550 section 6.4.1)."""
        now_mid = ntp_from_unix(unix_s) >> 16 & 0xFFFFFFFF
        for block in blocks:
            if block.ssrc in transport.seats and block.last_sr:
                ticks = (now_mid - block.last_sr - block.delay_since_last_sr) & 0xFFFFFFFF
                if ticks < 10 << 16:  # more than ten seconds is nonsense, or an echo of the past
                    rtt_s = ticks / 65536
                    transport.rtt_s += (rtt_s - transport.rtt_s) / 4

    def _nack(self, transport: PlaneTransport, packet: Nack, now_s: float) -> None:
        self._counts[Count.NACKS_RECEIVED] += 1
        seat = transport.seats.get(packet.media_ssrc)
        if seat is None:
            return
        self._counts[Count.NACKED_PACKETS_RECEIVED] += len(packet.lost)
        before = seat.rtx_missed, seat.rtx_over_budget
        datagrams = seat.on_nack(packet.lost, now_s, transport.rtt_s)
        for datagram in datagrams:
            self._outlet.send_rtp(transport, datagram)
        self._counts[Count.RTX_SENT] += len(datagrams)
        self._counts[Count.RTX_MISSED] += seat.rtx_missed - before[0]
        self._counts[Count.RTX_OVER_BUDGET] += seat.rtx_over_budget - before[1]

    def _keyframe(self, transport: PlaneTransport, ssrc: int, now_s: float) -> None:
        self._counts[Count.PLI_RECEIVED] += 1
        seat = transport.seats.get(ssrc)
        encoding = None if seat is None else self._outlet.encoding_of(seat)
        budget = transport.budgets.get(ssrc)
        if encoding is None or budget is None or not budget.allows(now_s):
            self._counts[Count.PLI_SUPPRESSED] += 1
        elif self._outlet.request_keyframe(encoding, now_s):
            budget.pay(now_s)

    def _bye(self, transport: PlaneTransport, packet: Bye, now_s: float) -> None:
        for ssrc in packet.ssrcs:
            admitted = transport.by_ssrc.get(ssrc)
            if admitted is not None and not admitted.rtx and not admitted.retired:
                self._outlet.encoding_silent(admitted.ingress, admitted.encoding, now_s)


class PublisherFeedback:
    """What one publisher is told, on a timer: RR, NACK, transport-wide feedback or REMB."""

    __slots__ = ("_outlet", "_remb_bps", "_remb_s", "_reported_s")

    def __init__(self, outlet: Outlet) -> None:
        self._outlet = outlet
        self._reported_s = 0.0
        self._remb_s = 0.0
        self._remb_bps = REMB_TOP_BPS

    def tick(self, transport: PlaneTransport, counters: Counters, now_s: float) -> None:
        """Send what is due."""
        kind = transport.feedback
        own = transport.feedback_ssrc
        if kind is Feedback.TRANSPORT_CC:
            media = next((s for s, a in transport.by_ssrc.items() if not a.rtx and not a.retired), 0)
            for datagram in transport.transport_cc.poll(own, media, now_s):
                self._outlet.send_rtcp(transport, datagram)
        self._nacks(transport, counters, now_s)
        if now_s - self._reported_s >= REPORT_EVERY_S:
            self._reported_s = now_s
            self._report(transport, now_s)
        if kind is Feedback.REMB and now_s - self._remb_s >= REMB_EVERY_S:
            self._remb_s = now_s
            ssrcs = [
                s for s, a in transport.by_ssrc.items() if a.ingress.is_video and not (a.rtx or a.retired)
            ]
            if ssrcs:
                self._outlet.send_rtcp(transport, remb(own, self._remb_bps, ssrcs[:255]))

    def _nacks(self, transport: PlaneTransport, counters: Counters, now_s: float) -> None:
        own = transport.feedback_ssrc
        for ingress in transport.ingresses.values():
            if not ingress.is_video:
                continue
            for encoding in ingress.encodings.values():
                lost = encoding.nack.poll(now_s, transport.rtt_s)
                if encoding.ssrc is not None:
                    for at in range(0, len(lost), NACK_NUMBERS):
                        part = lost[at : at + NACK_NUMBERS]
                        counters.counts[Count.NACKS_SENT] += 1
                        counters.counts[Count.NACKED_PACKETS_SENT] += len(part)
                        self._outlet.send_rtcp(transport, nack(own, encoding.ssrc, part))
                if encoding.nack.gave_up:
                    encoding.nack.gave_up = False
                    if self._outlet.is_watched(encoding):
                        self._outlet.request_keyframe(encoding, now_s)

    def _report(self, transport: PlaneTransport, now_s: float) -> None:
        blocks: list[ReportBlock] = []
        for ingress in transport.ingresses.values():
            for encoding in ingress.encodings.values():
                if encoding.ssrc is not None:
                    block = encoding.stats.block(encoding.ssrc, now_s)
                    if block is not None:
                        blocks.append(block)
        for at in range(0, len(blocks), 31):
            report = receiver_report(transport.feedback_ssrc, blocks[at : at + 31])
            self._outlet.send_rtcp(transport, report)
        lost = max((block.fraction_lost for block in blocks), default=0) / 256
        if lost > 0.1:
            self._remb_bps = max(REMB_LEAST_BPS, round(self._remb_bps * (1 - lost / 2)))
        elif lost < 0.02:
            self._remb_bps = min(REMB_TOP_BPS, round(self._remb_bps * 1.08))


def keyframe_request(transport: PlaneTransport, encoding: EncodingState) -> bytes | None:
    """A PLI for an encoding, None while its SSRC is not known."""
    return None if encoding.ssrc is None else pli(transport.feedback_ssrc, encoding.ssrc)
