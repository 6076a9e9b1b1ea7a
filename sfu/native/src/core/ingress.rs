//! A published track: its encodings, and what is known of each packet of them.

use super::clock::IngressClock;
use super::keyframes::Arbiter;
use super::nack::NackGenerator;
use super::operations::{AddIngress, Codec, Extension, Limits, PayloadType};
use super::ring::{Meta, PacketRing};
use super::stats::ReceptionStats;
use super::Seconds;
use crate::wire::dd::{self, Structure};
use crate::wire::payload::{av1_key_start, h264_key_start, parse_vp8, parse_vp9};
use crate::wire::rtp::{Elements, Header};
use crate::wire::sequence::Unwrapper;
use crate::wire::{be16, WireError};

/// An encoding that carried nothing for so long is not being sent.
pub const SILENT_AFTER_S: f64 = 2.0;
/// Packets told apart from their retransmissions; older ones count as seen.
const SEEN: i64 = 2048;
/// Packets of a microphone kept: no one asks for them again, a batch must fit.
const AUDIO_RING: usize = 256;

/// What a packet says of itself beside what every subscriber gets.
#[derive(Debug, Clone, Copy)]
pub struct Facts {
    /// What subscribers get.
    pub meta: Meta,
    /// First packet of a key frame; true for all audio.
    pub key_start: bool,
    /// Temporal layer.
    pub temporal: u8,
}

/// One encoding: one primary SSRC, perhaps one for its retransmissions.
#[derive(Debug)]
pub struct Encoding {
    /// The SSRC that carries it now.
    pub ssrc: Option<u32>,
    /// Whether it is being sent.
    pub active: bool,
    /// When it last carried media. Padding alone is a probe, not a picture.
    pub heard_s: Seconds,
    /// When a BYE of it was last acted on.
    pub bye_s: Option<Seconds>,
    /// Its capture times.
    pub clock: IngressClock,
    /// Its reception.
    pub stats: ReceptionStats,
    /// What is missing of it.
    pub nack: NackGenerator,
    /// Who asks for its key frames.
    pub arbiter: Arbiter,
    /// Its packets.
    pub ring: PacketRing,
    clock_hz: u32,
    unwrapper: Unwrapper,
    structure: Option<Structure>,
    seen: Box<[u64; (SEEN / 64) as usize]>,
    seen_top: i64,
}

impl Encoding {
    fn new(clock_hz: u32, video: bool, limits: &Limits, now_s: Seconds) -> Self {
        let kept = if video { limits.history_packets } else { AUDIO_RING };
        Self {
            ssrc: None,
            active: false,
            heard_s: 0.0,
            bye_s: None,
            clock: IngressClock::new(clock_hz),
            stats: ReceptionStats::new(clock_hz),
            nack: NackGenerator::default(),
            arbiter: Arbiter::new(limits, now_s),
            ring: PacketRing::new(kept, limits.history_age_s),
            clock_hz,
            unwrapper: Unwrapper::default(),
            structure: None,
            seen: Box::new([0; (SEEN / 64) as usize]),
            seen_top: 0,
        }
    }

    /// Another SSRC carries it from now on: what was known of the numbers of the last is void.
    pub fn restart(&mut self) {
        self.clock.forget_report();
        self.stats = ReceptionStats::new(self.clock_hz);
        self.nack.clear();
        self.arbiter.arrived(); // whoever was asked is gone
        self.unwrapper = Unwrapper::default();
        self.structure = None;
        self.seen.fill(0);
        self.seen_top = 0;
    }

    /// The extended sequence number, None when the packet was seen before, by itself or as a retransmission.
    #[inline]
    pub fn extend(&mut self, seq: u16) -> Option<i64> {
        let number = self.unwrapper.unwrap(seq);
        let bit = |number: i64| ((number.rem_euclid(SEEN) / 64) as usize, 1u64 << (number.rem_euclid(64)));
        if number > self.seen_top {
            if number - self.seen_top >= SEEN {
                self.seen.fill(0);
            } else {
                for gone in self.seen_top + 1..number {
                    let (word, mask) = bit(gone);
                    self.seen[word] &= !mask;
                }
            }
            self.seen_top = number;
        } else {
            let (word, mask) = bit(number);
            if self.seen_top - number >= SEEN || self.seen[word] & mask != 0 {
                return None;
            }
        }
        let (word, mask) = bit(number);
        self.seen[word] |= mask;
        Some(number)
    }

    /// What the descriptors of a packet say. `payload` is where it stands in `packet`.
    #[inline]
    pub fn learn(
        &mut self,
        packet: &[u8],
        header: &Header,
        payload: (u16, u16),
        codec: Codec,
        found: &Found,
    ) -> Result<Facts, WireError> {
        let mut meta = Meta {
            codec,
            marker: header.marker,
            timestamp: header.ts,
            payload,
            pictures: Default::default(),
            dd: None,
            level: found.level,
            orientation: found.orientation,
        };
        let mut facts = Facts { meta, key_start: codec == Codec::Opus, temporal: 0 };
        let body = &packet[usize::from(payload.0)..usize::from(payload.1)];
        if codec == Codec::Opus || body.is_empty() {
            return Ok(facts);
        }
        let mut key_by_dd = false;
        if let Some((start, end)) = found.dd {
            let descriptor = dd::parse(&packet[usize::from(start)..usize::from(end)], &mut self.structure)?;
            meta.dd = Some((descriptor.frame_number, start, end));
            facts.temporal = dd::temporal_of(&descriptor, self.structure.as_ref());
            key_by_dd = descriptor.structured && descriptor.start;
        }
        match codec {
            Codec::Vp8 => meta.pictures = parse_vp8(body)?,
            Codec::Vp9 => meta.pictures = parse_vp9(body)?,
            _ => {}
        }
        facts.key_start = match codec {
            Codec::Vp8 | Codec::Vp9 => meta.pictures.key_start,
            Codec::Av1 => key_by_dd || av1_key_start(body),
            _ => h264_key_start(body)?,
        };
        facts.temporal = facts.temporal.max(meta.pictures.temporal);
        facts.meta = meta;
        Ok(facts)
    }
}

