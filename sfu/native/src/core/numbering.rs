//! Ingress numbers -> egress numbers without a gap, across drops and switches (SEATS R1, R8, R9).

use std::collections::VecDeque;

/// Closed gaps remembered. A packet older than the oldest has no number any more.
const MAX_SPANS: usize = 256;
/// A source that jumps further ahead is not followed: a receiver takes a number half a cycle ahead for an old
/// one (RFC 3711 section 3.3.1), and would lose the stream. What it is shown instead is a gap it can see.
const MAX_JUMP: i64 = 1 << 14;
const SHOWN_JUMP: i64 = 1 << 10;
const PICTURE_IDS: i64 = 1 << 15;
const SHORT_PICTURE_IDS: i64 = 1 << 7;

#[derive(Debug, Clone, Copy)]
struct Span {
    start: i64,
    seq_offset: i64,
    picture_offset: i64,
}

/// Offsets from one source's numbers to the seat's, for one stay of that source.
#[derive(Debug, Clone)]
pub struct Numbering {
    /// Packets older than this are from before the switch.
    pub first: i64,
    highest: i64,
    /// The highest egress number given.
    top: i64,
    /// What holds for packets at and after its start.
    current: Span,
    /// Older ones, in rising order.
    older: VecDeque<Span>,
}

impl Numbering {
    /// The stay begins at this packet, which gets this egress number.
    pub fn new(first: i64, egress: i64) -> Self {
        let current = Span { start: first, seq_offset: egress - first, picture_offset: 0 };
        Self { first, highest: first - 1, top: egress - 1, current, older: VecDeque::new() }
    }

    /// Egress number and picture offset of a packet, None when it is older than we can map.
    #[inline]
    pub fn map(&mut self, number: i64) -> Option<(i64, i64)> {
        self.highest = self.highest.max(number);
        if number >= self.current.start {
            if number + self.current.seq_offset > self.top + MAX_JUMP {
                let seq_offset = self.top + SHOWN_JUMP - number;
                self.begin_span(Span { start: number, seq_offset, ..self.current });
            }
            let egress = number + self.current.seq_offset;
            self.top = self.top.max(egress);
            return Some((egress, self.current.picture_offset));
        }
        let after = self.older.partition_point(|span| span.start <= number);
        let span = self.older.get(after.checked_sub(1)?)?;
        let egress = number + span.seq_offset;
        (egress <= self.top).then_some((egress, span.picture_offset)) // beyond: from inside a jump
    }

    fn begin_span(&mut self, next: Span) {
        self.older.push_back(std::mem::replace(&mut self.current, next));
        if self.older.len() >= MAX_SPANS {
            self.older.pop_front();
        }
    }

    /// This packet is not forwarded on purpose: later ones move up by one.
    ///
    /// `whole_picture`: it was the first packet of a dropped picture, so picture ids move up too. False when
    /// newer packets have left already: then the gap stays, and a NACK for it finds nothing.
    pub fn close_gap(&mut self, number: i64, whole_picture: bool) -> bool {
        if number <= self.highest {
            return false;
        }
        self.highest = number;
        self.begin_span(Span {
            start: number + 1,
            seq_offset: self.current.seq_offset - 1,
            picture_offset: self.current.picture_offset - i64::from(whole_picture),
        });
        true
    }
}

/// The seat's own picture id, TL0PICIDX and DD frame number, continued across sources.
#[derive(Debug, Clone, Copy, Default)]
pub struct Counters {
    pid_last: Option<i64>,
    tl0_last: Option<i64>,
    dd_last: Option<i64>,
    pid_offset: i64,
    tl0_offset: i64,
    dd_offset: i64,
}

fn newer(last: Option<i64>, number: i64, modulus: i64) -> Option<i64> {
    match last {
        Some(last) if (number - last).rem_euclid(modulus) >= modulus / 2 => Some(last),
        _ => Some(number),
    }
}

impl Counters {
    /// A new source starts with these numbers (None: it has no such number).
    pub fn switch(&mut self, pid: Option<u16>, tl0: Option<u8>, dd: Option<u16>) {
        let offset = |last: Option<i64>, first: i64| last.map_or(0, |last| last + 1 - first);
        if let Some(pid) = pid {
            self.pid_offset = offset(self.pid_last, i64::from(pid));
        }
        if let Some(tl0) = tl0 {
            self.tl0_offset = offset(self.tl0_last, i64::from(tl0));
        }
        if let Some(dd) = dd {
            self.dd_offset = offset(self.dd_last, i64::from(dd));
        }
    }

