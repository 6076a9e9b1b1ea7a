//! Transport-wide feedback to a publisher: which of its packets came, and when.
//!
//! draft-holmer-rmcat-transport-wide-cc-extensions-01. The publisher's own estimator does the rest.

use super::Seconds;
use crate::wire::rtcp_out::Writer;
use crate::wire::sequence::Unwrapper;

/// Between two feedback packets (libwebrtc: 50 to 250 ms).
const INTERVAL_S: f64 = 0.05;
/// Numbers one packet reports on; a larger jump starts afresh.
const MAX_SPAN: i64 = 600;
/// Arrivals kept between two packets: 40 000 a second, which no publisher may send.
const MAX_ARRIVALS: usize = 2000;
/// Numbers reported on at once, lost ones included: a publisher that jumps to and fro would have us write
/// reports on thousands of numbers for each packet it sends.
const MAX_TOLD: i64 = 4 * MAX_SPAN;
/// Arrivals further apart do not go into one packet (a delta holds 8 s).
const MAX_PAUSE_S: f64 = 4.0;

/// Records arrivals of one transport and writes feedback.
#[derive(Debug, Default)]
pub struct Recorder {
    unwrapper: Unwrapper,
    arrivals: Vec<(i64, Seconds)>,
    next: Option<i64>,
    count: u8,
    heard_s: Seconds,
    sent_s: Seconds,
}

impl Recorder {
    /// An authenticated packet with this number came.
    #[inline]
    pub fn received(&mut self, transport_seq: u16, now_s: Seconds) {
        let number = self.unwrapper.unwrap(transport_seq);
        if self.next.is_some_and(|next| number < next) || self.arrivals.len() >= MAX_ARRIVALS {
            return; // reported as lost already; the sender has drawn its conclusions
        }
        if !self.arrivals.is_empty() && now_s - self.heard_s > MAX_PAUSE_S {
            self.arrivals.clear();
            self.next = None;
        }
        self.heard_s = now_s;
        self.arrivals.push((number, now_s));
    }

    /// Write feedback packets that are due, each handed to `send`.
    pub fn poll(&mut self, ssrcs: (u32, u32), now_s: Seconds, mut send: impl FnMut(&Writer)) {
        if self.arrivals.is_empty() || now_s - self.sent_s < INTERVAL_S {
            return;
        }
        self.sent_s = now_s;
        self.arrivals.sort_unstable_by_key(|(number, _)| *number); // the same number twice: either will do
        let mut expected = self.next.unwrap_or(self.arrivals[0].0);
        let (mut told, mut at) = (0, 0);
        while at < self.arrivals.len() && told < MAX_TOLD {
            let first = self.arrivals[at].0;
            let base = if first - expected < MAX_SPAN { expected } else { first };
            let mut span = [f64::NAN; MAX_SPAN as usize];
            let mut end = base;
            while let Some((number, arrival)) =
                self.arrivals.get(at).filter(|(number, _)| number - base < MAX_SPAN)
            {
                span[(number - base) as usize] = *arrival;
                end = number + 1;
                at += 1;
            }
            expected = end;
            let mut writer = Writer::default();
            if writer.transport_feedback(
                ssrcs,
                (base & 0xFFFF) as u16,
                self.count,
                &span[..(end - base) as usize],
            ) {
                send(&writer);
            }
            self.count = self.count.wrapping_add(1);
            told += end - base;
        }
        self.next = self.arrivals.last().map(|(number, _)| number + 1);
        self.arrivals.clear();
    }
}