/// Header extensions that matter, by meaning.
#[derive(Debug, Clone, Copy, Default)]
pub struct Found {
    /// MID: where it stands.
    pub mid: Option<(u16, u16)>,
    /// RID.
    pub rid: Option<(u16, u16)>,
    /// Repaired RID.
    pub repaired_rid: Option<(u16, u16)>,
    /// Dependency descriptor.
    pub dd: Option<(u16, u16)>,
    /// Transport-wide number; Err when it has a wrong length.
    pub transport_seq: Option<Result<u16, WireError>>,
    /// Audio level byte.
    pub level: Option<u8>,
    /// Orientation byte.
    pub orientation: Option<u8>,
}

/// Extension ids of an m-section or transport: meaning + 1 by id, 0 where not negotiated.
pub type ExtensionIds = Box<[Option<Extension>; 256]>;

/// A table with nothing in it.
pub fn no_extensions() -> ExtensionIds {
    Box::new([None; 256])
}

/// Header extensions by meaning; ids that were not negotiated are left out.
#[inline]
pub fn find_extensions(packet: &[u8], header: &Header, ids: &ExtensionIds) -> Result<Found, WireError> {
    let mut found = Found::default();
    for element in Elements::of(packet, header) {
        let (id, start, end) = element?;
        let Some(meaning) = ids[usize::from(id)] else { continue };
        let place = Some((start as u16, end as u16));
        let first = packet[start..end].first().copied();
        match meaning {
            Extension::Mid => found.mid = place,
            Extension::Rid => found.rid = place,
            Extension::RepairedRid => found.repaired_rid = place,
            Extension::DependencyDescriptor => found.dd = place,
            Extension::AudioLevel => found.level = first,
            Extension::VideoOrientation => found.orientation = first,
            Extension::TransportCc => {
                let right = matches!(end - start, 2 | 4);
                let number = be16(packet, start).filter(|_| right);
                found.transport_seq = Some(number.ok_or(WireError("transport_cc_length")));
            }
            Extension::AbsSendTime => {}
        }
    }
    Ok(found)
}

/// MID, RID or repaired RID: printable ASCII (RFC 9143 section 15, RFC 8852 section 3).
pub fn text(packet: &[u8], (start, end): (u16, u16)) -> Result<&str, WireError> {
    let raw = &packet[usize::from(start)..usize::from(end)];
    let fits = !raw.is_empty() && raw.iter().all(|byte| (33..=126).contains(byte));
    if fits {
        std::str::from_utf8(raw).map_err(|_| WireError("sdes_text"))
    } else {
        Err(WireError("sdes_text"))
    }
}

/// One published track.
#[derive(Debug)]
pub struct Ingress {
    /// As control asked for it.
    pub add: AddIngress,
    /// Number of its transport.
    pub transport: u32,
    /// Tells this track from one that had its number before.
    pub serial: u32,
    /// Smallest first; one without RID when there are no rids.
    pub encodings: Vec<Encoding>,
    /// Which of them are being sent.
    pub active: Vec<bool>,
    /// Extension ids of its m-section.
    pub ids: ExtensionIds,
    /// Seats that packets of it are offered to.
    pub offered: Vec<u32>,
    /// By payload type: place in `payload_types`, and whether it is the RTX one.
    by_pt: Box<[Option<(u8, bool)>; 128]>,
}

impl Ingress {
    /// Nothing has come yet.
    pub fn new(add: AddIngress, transport: u32, serial: u32, limits: &Limits, now_s: Seconds) -> Self {
        let clock_hz = add.payload_types.first().map_or(90_000, |pt| pt.clock_hz);
        let count = add.rids.len().max(1);
        let mut by_pt = Box::new([None; 128]);
        for (index, one) in add.payload_types.iter().enumerate() {
            if let Some(rtx) = one.rtx_pt {
                by_pt[usize::from(rtx & 0x7F)] = Some((index as u8, true));
            }
        }
        for (index, one) in add.payload_types.iter().enumerate() {
            by_pt[usize::from(one.pt & 0x7F)] = Some((index as u8, false));
        }
        let mut ids = no_extensions();
        for (id, meaning) in &add.extensions {
            ids[usize::from(*id)] = Some(*meaning);
        }
        Self {
            encodings: (0..count).map(|_| Encoding::new(clock_hz, add.video, limits, now_s)).collect(),
            active: vec![false; count],
            ids,
            offered: Vec::new(),
            by_pt,
            add,
            transport,
            serial,
        }
    }

    /// The codec of a payload type, and whether it carries retransmissions.
    #[inline]
    pub fn payload_type(&self, pt: u8) -> Option<(&PayloadType, bool)> {
        let (index, rtx) = self.by_pt[usize::from(pt & 0x7F)]?;
        Some((&self.add.payload_types[usize::from(index)], rtx))
    }

    /// The encoding of a RID; without rids there is one, and it has none.
    pub fn encoding_of(&self, rid: Option<&str>) -> Option<u8> {
        match rid {
            None => self.add.rids.is_empty().then_some(0),
            Some(rid) => self.add.rids.iter().position(|one| one == rid).map(|at| at as u8),
        }
    }

    /// The RID of an encoding.
    pub fn rid(&self, encoding: u8) -> Option<String> {
        self.add.rids.get(usize::from(encoding)).cloned()
    }
}
