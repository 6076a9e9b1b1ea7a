//! Which encoding a seat stream should have, and how long it waits for it (SEATS R6, R7).

use super::Seconds;

/// Seven key-frame requests at 350 ms without a key frame: say so, keep the old picture.
pub const STALL_AFTER_S: f64 = 2.0;

/// One encoding of one track: (ingress, place among its encodings).
pub type EncodingRef = (u32, u8);

/// The track a seat is routed to, by number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Source {
    /// The track.
    pub ingress: u32,
    /// The highest encoding wanted; None: the best there is.
    pub ceiling: Option<u8>,
    /// The highest temporal layer wanted.
    pub max_temporal: Option<u8>,
}

/// The encoding to forward: the wanted one, else the best lower, else the least that is sent; when nothing is
/// being sent the wanted one, the first that could come. `active` has one bool an encoding, smallest first.
pub fn choose(source: &Source, active: &[bool]) -> EncodingRef {
    let last = active.len().saturating_sub(1);
    let top = source.ceiling.map_or(last, usize::from);
    let sent = |range: std::ops::RangeInclusive<usize>| range.rev().find(|at| active[*at]);
    let found = sent(0..=top).or_else(|| active.iter().position(|is| *is)).unwrap_or(top);
    (source.ingress, found as u8)
}

/// What a seat is fed from now, and what it waits for. Make before break.
#[derive(Debug, Default)]
pub struct Selector {
    /// What is wanted.
    pub source: Option<Source>,
    /// What feeds it.
    pub current: Option<EncodingRef>,
    /// Waited for; None when `current` is what is wanted.
    pub target: Option<EncodingRef>,
    /// The wait has lasted too long.
    pub stalled: bool,
    waiting_since_s: Seconds,
}

impl Selector {
    /// Aim at another source, or at none.
    pub fn route(&mut self, source: Option<Source>, active: &[bool], now_s: Seconds, cut: bool) {
        self.source = source;
        let other = match (self.current, source) {
            (Some((ingress, _)), Some(source)) => ingress != source.ingress,
            _ => false,
        };
        if source.is_none() || (cut && other) {
            self.current = None;
        }
        self.aim(active, now_s);
    }

    /// An encoding of the routed track came or went.
    pub fn encodings_changed(&mut self, active: &[bool], now_s: Seconds) {
        self.aim(active, now_s);
    }

    /// What feeds it began afresh, with other numbers: wait for it as for a switch.
    pub fn restart(&mut self, active: &[bool], now_s: Seconds) {
        self.current = None;
        self.aim(active, now_s);
    }

    /// The target's first packet is here.
    pub fn switched(&mut self) {
        self.current = self.target.take();
    }

    /// The track is gone, and with it all that points to it.
    pub fn forget(&mut self, ingress: u32) {
        for one in [&mut self.current, &mut self.target] {
            if one.is_some_and(|(of, _)| of == ingress) {
                *one = None;
            }
        }
    }

    /// True once, when a wait has lasted too long.
    pub fn stall(&mut self, now_s: Seconds) -> bool {
        if self.target.is_none() || self.stalled || now_s - self.waiting_since_s < STALL_AFTER_S {
            return false;
        }
        self.stalled = true;
        true
    }

    fn aim(&mut self, active: &[bool], now_s: Seconds) {
        let wanted = self.source.as_ref().map(|source| choose(source, active));
        if wanted == self.current {
            self.target = None;
        } else if wanted != self.target {
            self.target = wanted;
            self.waiting_since_s = now_s;
            self.stalled = false;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn never_above_the_ceiling_while_a_lower_one_is_sent(active in prop::collection::vec(any::<bool>(), 1..4), ceiling in 0u8..4) {
            let ceiling = ceiling.min(active.len() as u8 - 1);
            let source = Source { ingress: 3, ceiling: Some(ceiling), max_temporal: None };
            let (_, found) = choose(&source, &active);
            let lower = active[..=usize::from(ceiling)].iter().any(|is| *is);
            prop_assert!(!lower || (found <= ceiling && active[usize::from(found)]));
            prop_assert!(!active.iter().any(|is| *is) || active[usize::from(found)]);
        }
    }
}