    /// The egress picture id, 15 bits; a 7-bit field takes its low bits.
    #[inline]
    pub fn picture_id(&mut self, pid: u16, extra: i64, long: bool) -> u16 {
        let mut number = (i64::from(pid) + self.pid_offset + extra).rem_euclid(PICTURE_IDS);
        if let (false, Some(last)) = (long, self.pid_last) {
            // The source's own wraps at 7 bits while the seat's goes on.
            let half = SHORT_PICTURE_IDS / 2;
            let step = (number - last + half).rem_euclid(SHORT_PICTURE_IDS) - half;
            number = (last + step).rem_euclid(PICTURE_IDS);
        }
        self.pid_last = newer(self.pid_last, number, PICTURE_IDS);
        number as u16
    }

    /// The egress TL0PICIDX, 8 bits.
    #[inline]
    pub fn tl0(&mut self, tl0: u8) -> u8 {
        let number = (i64::from(tl0) + self.tl0_offset) & 0xFF;
        self.tl0_last = newer(self.tl0_last, number, 1 << 8);
        number as u8
    }

    /// The egress frame number of the dependency descriptor, 16 bits.
    #[inline]
    pub fn frame_number(&mut self, dd: u16) -> u16 {
        let number = (i64::from(dd) + self.dd_offset) & 0xFFFF;
        self.dd_last = newer(self.dd_last, number, 1 << 16);
        number as u16
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// R1: what is forwarded of a source in order has consecutive numbers, whatever was dropped on purpose.
        #[test]
        fn no_gap_for_what_is_dropped(first in 0i64..200_000, egress in 1i64..16_384, kept in prop::collection::vec(any::<bool>(), 1..600)) {
            let mut numbering = Numbering::new(first, egress);
            let mut wanted = egress;
            for (index, keep) in kept.iter().enumerate() {
                let number = first + index as i64;
                if *keep {
                    prop_assert_eq!(numbering.map(number), Some((wanted, 0)));
                    wanted += 1;
                } else {
                    prop_assert!(numbering.close_gap(number, false));
                }
            }
        }

        /// Late packets get the number they would have had: no number is ever given to two packets.
        #[test]
        fn numbers_are_unique_under_reordering(first in 70_000i64..80_000, order in prop::collection::vec((0i64..120, any::<bool>()), 1..300)) {
            let mut numbering = Numbering::new(first, 500);
            let mut given = std::collections::HashMap::new();
            let mut dropped = std::collections::HashSet::new();
            for (step, keep) in order {
                let number = first + step;
                if dropped.contains(&number) {
                    continue;
                }
                if keep {
                    if let Some((egress, _)) = numbering.map(number) {
                        let before = given.insert(egress, number);
                        prop_assert!(before.is_none_or(|b| b == number));
                    }
                } else if !given.values().any(|n| *n == number) {
                    dropped.insert(number);
                    numbering.close_gap(number, false);
                }
            }
        }

        /// However a source jumps, a receiver's guess of the roll-over counter follows.
        #[test]
        fn no_jump_is_half_a_cycle(first in 70_000i64..80_000, jumps in prop::collection::vec(0i64..40_000, 1..100)) {
            let mut numbering = Numbering::new(first, 500);
            let (mut number, mut last) = (first, 499);
            for jump in jumps {
                number += jump + 1;
                let (egress, _) = numbering.map(number).unwrap();
                prop_assert!(egress > last && egress - last <= MAX_JUMP);
                last = egress;
            }
        }

        /// R9: picture ids continue by one at every switch, across their wrap.
        #[test]
        fn pictures_continue(starts in prop::collection::vec(0u16..0x8000, 1..40)) {
            let mut counters = Counters::default();
            let mut last: Option<u16> = None;
            for start in starts {
                counters.switch(Some(start), None, None);
                for step in 0..5u16 {
                    let pid = counters.picture_id((start + step) & 0x7FFF, 0, true);
                    if let Some(last) = last {
                        prop_assert_eq!(pid, (last + 1) & 0x7FFF);
                    }
                    last = Some(pid);
                }
            }
        }
    }
}
