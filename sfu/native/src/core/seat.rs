//! One egress stream: takes packets of whatever feeds it, gives one gapless RTP stream (SEATS R1 to R14).

use super::clock::{IngressClock, SeatClock};
use super::counters::Drop;
use super::history::{History, Miss, Sent};
use super::ingress::Facts;
use super::keyframes::SeatBudget;
use super::numbering::{Counters, Numbering};
use super::operations::{AddSeat, Codec, Extension, Limits, CODECS};
use super::ring::{Kept, Meta};
use super::selector::{EncodingRef, Selector};
use super::Seconds;
use crate::wire::payload::renumber;
use crate::wire::rtcp_out::{ntp_from_unix, Writer};
use crate::wire::rtp::write_extensions;
use crate::wire::sequence::ts_delta;

/// R13: far below 2^15, so that a late first packet cannot upset the roll-over counter.
const FIRST_SEQ_BELOW: u32 = 1 << 14;
/// R4: a pause in arrival longer than this, and the RTP clock did not run along: re-anchor.
const MUTE_GAP_S: f64 = 0.3;
const MUTE_DRIFT_S: f64 = 0.03;

/// Packets so far behind the newest are refused by any receiver (RFC 3711 section 3.3.2); libsrtp seals none.
const REPLAY_WINDOW: i64 = 1024;

/// A datagram written: where its payload begins, its size, and its index for SRTP.
#[derive(Debug, Clone, Copy)]
pub struct Written {
    /// Bytes of header and extensions.
    pub header: usize,
    /// Bytes in all.
    pub size: usize,
    /// Roll-over counter and sequence number.
    pub index: u64,
}

/// Where a packet comes from, for `feed`.
pub struct Origin {
    /// Which encoding.
    pub encoding: EncodingRef,
    /// The track's serial number.
    pub serial: u32,
    /// Extended sequence number of the encoding's own SSRC.
    pub number: i64,
    /// Number in the encoding's ring.
    pub ring: u32,
    /// When it came.
    pub arrival_s: Seconds,
    /// The publisher's clock offset.
    pub offset_s: Option<f64>,
}

/// Numbers and clock live as long as the call (R13).
#[derive(Debug)]
pub struct Seat {
    /// As control asked for it.
    pub add: AddSeat,
    /// Number of its transport.
    pub transport: u32,
    /// What feeds it.
    pub selector: Selector,
    /// The subscriber's own key-frame requests.
    pub budget: SeatBudget,
    /// Tracks whose packets it is offered.
    pub offered_by: [Option<u32>; 2],
    /// When its last sender report left.
    pub reported_s: Seconds,
    /// Packets of the current or a target encoding switched to since the last look.
    pub switched: bool,
    packets: u32,
    octets: u32,
    pts: [Option<(u8, Option<u8>)>; CODECS],
    next_seq: i64,
    rtx_seq: u64,
    clock_hz: f64,
    clock: SeatClock,
    numbering: Option<Numbering>,
    counters: Counters,
    dropped_pid: Option<u16>,
    sent_pid: Option<u16>,
    ts_offset: u32,
    source_ts: u32,
    source_s: Seconds,
    caught_up: bool,
    history: History,
    level_id: Option<u8>,
    orientation_id: Option<u8>,
    dd_id: Option<u8>,
}

