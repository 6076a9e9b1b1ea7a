//! Clocks: a publisher's, an encoding's and a seat's (SEATS R2, R3, R5).

use super::Seconds;
use crate::wire::rtcp_out::unix_from_ntp;
use crate::wire::sequence::ts_delta;

/// Sender reports over which the least delay is taken (R2): about half a minute at one a second.
const OFFSET_WINDOW: usize = 32;
/// How long a packet or report may have been under way. What would have taken longer comes from a clock that
/// was set meanwhile, or from a liar: arrival time counts then.
const MAX_AGE_S: f64 = 3.0;
/// 20 ms at 48 kHz. A switch goes on at a multiple of it, so that the decoder sees whole frames (R3).
const OPUS_FRAME_TICKS: i64 = 960;
/// A source whose timestamps ran ahead of the line by more has a wrong clock; the line then follows.
const MAX_AHEAD_S: f64 = 1.0;

/// How far a publisher's NTP clock is from ours: D of R2, a windowed minimum.
#[derive(Debug, Clone, Default)]
pub struct PublisherClock {
    offsets: [f64; OFFSET_WINDOW],
    count: usize,
    next: usize,
}

impl PublisherClock {
    /// A sender report with this NTP time (Unix seconds) arrived then.
    pub fn observe(&mut self, ntp_s: f64, arrival_s: Seconds) {
        let offset = arrival_s - ntp_s;
        if self.offset_s().is_some_and(|least| (offset - least).abs() > MAX_AGE_S) {
            (self.count, self.next) = (0, 0);
        }
        self.offsets[self.next] = offset;
        self.next = (self.next + 1) % OFFSET_WINDOW;
        self.count = (self.count + 1).min(OFFSET_WINDOW);
    }

    /// Add to the publisher's NTP time to get ours; None before the first report.
    pub fn offset_s(&self) -> Option<f64> {
        self.offsets[..self.count].iter().copied().reduce(f64::min)
    }
}

/// RTP timestamps of one encoding -> capture time on the plane's clock (R2).
#[derive(Debug, Clone)]
pub struct IngressClock {
    clock_hz: f64,
    ntp_s: Option<f64>,
    arrival_s: Seconds,
    rtp: u32,
}

impl IngressClock {
    /// A clock without a report.
    pub fn new(clock_hz: u32) -> Self {
        Self { clock_hz: f64::from(clock_hz), ntp_s: None, arrival_s: 0.0, rtp: 0 }
    }

    /// Take a report's mapping; its delay helps to place the publisher's whole clock.
    pub fn on_sender_report(
        &mut self,
        publisher: &mut PublisherClock,
        ntp: u64,
        rtp: u32,
        arrival_s: Seconds,
    ) {
        let ntp_s = unix_from_ntp(ntp);
        (self.ntp_s, self.arrival_s, self.rtp) = (Some(ntp_s), arrival_s, rtp);
        publisher.observe(ntp_s, arrival_s);
    }

    /// The mapping is broken (the microphone's clock stood still): wait for a fresh one (R4).
    pub fn forget_report(&mut self) {
        self.ntp_s = None;
    }

    /// When a packet was captured, never later than it arrived; arrival before any report.
    pub fn capture_s(&self, offset_s: Option<f64>, timestamp: u32, arrival_s: Seconds) -> Seconds {
        let Some((time_s, rtp)) = self.mapping(offset_s) else { return arrival_s };
        let captured = time_s + ts_delta(timestamp, rtp) as f64 / self.clock_hz;
        if (arrival_s - MAX_AGE_S..=arrival_s).contains(&captured) {
            captured
        } else {
            arrival_s
        }
    }

    /// (time on our clock, RTP timestamp) of the last report, None without one that can be believed.
    pub fn mapping(&self, offset_s: Option<f64>) -> Option<(Seconds, u32)> {
        let time_s = self.ntp_s? + offset_s?;
        ((time_s - self.arrival_s).abs() <= MAX_AGE_S).then_some((time_s, self.rtp))
    }
}

