"""From a datagram to an authenticated packet: demultiplex, find the transport, admit, decrypt.

The order is the defence: nothing is allocated and nothing moves for a stranger, and nothing of a
participant's state moves before its packet has authenticated.
"""

from __future__ import annotations

from collections.abc import Mapping

from sfu.base.errors import WireError
from sfu.base.ids import TransportId
from sfu.plane.port import (
    ConsentLost,
    Count,
    DropReason,
    DtlsReceived,
    Event,
    Extension,
    Feedback,
    PathChanged,
)
from sfu.plane.reference.counters import Counters
from sfu.plane.reference.forwarder import Forwarder
from sfu.plane.reference.ice import Checked, IceFront, Pair
from sfu.plane.reference.transport import Admitted, PlaneTransport
from sfu.wire.demux import DatagramKind, classify
from sfu.wire.extensions import parse_transport_seq
from sfu.wire.rtcp import parse_compound
from sfu.wire.rtp import parse_rtp, peek_header, unwrap_rtx

MAX_DATAGRAM_BYTES = 1500
DTLS_CONTENT_TYPES = range(20, 26)  # RFC 6347 section 4.1, RFC 9147 apart
EXPIRE_EVERY_S = 0.25


class Receiver:
    """Takes every datagram of the media port."""

    def __init__(
        self,
        front: IceFront,
        forwarder: Forwarder,
        counters: Counters,
        transports: Mapping[TransportId, PlaneTransport],
    ) -> None:
        self._front = front
        self._forwarder = forwarder
        self._counts = counters.counts
        self._drops = counters.drops
        self._transports = transports
        self._expired_s = 0.0

    def take(self, datagram: bytes, pair: Pair, now_s: float, unix_s: float) -> Event | None:
        """Deal with one datagram; what control must hear of is returned."""
        self._counts[Count.PACKETS_IN] += 1
        self._counts[Count.BYTES_IN] += len(datagram)
        if len(datagram) > MAX_DATAGRAM_BYTES:
            self._drops[DropReason.OVERSIZE] += 1
            return None
        kind = classify(datagram)
        if kind is DatagramKind.STUN:
            return self._stun(datagram, pair, now_s)
        if kind is DatagramKind.UNKNOWN:
            self._drops[DropReason.UNCLASSIFIED] += 1
            return None
        agent = self._front.owner(pair)
        if agent is None:
            self._drops[DropReason.UNKNOWN_ADDRESS] += 1
            return None
        transport = self._transports[agent.transport]
        if kind is DatagramKind.DTLS:
            return self._dtls(datagram, transport)
        if transport.srtp is None:
            self._drops[DropReason.NO_KEYS] += 1
            return None
        if kind is DatagramKind.RTP:
            reason = self._rtp(datagram, transport, now_s)
        else:
            reason = self._rtcp(datagram, transport, now_s, unix_s)
        if reason is not None:
            self._drops[reason] += 1
        return None

    def expire(self, now_s: float) -> list[Event]:
        """Consent timers."""
        if now_s - self._expired_s < EXPIRE_EVERY_S:
            return []
        self._expired_s = now_s
        lost = [t.id for t in self._transports.values() if self._front.expire(t.agent, now_s)]
        return [ConsentLost(transport=transport) for transport in lost]

    def _stun(self, datagram: bytes, pair: Pair, now_s: float) -> Event | None:
        evicted = self._front.evicted
        checked = self._front.check(datagram, pair, now_s)
        if not isinstance(checked, Checked):
            self._drops[checked] += 1
            return None
        self._counts[Count.STUN_CHECKS] += 1
        self._drops[DropReason.STUN_TOO_MANY_PAIRS] += self._front.evicted - evicted
        self._forwarder.reply(checked.reply, pair)
        if checked.moved:
            return PathChanged(transport=checked.transport, first=checked.first)
        return None

    def _dtls(self, datagram: bytes, transport: PlaneTransport) -> Event | None:
        if not well_formed_dtls(datagram):
            self._drops[DropReason.DTLS_MALFORMED] += 1
            return None
        self._counts[Count.DTLS_IN] += 1
        return DtlsReceived(transport=transport.id, datagram=datagram)

    def _rtp(self, datagram: bytes, transport: PlaneTransport, now_s: float) -> DropReason | None:
        srtp = transport.srtp
        if srtp is None:
            return DropReason.NO_KEYS
        try:
            payload_type, _, ssrc = peek_header(datagram)
            admitted = transport.by_ssrc.get(ssrc)
            known = admitted is not None
            if admitted is None:
                found = transport.admit(datagram, payload_type, ssrc)
                if isinstance(found, DropReason):
                    return found
                admitted = found
            elif admitted.retired:
                return DropReason.UNKNOWN_SSRC
            opened = srtp.open(datagram)
            if isinstance(opened, DropReason):
                return opened
            if not known:
                transport.begin(ssrc, admitted)
                if not admitted.rtx:
                    self._forwarder.begin(transport, admitted, ssrc, now_s)
            return self._authenticated(transport, admitted, opened, now_s)
        except WireError:
            return DropReason.MALFORMED

    def _authenticated(
        self, transport: PlaneTransport, admitted: Admitted, opened: bytes, now_s: float
    ) -> DropReason | None:
        packet = parse_rtp(opened)
        payload_type = admitted.ingress.payload_type(packet.payload_type)
        if payload_type is None:
            return DropReason.UNKNOWN_PAYLOAD_TYPE
        ids = admitted.ingress.add.extensions
        extensions = {ids[n]: value for n, value in packet.extensions.items() if n in ids}
        raw = extensions.get(Extension.TRANSPORT_CC)
        if raw is not None and admitted.ingress.add.feedback is Feedback.TRANSPORT_CC:
            transport.transport_cc.received(parse_transport_seq(raw), now_s)
        if admitted.ingress.is_rtx(packet.payload_type):
            self._counts[Count.RTX_RECEIVED] += 1
            if not packet.payload:
                return DropReason.PADDING_ONLY
            packet.seq, packet.payload = unwrap_rtx(packet.payload)
            packet.payload_type = payload_type.pt
            retransmitted = True
        else:
            retransmitted = False
        return self._forwarder.take(admitted, packet, payload_type.codec, extensions, retransmitted, now_s)

    def _rtcp(
        self, datagram: bytes, transport: PlaneTransport, now_s: float, unix_s: float
    ) -> DropReason | None:
        srtp = transport.srtp
        if srtp is None:
            return DropReason.NO_KEYS
        sender = int.from_bytes(datagram[4:8], "big")
        if not transport.may_report(sender):
            return DropReason.SSRC_LIMIT
        opened = srtp.open_rtcp(datagram)
        if isinstance(opened, DropReason):
            return opened
        if sender not in transport.by_ssrc:
            transport.reporters.add(sender)
        self._counts[Count.RTCP_IN] += 1
        try:
            packets, truncated = parse_compound(opened)
        except WireError:
            self._counts[Count.RTCP_MALFORMED] += 1
            return DropReason.MALFORMED
        if truncated:
            self._counts[Count.RTCP_MALFORMED] += 1
        for packet in packets:
            self._forwarder.reader.take(transport, packet, now_s, unix_s)
        return None


def well_formed_dtls(datagram: bytes) -> bool:
    """Whether a datagram is a row of whole DTLS records (RFC 6347 section 4.1)."""
    at, size = 0, len(datagram)
    while at < size:
        if size - at < 13 or datagram[at] not in DTLS_CONTENT_TYPES or datagram[at + 1] != 0xFE:
            return False
        at += 13 + (datagram[at + 11] << 8 | datagram[at + 12])
    return at == size and size > 0