impl Seat {
    /// Silent until it is routed. `random` gives the first numbers.
    pub fn new(add: AddSeat, transport: u32, limits: &Limits, random: u64, now_s: Seconds) -> Self {
        let clock_hz = add.payload_types.first().map_or(90_000, |pt| pt.clock_hz);
        let mut pts = [None; CODECS];
        for one in &add.payload_types {
            pts[one.codec as usize] = Some((one.pt, one.rtx_pt));
        }
        let id = |wanted: Extension| add.extensions.iter().find(|(e, _)| *e == wanted).map(|(_, id)| *id);
        let first = |bits: u32| i64::from(1 + bits % (FIRST_SEQ_BELOW - 1));
        Self {
            transport,
            selector: Selector::default(),
            budget: SeatBudget::new(limits),
            offered_by: [None; 2],
            reported_s: 0.0,
            switched: false,
            packets: 0,
            octets: 0,
            pts,
            next_seq: first(random as u32 & 0xFFFF),
            rtx_seq: first((random >> 16) as u32 & 0xFFFF) as u64,
            clock_hz: f64::from(clock_hz),
            clock: SeatClock::new(clock_hz, (random >> 32) as u32),
            numbering: None,
            counters: Counters::default(),
            dropped_pid: None,
            sent_pid: None,
            ts_offset: 0,
            source_ts: 0,
            source_s: 0.0,
            caught_up: false,
            history: History::new(limits.history_packets, limits.history_age_s, limits.rtx_share, now_s),
            level_id: id(Extension::AudioLevel),
            orientation_id: id(Extension::VideoOrientation),
            dd_id: id(Extension::DependencyDescriptor),
            add,
        }
    }

    /// The aim has changed.
    pub fn rerouted(&mut self) {
        self.caught_up = false;
    }

    /// Offer one packet of a source that concerns this seat; `out` has room for any datagram.
    #[inline]
    pub fn feed(
        &mut self,
        origin: &Origin,
        facts: &Facts,
        kept: &Kept,
        clock: &mut IngressClock,
        out: &mut [u8],
    ) -> Result<Written, Drop> {
        let meta = &facts.meta;
        if self.selector.target == Some(origin.encoding) {
            self.try_switch(origin, facts, clock)?;
        } else if self.selector.current != Some(origin.encoding) {
            return Err(Drop::NotSelected);
        }
        let video = self.add.video;
        let numbering = self.numbering.as_mut().filter(|numbering| origin.number >= numbering.first);
        let numbering = numbering.ok_or(Drop::BeforeSwitch)?;
        if meta.payload.0 == meta.payload.1 {
            numbering.close_gap(origin.number, false);
            return Err(Drop::PaddingOnly);
        }
        if self.pts[meta.codec as usize].is_none() {
            numbering.close_gap(origin.number, false);
            return Err(Drop::CodecNotNegotiated);
        }
        let ceiling = self.selector.source.and_then(|source| source.max_temporal);
        if ceiling.is_some_and(|ceiling| facts.temporal > ceiling) {
            // R1, R9: later packets move up by one, later pictures too, once for each picture dropped. Spatial
            // layers share a picture id, and a picture's first packet may be lost: the id tells.
            let pid = meta.pictures.picture_id.map(|(pid, _)| pid);
            let whole = pid.is_some() && pid != self.dropped_pid && pid != self.sent_pid;
            if numbering.close_gap(origin.number, whole) {
                self.dropped_pid = pid;
            }
            return Err(Drop::AboveCeiling);
        }
        let (ext_seq, picture_offset) = numbering.map(origin.number).ok_or(Drop::BeforeSwitch)?;
        if ext_seq + REPLAY_WINDOW <= self.next_seq {
            return Err(Drop::SendFailed);
        }
        if !video {
            self.reanchor_after_pause(origin, meta, clock);
        }
        let mut sent = Sent::new(ext_seq, (origin.encoding.0, origin.serial), origin.encoding.1, origin.ring);
        sent.timestamp = meta.timestamp.wrapping_add(self.ts_offset);
        sent.pictures = self.numbers(meta, picture_offset);
        let seq = (ext_seq & 0xFFFF) as u16;
        let (header, size) = self.write(meta, kept, &sent, seq, None, out);
        self.next_seq = self.next_seq.max(ext_seq + 1);
        self.clock.sent(sent.timestamp, origin.arrival_s);
        if video {
            self.history.keep(sent, size, origin.arrival_s);
        }
        self.packets = self.packets.wrapping_add(1);
        self.octets = self.octets.wrapping_add((size - header) as u32);
        Ok(Written { header, size, index: ext_seq as u64 })
    }

    /// What answers a NACK of this number, within budget; one of each number per round trip (R11).
    pub fn resend(&mut self, seq: u16, now_s: Seconds, rtt_s: f64) -> Result<Sent, Miss> {
        self.history.take(seq, now_s, rtt_s)
    }

