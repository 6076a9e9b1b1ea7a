//! Which packets to ask a publisher for again (RFC 4585 section 6.2.1). One generator per encoding.

use super::Seconds;
use std::collections::VecDeque;

const MAX_TRIES: u8 = 10;
/// More is not loss but a gap: the list is dropped and a key frame asked for.
const MAX_MISSING: usize = 512;
/// A packet is late, not lost, for so long.
const REORDER_S: f64 = 0.01;
const GIVE_UP_S: f64 = 1.5;
const LEAST_RETRY_S: f64 = 0.03;

#[derive(Debug, Clone, Copy)]
struct Missing {
    number: i64,
    missed_s: Seconds,
    asked_s: Seconds,
    tries: u8,
}

/// Fed with extended sequence numbers in order of arrival; polled on a timer.
#[derive(Debug, Default)]
pub struct NackGenerator {
    highest: Option<i64>,
    /// In rising order.
    missing: VecDeque<Missing>,
    /// Something was given up since it was last looked at.
    pub gave_up: bool,
}

impl NackGenerator {
    /// Forget all.
    pub fn clear(&mut self) {
        (self.highest, self.gave_up) = (None, false);
        self.missing.clear();
    }

    /// Whether a poll could find anything.
    pub fn is_idle(&self) -> bool {
        self.missing.is_empty()
    }

    /// A packet came, by itself or as RTX. True when it had been missing.
    #[inline]
    pub fn received(&mut self, number: i64, now_s: Seconds) -> bool {
        let Some(highest) = self.highest else {
            self.highest = Some(number);
            return false;
        };
        if number == highest + 1 {
            self.highest = Some(number);
            return false;
        }
        if number <= highest {
            let found = self.missing.binary_search_by_key(&number, |missing| missing.number);
            return found.is_ok_and(|at| self.missing.remove(at).is_some());
        }
        if (number - highest) as usize > MAX_MISSING {
            self.missing.clear();
            self.gave_up = true;
        } else {
            for lost in highest + 1..number {
                self.missing.push_back(Missing { number: lost, missed_s: now_s, asked_s: -1.0, tries: 0 });
            }
            while self.missing.len() > MAX_MISSING {
                self.missing.pop_front();
                self.gave_up = true;
            }
        }
        self.highest = Some(number);
        false
    }

    /// A key frame starts here: what was missing before it is not needed any more.
    pub fn forget_before(&mut self, number: i64) {
        while self.missing.front().is_some_and(|missing| missing.number < number) {
            self.missing.pop_front();
        }
        if self.highest.is_some_and(|highest| number > highest) {
            self.highest = Some(number - 1);
        }
    }

    /// 16-bit numbers to ask for now, in order, appended to `due`.
    pub fn poll(&mut self, now_s: Seconds, rtt_s: f64, due: &mut Vec<u16>) {
        let wait_s = rtt_s.max(LEAST_RETRY_S);
        let before = self.missing.len();
        self.missing.retain_mut(|missing| {
            if missing.tries >= MAX_TRIES || now_s - missing.missed_s > GIVE_UP_S {
                return false;
            }
            let first = missing.tries == 0 && now_s - missing.missed_s >= REORDER_S;
            if first || (missing.tries > 0 && now_s - missing.asked_s >= wait_s) {
                missing.asked_s = now_s;
                missing.tries += 1;
                due.push((missing.number & 0xFFFF) as u16);
            }
            true
        });
        self.gave_up |= self.missing.len() < before;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn asks_ten_times_and_gives_up() {
        let mut nack = NackGenerator::default();
        nack.received(100, 0.0);
        nack.received(103, 0.0);
        let mut asked = Vec::new();
        let mut now = 0.0;
        while !nack.is_idle() {
            now += 0.02;
            nack.poll(now, 0.05, &mut asked);
        }
        assert_eq!(asked.len(), 20);
        assert!(nack.gave_up);
    }

    #[test]
    fn a_key_frame_mends_what_was_before_it_only() {
        let mut nack = NackGenerator::default();
        nack.received(100, 0.0);
        nack.received(110, 0.0);
        nack.forget_before(105);
        let mut asked = Vec::new();
        nack.poll(0.02, 0.1, &mut asked);
        assert_eq!(asked, [105, 106, 107, 108, 109]);
        assert!(nack.received(106, 0.03));
        assert!(!nack.received(106, 0.03));
    }
}
