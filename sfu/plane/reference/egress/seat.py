"""One egress stream: takes packets of whatever feeds it, gives one gapless RTP stream (R1 to R14)."""

from __future__ import annotations

import random
import struct
from collections.abc import Sequence

from sfu.base.ids import MediaKind
from sfu.plane.port import (
    AddSeat,
    DropReason,
    Extension,
    PlaneLimits,
    RouteSource,
    SeatStalled,
    SeatSwitched,
)
from sfu.plane.reference.egress.history import History, Kept, Miss
from sfu.plane.reference.egress.numbering import Numbering, Pictures
from sfu.plane.reference.egress.seat_clock import SeatClock
from sfu.plane.reference.egress.selection import Selector
from sfu.plane.reference.facts import Encoding, EncodingsView, Facts, IngressClock
from sfu.wire.extensions import rewrite_dd_frame_number
from sfu.wire.payload import Vp8Descriptor, Vp9Descriptor, rewrite_vp8, rewrite_vp9
from sfu.wire.rtcp import SenderReport, ntp_from_unix, sdes_cname, sender_report
from sfu.wire.rtp import pack_extensions
from sfu.wire.sequence import ts_delta

FIRST_SEQ_BELOW = 1 << 14
"""R13 and SECURITY 0.5: far below 2^15, so that a late first packet cannot upset the ROC."""

MUTE_GAP_S = 0.3
MUTE_DRIFT_S = 0.03
"""R4: a pause in arrival longer than this, and the RTP clock did not run along: re-anchor."""

_HEADER = struct.Struct("!BBHII")
_OSN = struct.Struct("!H")