    /// Write a retransmission: RFC 4588 where it was negotiated, else the packet as it was.
    pub fn write_resent(&mut self, sent: &Sent, kept: &Kept, out: &mut [u8]) -> Option<Written> {
        let (_, rtx_pt) = self.pts[kept.meta.codec as usize]?;
        let seq = (sent.ext_seq & 0xFFFF) as u16;
        let Some((rtx_pt, ssrc)) = rtx_pt.zip(self.add.rtx_ssrc) else {
            let (header, size) = self.write(&kept.meta, kept, sent, seq, None, out);
            return Some(Written { header, size, index: sent.ext_seq as u64 });
        };
        self.rtx_seq += 1;
        let own_seq = (self.rtx_seq & 0xFFFF) as u16;
        let (header, size) = self.write(&kept.meta, kept, sent, own_seq, Some((rtx_pt, ssrc, seq)), out);
        Some(Written { header, size, index: self.rtx_seq })
    }

    /// SR and SDES on our clock (R5). False while nothing is or was sent from a source.
    pub fn sender_report(
        &mut self,
        writer: &mut Writer,
        mapping: Option<(Seconds, u32)>,
        now_s: Seconds,
        unix_s: f64,
    ) -> bool {
        if self.clock.last.is_none() || self.selector.current.is_none() {
            return false;
        }
        let (time_s, timestamp) = match mapping {
            Some((time_s, rtp)) => (time_s, rtp.wrapping_add(self.ts_offset)),
            None => (now_s, self.clock.at(now_s)),
        };
        let ntp = ntp_from_unix(unix_s + (time_s - now_s));
        writer.sender_report(self.add.ssrc, ntp, timestamp, self.packets, self.octets);
        writer.cname(self.add.ssrc, self.add.cname.as_bytes());
        true
    }

    /// Switch at this packet if it can start a stream; else say why it is dropped.
    fn try_switch(&mut self, origin: &Origin, facts: &Facts, clock: &IngressClock) -> Result<(), Drop> {
        let meta = &facts.meta;
        if meta.payload.0 == meta.payload.1 {
            return Err(Drop::PaddingOnly);
        }
        if !facts.key_start {
            return Err(Drop::AwaitingKeyframe);
        }
        if self.pts[meta.codec as usize].is_none() {
            return Err(Drop::CodecNotNegotiated);
        }
        let capture_s = clock.capture_s(origin.offset_s, meta.timestamp, origin.arrival_s);
        let start = if self.add.video {
            self.clock.video_start(capture_s)
        } else {
            let steps = self.clock.audio_steps(capture_s);
            if steps < 1 && !self.caught_up {
                // R3: the old source is cut, and one packet dropped, until the clock is past it.
                self.caught_up = true;
                self.selector.current = None;
                return Err(Drop::BeforeSwitch);
            }
            self.clock.audio_start(capture_s, steps)
        };
        self.selector.switched();
        self.caught_up = false;
        self.switched = true;
        self.ts_offset = start.wrapping_sub(meta.timestamp);
        self.numbering = Some(Numbering::new(origin.number, self.next_seq));
        let pid = meta.pictures.picture_id.map(|(pid, _)| pid);
        let tl0 = meta.pictures.tl0.map(|(tl0, _)| tl0);
        self.counters.switch(pid, tl0, meta.dd.map(|(number, _, _)| number));
        self.dropped_pid = None;
        (self.source_ts, self.source_s) = (meta.timestamp, origin.arrival_s);
        Ok(())
    }

    /// R4: the microphone's RTP clock stands still while muted; ours does not.
    fn reanchor_after_pause(&mut self, origin: &Origin, meta: &Meta, clock: &mut IngressClock) {
        let wall_s = origin.arrival_s - self.source_s;
        let ran = ts_delta(meta.timestamp, self.source_ts);
        if wall_s > MUTE_GAP_S && (wall_s - ran as f64 / self.clock_hz).abs() > MUTE_DRIFT_S {
            clock.forget_report();
            let steps = self.clock.audio_steps(origin.arrival_s);
            let start = self.clock.audio_start(origin.arrival_s, steps);
            self.ts_offset = start.wrapping_sub(meta.timestamp);
        }
        if ran >= 0 {
            (self.source_ts, self.source_s) = (meta.timestamp, origin.arrival_s);
        }
    }