/// One line of timestamps for the whole life of an egress stream (R2, R3).
#[derive(Debug, Clone)]
pub struct SeatClock {
    clock_hz: f64,
    anchor_ts: u32,
    anchor_s: Option<Seconds>,
    /// The newest timestamp sent, and when it was first sent.
    pub last: Option<(u32, Seconds)>,
}

impl SeatClock {
    /// A line that will start at `first_ts`.
    pub fn new(clock_hz: u32, first_ts: u32) -> Self {
        Self { clock_hz: f64::from(clock_hz), anchor_ts: first_ts, anchor_s: None, last: None }
    }

    /// The timestamp that belongs to a time; the first call anchors the line.
    pub fn at(&mut self, time_s: Seconds) -> u32 {
        let anchor = *self.anchor_s.get_or_insert(time_s);
        let elapsed = ((time_s - anchor) * self.clock_hz).round_ties_even() as i64;
        self.anchor_ts.wrapping_add(elapsed as u32)
    }

    /// A packet with this timestamp left.
    #[inline]
    pub fn sent(&mut self, timestamp: u32, now_s: Seconds) {
        if self.last.is_none_or(|(last, _)| ts_delta(timestamp, last) > 0) {
            self.last = Some((timestamp, now_s));
        }
    }

    /// First timestamp of a new source: on the line, and newer than anything sent (R2).
    pub fn video_start(&mut self, capture_s: Seconds) -> u32 {
        self.catch_up();
        let start = self.at(capture_s);
        match self.last {
            Some((last, _)) if ts_delta(start, last) <= 0 => last.wrapping_add(1),
            _ => start,
        }
    }

    /// How many Opus frames behind the last one a new source should start (R3); may be < 1.
    pub fn audio_steps(&mut self, capture_s: Seconds) -> i64 {
        let Some((last, _)) = self.last else { return 1 };
        self.catch_up();
        (ts_delta(self.at(capture_s), last) as f64 / OPUS_FRAME_TICKS as f64).round_ties_even() as i64
    }

    /// First timestamp of a new audio source, `steps` frames behind the last one sent.
    pub fn audio_start(&mut self, capture_s: Seconds, steps: i64) -> u32 {
        match self.last {
            None => self.at(capture_s),
            Some((last, _)) => last.wrapping_add((steps.max(1) * OPUS_FRAME_TICKS) as u32),
        }
    }

    /// Let the line pass through the newest packet if that is far ahead of it.
    fn catch_up(&mut self) {
        let Some((last, last_s)) = self.last else { return };
        let ahead = ts_delta(last, self.at(last_s));
        if ahead as f64 > MAX_AHEAD_S * self.clock_hz {
            self.anchor_ts = self.anchor_ts.wrapping_add(ahead as u32);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// R2: however often and at whatever times sources change, video stays on one line and never goes back.
        #[test]
        fn one_line_over_many_switches(first in any::<u32>(), gaps in prop::collection::vec(0.001f64..5.0, 1..200)) {
            let mut clock = SeatClock::new(90_000, first);
            let mut now = 100.0;
            let anchor = now;
            let mut last: Option<u32> = None;
            for gap in gaps {
                let start = clock.video_start(now);
                let line = first.wrapping_add(((now - anchor) * 90_000.0).round() as u32);
                prop_assert!(ts_delta(start, line).abs() <= 3000);
                if let Some(last) = last {
                    prop_assert!(ts_delta(start, last) > 0);
                }
                clock.sent(start, now);
                last = Some(start);
                now += gap;
            }
        }
    }

    #[test]
    fn the_least_offset_counts_until_the_clock_is_set() {
        let mut publisher = PublisherClock::default();
        for delay in [0.3, 0.1, 0.2] {
            publisher.observe(1000.0, 5.0 + delay);
        }
        assert!((publisher.offset_s().unwrap() + 994.9).abs() < 1e-9);
        publisher.observe(2000.0, 5.0);
        assert!((publisher.offset_s().unwrap() + 1995.0).abs() < 1e-9);
    }
}