class SeatStream:
    """One seat stream of one subscriber. Numbers and clock live as long as the call (R13)."""

    def __init__(self, add: AddSeat, limits: PlaneLimits, rng: random.Random) -> None:
        self.add = add
        self.selector = Selector()
        self.packets = 0
        self.octets = 0
        self.rtx_sent = 0
        self.rtx_missed = 0
        self.rtx_over_budget = 0
        self._pts = {pt.codec: pt for pt in add.payload_types}
        self._audio = add.kind is MediaKind.AUDIO
        self._next_seq = rng.randrange(1, FIRST_SEQ_BELOW)
        self._rtx_seq = rng.randrange(1, FIRST_SEQ_BELOW)
        clock_hz = add.payload_types[0].clock_hz if add.payload_types else 90_000
        self._clock_hz = clock_hz
        self._clock = SeatClock(clock_hz, rng.getrandbits(32))
        self._numbering: Numbering | None = None
        self._pictures = Pictures()
        self._dropped_pid: int | None = None
        self._sent_pid: int | None = None
        """Picture ids of the source, of the last picture dropped and sent."""
        self._ts_offset = 0
        self._source_ts = 0
        self._source_s = 0.0
        self._caught_up = False
        self._history = History(limits.history_packets, limits.history_age_s, limits.rtx_share)
        self._events: list[SeatSwitched | SeatStalled] = []
        self._level_id = add.extensions.get(Extension.AUDIO_LEVEL)
        self._orientation_id = add.extensions.get(Extension.VIDEO_ORIENTATION)
        self._dd_id = add.extensions.get(Extension.DEPENDENCY_DESCRIPTOR)

    # ---- routing

    def route(
        self,
        source: RouteSource | None,
        encodings: EncodingsView,
        now_s: float,
        cut: bool,
    ) -> None:
        """Feed from another source, or from nothing. Idempotent."""
        self.selector.route(source, encodings, now_s, cut)
        self._caught_up = False

    def encodings_changed(self, encodings: EncodingsView, now_s: float) -> None:
        """An encoding of the routed track began or stopped being sent."""
        self.selector.encodings_changed(encodings, now_s)

    def wants_keyframe(self) -> Encoding | None:
        """The encoding whose key frame a switch waits for; audio waits for none."""
        return None if self._audio else self.selector.target

    def current(self) -> Encoding | None:
        """What the stream carries now."""
        return self.selector.current

    def expire(self, now_s: float) -> None:
        """Look at the stall timer."""
        if self.selector.stall(now_s) and self.selector.target is not None:
            ingress, rid = self.selector.target
            self._events.append(SeatStalled(egress=self.add.egress, ingress=ingress, rid=rid))

    def take_events(self) -> list[SeatSwitched | SeatStalled]:
        """What happened since the last call."""
        events, self._events = self._events, []
        return events

    # ---- media

    def feed(self, facts: Facts, clock: IngressClock, now_s: float) -> bytes | DropReason:
        """Offer one packet of a source that concerns this seat.

        Returns:
            The RTP datagram to seal and send, or why there is none.
        """
        if facts.encoding == self.selector.target:
            reason = self._try_switch(facts, clock, now_s)
            if reason is not None:
                return reason
        elif facts.encoding != self.selector.current:
            return DropReason.NOT_SELECTED
        numbering = self._numbering
        if numbering is None or facts.ext_seq < numbering.first:
            return DropReason.BEFORE_SWITCH
        if not facts.packet.payload:
            numbering.close_gap(facts.ext_seq)
            return DropReason.PADDING_ONLY
        if facts.codec not in self._pts:
            numbering.close_gap(facts.ext_seq)
            return DropReason.CODEC_NOT_NEGOTIATED
        if self._above_ceiling(facts):
            self._drop_above_ceiling(facts, numbering)
            return DropReason.ABOVE_CEILING
        if self._audio:
            self._reanchor_after_pause(facts, clock, now_s)
        return self._send(facts, numbering, now_s)

    def on_nack(self, lost: Sequence[int], now_s: float, rtt_s: float) -> list[bytes]:
        """Datagrams that answer a NACK, within budget; one of each number per round trip (R11)."""
        datagrams = []
        for seq in lost:
            kept = self._history.take(seq, now_s, rtt_s)
            if isinstance(kept, Kept):
                self.rtx_sent += 1
                datagrams.append(self._retransmission(seq, kept))
            elif kept is Miss.GONE:
                self.rtx_missed += 1
            elif kept is Miss.OVER_BUDGET:
                self.rtx_over_budget += 1
        return datagrams

    def sender_report(self, clock: IngressClock | None, now_s: float, unix_s: float) -> bytes | None:
        """SR and SDES on our clock (R5), None while nothing is or was sent from a source."""
        last_ts = self._clock.last_ts
        if last_ts is None or self.selector.current is None:
            return None
        mapping = None if clock is None else clock.mapping()
        if mapping is not None:
            time_s, rtp = mapping
            timestamp = (rtp + self._ts_offset) & 0xFFFFFFFF
        else:
            time_s, timestamp = now_s, self._clock.at(now_s)
        report = SenderReport(
            ssrc=self.add.ssrc,
            ntp_time=ntp_from_unix(unix_s + (time_s - now_s)),
            rtp_timestamp=timestamp,
            packet_count=self.packets,
            octet_count=self.octets,
        )
        return sender_report(report) + sdes_cname(self.add.ssrc, self.add.cname)

    # ---- inside

    def _above_ceiling(self, facts: Facts) -> bool:
        source = self.selector.source
        if source is None or source.max_temporal is None:
            return False
        return facts.temporal > source.max_temporal

    def _drop_above_ceiling(self, facts: Facts, numbering: Numbering) -> None:
        """R1, R9: later packets move up by one, later pictures too, once for each picture dropped.

        Spatial layers share a picture id, and a picture's first packet may be lost: the id tells.
        """
        found = facts.vp8 or facts.vp9
        pid = None if found is None else found.picture_id
        whole = pid is not None and pid not in (self._dropped_pid, self._sent_pid)
        if numbering.close_gap(facts.ext_seq, whole_picture=whole):
            self._dropped_pid = pid

    def _try_switch(self, facts: Facts, clock: IngressClock, now_s: float) -> DropReason | None:
        """Switch at this packet if it can start a stream; else say why it is dropped."""
        if not facts.packet.payload:
            return DropReason.PADDING_ONLY
        if not facts.key_start:
            return DropReason.AWAITING_KEYFRAME
        if facts.codec not in self._pts:
            return DropReason.CODEC_NOT_NEGOTIATED
        capture_s = clock.capture_s(facts.packet.timestamp, facts.arrival_s)
        if self._audio:
            steps = self._clock.audio_steps(capture_s)
            if steps < 1 and not self._caught_up:
                # R3: the old source is cut, and one packet dropped, until the clock is past it.
                self._caught_up = True
                self.selector.current = None
                return DropReason.BEFORE_SWITCH
            start = self._clock.audio_start(capture_s, steps)
        else:
            start = self._clock.video_start(capture_s)
        self.selector.switched()
        self._caught_up = False
        self._ts_offset = start - facts.packet.timestamp
        self._numbering = Numbering(facts.ext_seq, self._next_seq)
        self._pictures.switch(*_numbers(facts))
        self._dropped_pid = None
        self._source_ts, self._source_s = facts.packet.timestamp, now_s
        ingress, rid = facts.encoding
        self._events.append(SeatSwitched(egress=self.add.egress, ingress=ingress, rid=rid))
        return None

    def _reanchor_after_pause(self, facts: Facts, clock: IngressClock, now_s: float) -> None:
        """R4: the microphone's RTP clock stands still while muted; ours does not."""
        wall_s = now_s - self._source_s
        if wall_s > MUTE_GAP_S:
            rtp_s = ts_delta(facts.packet.timestamp, self._source_ts) / self._clock_hz
            if abs(wall_s - rtp_s) > MUTE_DRIFT_S:
                clock.forget_report()
                steps = self._clock.audio_steps(facts.arrival_s)
                start = self._clock.audio_start(facts.arrival_s, steps)
                self._ts_offset = start - facts.packet.timestamp
        if ts_delta(facts.packet.timestamp, self._source_ts) >= 0:
            self._source_ts, self._source_s = facts.packet.timestamp, now_s

    def _send(self, facts: Facts, numbering: Numbering, now_s: float) -> bytes | DropReason:
        payload_type = self._pts[facts.codec]
        ext_seq = numbering.egress_seq(facts.ext_seq)
        if ext_seq is None:
            return DropReason.BEFORE_SWITCH
        packet = facts.packet
        payload = self._payload(facts, numbering)
        extensions = self._extensions(facts)
        timestamp = (packet.timestamp + self._ts_offset) & 0xFFFFFFFF
        seq = ext_seq & 0xFFFF
        first = 0x90 if extensions else 0x80
        second = payload_type.pt | 0x80 if packet.marker else payload_type.pt
        header = _HEADER.pack(first, second, seq, timestamp, self.add.ssrc) + extensions
        datagram = header + payload
        self._next_seq = max(self._next_seq, ext_seq + 1)
        self._clock.sent(timestamp, now_s)
        if not self._audio:
            self._history.keep(seq, datagram, len(header), now_s)
        self.packets += 1
        self.octets += len(payload)
        return datagram

    def _payload(self, facts: Facts, numbering: Numbering) -> bytes:
        packet = facts.packet
        if facts.vp8 is not None:
            pid, tl0 = self._renumbered(facts, facts.vp8, numbering)
            return packet.payload if pid is None else rewrite_vp8(packet.payload, facts.vp8, pid, tl0)
        if facts.vp9 is not None:
            pid, tl0 = self._renumbered(facts, facts.vp9, numbering)
            return packet.payload if pid is None else rewrite_vp9(packet.payload, facts.vp9, pid, tl0)
        return packet.payload

    def _renumbered(
        self, facts: Facts, found: Vp8Descriptor | Vp9Descriptor, numbering: Numbering
    ) -> tuple[int | None, int | None]:
        """The seat's picture id and TL0PICIDX for this packet, None where it has none (R9)."""
        self._sent_pid = found.picture_id
        if found.picture_id is None:
            return None, None
        extra = numbering.picture_offset(facts.ext_seq)
        pid = self._pictures.picture_id(found.picture_id, extra, long=found.picture_id_long)
        tl0 = None if found.tl0picidx is None else self._pictures.tl0picidx(found.tl0picidx)
        return pid, tl0

    def _extensions(self, facts: Facts) -> bytes:
        values: list[tuple[int, bytes]] = []
        if self._level_id is not None and facts.audio_level is not None:
            values.append((self._level_id, facts.audio_level))
        if self._orientation_id is not None and facts.orientation is not None:
            values.append((self._orientation_id, facts.orientation))
        if self._dd_id is not None and facts.dd is not None and facts.dd_raw is not None:
            number = self._pictures.frame_number(facts.dd.frame_number)
            values.append((self._dd_id, rewrite_dd_frame_number(facts.dd_raw, number)))
        return pack_extensions(values) if values else b""

    def _retransmission(self, seq: int, kept: Kept) -> bytes:
        """RFC 4588 where it was negotiated, else the packet as it was."""
        rtx_pt = self._rtx_pt(kept.datagram[1] & 0x7F)
        if rtx_pt is None or self.add.rtx_ssrc is None:
            return kept.datagram
        head = kept.datagram[: kept.header_bytes]
        marker = head[1] & 0x80
        self._rtx_seq = (self._rtx_seq + 1) & 0xFFFF
        return b"".join(
            (
                head[:1],
                bytes((marker | rtx_pt,)),
                _OSN.pack(self._rtx_seq),
                head[4:8],
                self.add.rtx_ssrc.to_bytes(4, "big"),
                head[12:],
                _OSN.pack(seq),
                kept.datagram[kept.header_bytes :],
            )
        )

    def _rtx_pt(self, payload_type: int) -> int | None:
        return next((pt.rtx_pt for pt in self._pts.values() if pt.pt == payload_type), None)


def _numbers(facts: Facts) -> tuple[int | None, int | None, int | None]:
    """Picture id, TL0PICIDX and DD frame number of a packet, where it has them."""
    found = facts.vp8 or facts.vp9
    dd = None if facts.dd is None else facts.dd.frame_number
    if found is None:
        return None, None, dd
    return found.picture_id, found.tl0picidx, dd