    /// The seat's picture id, TL0PICIDX and frame number for a packet, 0 where it has none (R8, R9).
    fn numbers(&mut self, meta: &Meta, extra: i64) -> (u16, u8, u16) {
        let pictures = &meta.pictures;
        let (mut pid, mut tl0) = (0, 0);
        if matches!(meta.codec, Codec::Vp8 | Codec::Vp9) {
            self.sent_pid = pictures.picture_id.map(|(pid, _)| pid);
            if let Some((number, _)) = pictures.picture_id {
                pid = self.counters.picture_id(number, extra, pictures.long);
                tl0 = pictures.tl0.map_or(0, |(number, _)| self.counters.tl0(number));
            }
        }
        let dd = match (self.dd_id, meta.dd) {
            (Some(_), Some((number, _, _))) => self.counters.frame_number(number),
            _ => 0,
        };
        (pid, tl0, dd)
    }

    /// Header, extensions, payload with the seat's numbers. `rtx`: payload type, SSRC and original number.
    fn write(
        &self,
        meta: &Meta,
        kept: &Kept,
        sent: &Sent,
        seq: u16,
        rtx: Option<(u8, u32, u16)>,
        out: &mut [u8],
    ) -> (usize, usize) {
        let (own_pt, _) = self.pts[meta.codec as usize].unwrap_or_default();
        let (pt, ssrc) = rtx.map_or((own_pt, self.add.ssrc), |(pt, ssrc, _)| (pt, ssrc));
        out[1] = pt | if meta.marker { 0x80 } else { 0 };
        out[2..4].copy_from_slice(&seq.to_be_bytes());
        out[4..8].copy_from_slice(&sent.timestamp.to_be_bytes());
        out[8..12].copy_from_slice(&ssrc.to_be_bytes());
        let extensions = self.write_extensions(meta, kept, sent.pictures.2, &mut out[12..]);
        out[0] = if extensions > 0 { 0x90 } else { 0x80 };
        let header = 12 + extensions;
        let mut at = header;
        if let Some((_, _, original)) = rtx {
            out[at..at + 2].copy_from_slice(&original.to_be_bytes());
            at += 2;
        }
        let payload = &kept.bytes[usize::from(meta.payload.0)..usize::from(meta.payload.1)];
        let body = &mut out[at..at + payload.len()];
        body.copy_from_slice(payload);
        if meta.pictures.picture_id.is_some() {
            renumber(body, &meta.pictures, Some(sent.pictures.0), Some(sent.pictures.1));
        }
        (header, at + payload.len())
    }

    #[inline]
    fn write_extensions(&self, meta: &Meta, kept: &Kept, frame_number: u16, out: &mut [u8]) -> usize {
        let (level, orientation) = ([meta.level.unwrap_or(0)], [meta.orientation.unwrap_or(0)]);
        let mut descriptor = [0u8; 255];
        let mut elements: [(u8, &[u8]); 3] = [(0, &[]); 3];
        let mut count = 0;
        if let (Some(id), Some(_)) = (self.level_id, meta.level) {
            elements[count] = (id, &level);
            count += 1;
        }
        if let (Some(id), Some(_)) = (self.orientation_id, meta.orientation) {
            elements[count] = (id, &orientation);
            count += 1;
        }
        if let (Some(id), Some((_, start, end))) = (self.dd_id, meta.dd) {
            let raw = &kept.bytes[usize::from(start)..usize::from(end)];
            descriptor[..raw.len()].copy_from_slice(raw);
            descriptor[1..3].copy_from_slice(&frame_number.to_be_bytes());
            elements[count] = (id, &descriptor[..raw.len()]);
            count += 1;
        }
        write_extensions(out, &elements[..count])
    }
}
