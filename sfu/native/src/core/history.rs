//! What was sent, by egress number, with a budget for sending it again (SEATS R11).

use super::Seconds;
use std::collections::VecDeque;

/// What a fresh or slow stream may resend at once: about one small key frame.
const MIN_BUDGET_BYTES: f64 = 15_000.0;
/// Nothing is resent twice within this, even when the round trip is shorter or unknown.
const LEAST_RESEND_S: f64 = 0.02;

/// Why a number was not resent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Miss {
    /// Never sent, too old, or its bytes are gone.
    Gone,
    /// Resent within the round trip.
    TooSoon,
    /// The budget is spent.
    OverBudget,
}

/// The numbers one packet left with; its bytes stay in the encoding's ring.
#[derive(Debug, Clone, Copy)]
pub struct Sent {
    /// Egress number, extended.
    pub ext_seq: i64,
    /// The track, and its serial number: a number of a track may be given again.
    pub ingress: (u32, u32),
    /// Which of its encodings.
    pub encoding: u8,
    /// Temporary: whether there is anything here.
    present: bool,
    /// Number in the encoding's ring.
    pub number: u32,
    /// Egress timestamp.
    pub timestamp: u32,
    /// Egress picture id, TL0PICIDX and DD frame number.
    pub pictures: (u16, u8, u16),
    bytes: u16,
    sent_s: f32,
    resent_s: f32,
}

impl Sent {
    /// What left now.
    pub fn new(ext_seq: i64, ingress: (u32, u32), encoding: u8, number: u32) -> Self {
        Self {
            ext_seq,
            ingress,
            encoding,
            present: true,
            number,
            timestamp: 0,
            pictures: (0, 0, 0),
            bytes: 0,
            sent_s: 0.0,
            resent_s: -1.0,
        }
    }
}

/// The newest packets of one egress stream, bounded by count and age. Survives switches.
#[derive(Debug)]
pub struct History {
    /// Consecutive egress numbers; holes are not present.
    sent: VecDeque<Sent>,
    capacity: usize,
    age_s: f64,
    share: f64,
    budget: f64,
    /// Times are kept as f32 from here.
    epoch_s: Seconds,
}

impl History {
    /// Nothing sent yet.
    pub fn new(capacity: usize, age_s: f64, share: f64, now_s: Seconds) -> Self {
        Self { sent: VecDeque::new(), capacity, age_s, share, budget: MIN_BUDGET_BYTES, epoch_s: now_s }
    }

    /// Remember a sent packet of `bytes`.
    #[inline]
    pub fn keep(&mut self, mut sent: Sent, bytes: usize, now_s: Seconds) {
        if self.sent.is_empty() || now_s - self.epoch_s > 4096.0 {
            self.epoch_s = now_s; // f32 holds a quarter of a millisecond up to here
            self.sent.clear();
        }
        (sent.bytes, sent.sent_s) = (bytes as u16, (now_s - self.epoch_s) as f32);
        self.budget = (self.budget + self.share * bytes as f64).min(4.0 * MIN_BUDGET_BYTES);
        let base = self.sent.front().map_or(sent.ext_seq, |first| first.ext_seq);
        let at = sent.ext_seq - base;
        if at < 0 {
            return; // late, and older than all that is kept
        }
        let at = at as usize;
        if at < self.sent.len() {
            self.sent[at] = sent;
            return;
        }
        if at - self.sent.len() >= self.capacity {
            self.sent.clear();
        } else {
            for hole in base + self.sent.len() as i64..sent.ext_seq {
                self.sent.push_back(Sent { present: false, ..Sent::new(hole, (0, 0), 0, 0) });
            }
        }
        self.sent.push_back(sent);
        let oldest_s = sent.sent_s - self.age_s as f32;
        while self.sent.len() > self.capacity
            || self.sent.front().is_some_and(|first| !first.present || first.sent_s < oldest_s)
        {
            self.sent.pop_front();
        }
    }

    /// A packet to resend now, paid for, or why not.
    pub fn take(&mut self, seq: u16, now_s: Seconds, rtt_s: f64) -> Result<Sent, Miss> {
        let base = self.sent.front().ok_or(Miss::Gone)?.ext_seq;
        let at = usize::from(seq.wrapping_sub((base & 0xFFFF) as u16));
        let now = (now_s - self.epoch_s) as f32;
        let found = self.sent.get_mut(at).filter(|sent| sent.present).ok_or(Miss::Gone)?;
        if f64::from(now - found.sent_s) > self.age_s {
            return Err(Miss::Gone);
        }
        if found.resent_s >= 0.0 && f64::from(now - found.resent_s) < rtt_s.max(LEAST_RESEND_S) {
            return Err(Miss::TooSoon);
        }
        let size = f64::from(found.bytes);
        if size > self.budget {
            return Err(Miss::OverBudget);
        }
        self.budget -= size;
        found.resent_s = now.max(0.0);
        Ok(*found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn finds_what_was_sent_and_nothing_else(start in 1i64..200_000, steps in prop::collection::vec((1i64..4, 0.0f64..0.02), 1..1500)) {
            let mut history = History::new(600, 2.0, 100.0, 0.0);
            let (mut number, mut now) = (start, 0.0);
            let mut sent = Vec::new();
            for (step, gap) in steps {
                number += step;
                now += gap;
                history.keep(Sent::new(number, (1, 1), 0, number as u32), 100, now);
                sent.push((number, now));
            }
            let known: std::collections::HashSet<i64> = sent.iter().map(|(n, _)| *n).collect();
            for number in (number - 590..=number).filter(|n| *n >= start) {
                let found = history.take((number & 0xFFFF) as u16, now, 0.1);
                match found {
                    Ok(one) => prop_assert_eq!(one.ext_seq, number),
                    Err(why) => prop_assert!(why == Miss::OverBudget || !known.contains(&number)
                        || sent.iter().any(|(n, at)| *n == number && now - at > 1.9)),
                }
            }
        }
    }
}
