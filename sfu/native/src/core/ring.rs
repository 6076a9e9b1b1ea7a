//! The newest packets of one encoding, plain: what seats forward now and retransmit later share these bytes.

use super::operations::Codec;
use super::Seconds;
use crate::wire::payload::Pictures;

/// What is known of a packet wherever it goes.
#[derive(Debug, Clone, Copy)]
pub struct Meta {
    /// Codec of its payload type.
    pub codec: Codec,
    /// Marker bit.
    pub marker: bool,
    /// RTP timestamp of the publisher.
    pub timestamp: u32,
    /// Where the payload stands; empty: padding only.
    pub payload: (u16, u16),
    /// Picture numbers of VP8 and VP9.
    pub pictures: Pictures,
    /// Dependency descriptor: frame number, and where it stands.
    pub dd: Option<(u16, u16, u16)>,
    /// Audio level byte (RFC 6464).
    pub level: Option<u8>,
    /// Orientation byte (3GPP TS 26.114).
    pub orientation: Option<u8>,
}

/// One packet kept.
#[derive(Debug)]
pub struct Kept {
    /// Header, extensions and payload, decrypted.
    pub bytes: Vec<u8>,
    /// What is known of it.
    pub meta: Meta,
    number: u32,
    at_s: Seconds,
}

/// A ring by arrival. Grows to what the age asks for and then allocates no more.
#[derive(Debug)]
pub struct PacketRing {
    slots: Vec<Kept>,
    next: usize,
    number: u32,
    capacity: usize,
    age_s: f64,
}

impl PacketRing {
    /// At most `capacity` packets; those older than `age_s` give their place first.
    pub fn new(capacity: usize, age_s: f64) -> Self {
        Self { slots: Vec::new(), next: 0, number: 0, capacity: capacity.max(256), age_s }
    }

    /// Keep a packet; the number finds it again.
    #[inline]
    pub fn push(&mut self, bytes: &[u8], meta: Meta, now_s: Seconds) -> u32 {
        self.number = self.number.wrapping_add(1);
        let stale = self.slots.get(self.next).is_some_and(|oldest| now_s - oldest.at_s > self.age_s);
        if stale || self.slots.len() == self.capacity {
            self.next %= self.slots.len();
            let slot = &mut self.slots[self.next];
            slot.bytes.clear();
            slot.bytes.extend_from_slice(bytes);
            (slot.meta, slot.number, slot.at_s) = (meta, self.number, now_s);
        } else {
            let mut kept = Vec::with_capacity(bytes.len().max(1280));
            kept.extend_from_slice(bytes);
            self.slots.insert(self.next, Kept { bytes: kept, meta, number: self.number, at_s: now_s });
        }
        self.next += 1;
        if self.next >= self.slots.len() {
            self.next = 0;
        }
        self.number
    }

    /// The packet with this number, None when another has its place.
    #[inline]
    pub fn get(&self, number: u32) -> Option<&Kept> {
        let back = self.number.wrapping_sub(number) as usize;
        let size = self.slots.len();
        if back >= size {
            return None;
        }
        let newest = (self.next + size - 1) % size;
        let slot = &self.slots[(newest + size - back) % size];
        (slot.number == number).then_some(slot)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const META: Meta = Meta {
        codec: Codec::Vp8,
        marker: false,
        timestamp: 0,
        payload: (0, 0),
        pictures: Pictures { picture_id: None, long: false, tl0: None, temporal: 0, key_start: false },
        dd: None,
        level: None,
        orientation: None,
    };

    proptest! {
        #[test]
        fn a_number_finds_its_own_packet_or_nothing(gaps in prop::collection::vec(0.0f64..0.3, 1..2000)) {
            let mut ring = PacketRing::new(300, 2.0);
            let mut now = 0.0;
            let mut kept: Vec<(u32, u32, f64)> = Vec::new();
            for (index, gap) in gaps.iter().enumerate() {
                now += gap;
                let number = ring.push(&(index as u32).to_be_bytes(), META, now);
                kept.push((number, index as u32, now));
            }
            for (back, (number, index, at)) in kept.iter().rev().enumerate() {
                match ring.get(*number) {
                    Some(found) => prop_assert_eq!(&found.bytes[..], &index.to_be_bytes()[..]),
                    None => prop_assert!(back >= 256 || now - at > 2.0),
                }
            }
        }
    }
}
