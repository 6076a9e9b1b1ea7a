//! Loudness of microphones, averaged over an interval (RFC 6464).

use super::Seconds;

const INTERVAL_S: f64 = 0.2;

/// Sums what packets carry; emptied five times a second.
#[derive(Debug, Default)]
pub struct LevelMeter {
    /// By ingress number: sum and count.
    sums: Vec<(u32, u32, u32)>,
    emptied_s: Seconds,
}

impl LevelMeter {
    /// One packet's level, 0 loudest to 127 silent.
    #[inline]
    pub fn heard(&mut self, ingress: u32, level: u8) {
        match self.sums.iter_mut().find(|(of, _, _)| *of == ingress) {
            Some((_, sum, count)) => {
                *sum += u32::from(level);
                *count += 1;
            }
            None => self.sums.push((ingress, u32::from(level), 1)),
        }
    }

    /// The track is gone: nothing more is said of it.
    pub fn forget(&mut self, ingress: u32) {
        self.sums.retain(|(of, _, _)| *of != ingress);
    }

    /// Means since the last time, when an interval is over; else nothing.
    pub fn poll(&mut self, now_s: Seconds) -> Vec<(u32, u8)> {
        if self.sums.is_empty() || now_s - self.emptied_s < INTERVAL_S {
            return Vec::new();
        }
        self.emptied_s = now_s;
        let mean = |(of, sum, count): (u32, u32, u32)| {
            (of, (f64::from(sum) / f64::from(count)).round_ties_even() as u8)
        };
        self.sums.drain(..).map(mean).collect()
    }
}
