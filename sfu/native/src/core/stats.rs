//! Reception statistics of one ingress SSRC (RFC 3550 sections 6.4.1, A.3, A.8).

use super::Seconds;
use crate::wire::rtcp_out::ReportBlock;

/// Counts what came of one SSRC and writes its report blocks.
#[derive(Debug, Clone)]
pub struct ReceptionStats {
    clock_hz: f64,
    first: Option<i64>,
    highest: i64,
    received: i64,
    expected_before: i64,
    received_before: i64,
    jitter: f64,
    transit: Option<f64>,
    last_sr: Option<(u32, Seconds)>,
}

impl ReceptionStats {
    /// Nothing came yet.
    pub fn new(clock_hz: u32) -> Self {
        Self {
            clock_hz: f64::from(clock_hz),
            first: None,
            highest: 0,
            received: 0,
            expected_before: 0,
            received_before: 0,
            jitter: 0.0,
            transit: None,
            last_sr: None,
        }
    }

    /// One packet of the SSRC came (not a retransmission).
    #[inline]
    pub fn received(&mut self, number: i64, timestamp: u32, now_s: Seconds) {
        if self.first.is_none() {
            (self.first, self.highest) = (Some(number), number);
        }
        let newest = number >= self.highest;
        self.highest = self.highest.max(number);
        self.received += 1;
        if newest {
            let transit = now_s * self.clock_hz - f64::from(timestamp);
            if let Some(before) = self.transit {
                // Timestamps wrap; the difference of two transits must not.
                let half = 2_147_483_648.0;
                let step = (transit - before + half).rem_euclid(2.0 * half) - half;
                self.jitter += (step.abs() - self.jitter) / 16.0;
            }
            self.transit = Some(transit);
        }
    }

    /// Remember it for LSR and DLSR.
    pub fn on_sender_report(&mut self, ntp: u64, now_s: Seconds) {
        self.last_sr = Some(((ntp >> 16) as u32, now_s));
    }

    /// The block for the next report; None before the first packet.
    pub fn block(&mut self, ssrc: u32, now_s: Seconds) -> Option<ReportBlock> {
        let expected = self.highest - self.first? + 1;
        let expected_now = expected - self.expected_before;
        let received_now = self.received - self.received_before;
        (self.expected_before, self.received_before) = (expected, self.received);
        let lost_now = (expected_now - received_now).max(0);
        let (last_sr, delay) = match self.last_sr {
            None => (0, 0),
            Some((middle, at_s)) => (middle, ((now_s - at_s) * 65_536.0).round() as u32),
        };
        Some(ReportBlock {
            ssrc,
            fraction: if expected_now > 0 { ((lost_now << 8) / expected_now).min(255) as u8 } else { 0 },
            lost: expected - self.received,
            highest: (self.highest - 0x1_0000) as u32,
            jitter: self.jitter as u32,
            last_sr,
            delay,
        })
    }
}
