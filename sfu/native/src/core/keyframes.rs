//! When to ask a publisher for a key frame (PLI, RFC 4585 section 6.3.1; SEATS R7).

use super::operations::Limits;
use super::Seconds;

/// Allows `burst` at once and `per_s` a second after that.
#[derive(Debug, Clone, Copy)]
pub struct TokenBucket {
    burst: f64,
    per_s: f64,
    tokens: f64,
    updated_s: Seconds,
}

impl TokenBucket {
    /// A full bucket.
    pub fn new(burst: f64, per_s: f64, now_s: Seconds) -> Self {
        Self { burst, per_s, tokens: burst, updated_s: now_s }
    }

    /// Take a token if it is there.
    pub fn take(&mut self, now_s: Seconds) -> bool {
        self.refill(now_s);
        let there = self.tokens >= 1.0;
        if there {
            self.tokens -= 1.0;
        }
        there
    }

    /// Whether nothing could be taken now.
    pub fn is_empty(&mut self, now_s: Seconds) -> bool {
        self.refill(now_s);
        self.tokens < 1.0
    }

    fn refill(&mut self, now_s: Seconds) {
        let passed = (now_s - self.updated_s).max(0.0);
        self.tokens = (self.tokens + passed * self.per_s).min(self.burst);
        self.updated_s = self.updated_s.max(now_s);
    }
}

/// One per encoding, the only code that may ask. A request without an answer is repeated while somebody waits.
#[derive(Debug)]
pub struct Arbiter {
    interval_s: f64,
    retry_s: f64,
    bucket: TokenBucket,
    asked_s: Option<Seconds>,
    pending: bool,
}

impl Arbiter {
    /// Nobody was asked yet.
    pub fn new(limits: &Limits, now_s: Seconds) -> Self {
        let per_s = 1.0 / limits.keyframe_interval_s;
        Self {
            interval_s: limits.keyframe_interval_s,
            retry_s: limits.keyframe_retry_s,
            // On average one an interval; the burst lets the first repeat come at the retry time.
            bucket: TokenBucket::new(per_s.max(2.0), per_s, now_s),
            asked_s: None,
            pending: false,
        }
    }

    /// Somebody needs a key frame; `waiting`: a switch does. True: ask the publisher now.
    pub fn request(&mut self, now_s: Seconds, waiting: bool) -> bool {
        if let Some(asked) = self.asked_s {
            let since = now_s - asked;
            if (!waiting && since < self.interval_s) || (self.pending && since < self.retry_s) {
                return false;
            }
        }
        if !self.bucket.take(now_s) {
            return false;
        }
        (self.asked_s, self.pending) = (Some(now_s), true);
        true
    }

    /// A key frame's first packet is here: a switch that needs the next one may ask at once.
    pub fn arrived(&mut self) {
        self.pending = false;
    }
}

/// How often one subscriber's own PLIs for one seat are listened to.
#[derive(Debug)]
pub struct SeatBudget {
    times: Vec<Seconds>,
    count: usize,
    window_s: f64,
}

impl SeatBudget {
    /// Nothing was asked yet.
    pub fn new(limits: &Limits) -> Self {
        Self { times: Vec::new(), count: limits.seat_keyframes, window_s: limits.seat_keyframe_window_s }
    }

    /// Whether one more request is within the budget.
    pub fn allows(&mut self, now_s: Seconds) -> bool {
        let window = self.window_s;
        self.times.retain(|at| now_s - at <= window);
        self.times.len() < self.count
    }

    /// The publisher was asked. Requests that others' cover cost nothing: receivers repeat them.
    pub fn pay(&mut self, now_s: Seconds) {
        self.times.push(now_s);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_switch_repeats_and_a_flood_gets_two_a_second() {
        let limits = Limits::default();
        for waiting in [true, false] {
            let mut arbiter = Arbiter::new(&limits, 0.0);
            let asked = (0..1000).filter(|ms| arbiter.request(f64::from(*ms) / 100.0, waiting)).count();
            assert!((19..=22).contains(&asked), "{asked} in 10 s");
        }
    }
}
