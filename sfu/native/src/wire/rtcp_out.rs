//! RTCP out: single members, written into a fixed buffer.

/// Room for any datagram written here.
pub const MAX_BYTES: usize = 1400;
/// From 1900 to 1970.
pub const NTP_UNIX_S: f64 = 2_208_988_800.0;
/// Reference time of transport feedback counts 64 ms (section 3.1 of its draft).
const REFERENCE_S: f64 = 0.064;
const DELTA_S: f64 = 0.000_25;

/// 64-bit NTP time of Unix seconds.
pub fn ntp_from_unix(unix_s: f64) -> u64 {
    let seconds = unix_s + NTP_UNIX_S;
    let whole = seconds.floor();
    (whole as u64) << 32 | ((seconds - whole) * 4_294_967_296.0) as u64
}

/// Unix seconds of 64-bit NTP time.
pub fn unix_from_ntp(ntp: u64) -> f64 {
    ntp as f64 / 4_294_967_296.0 - NTP_UNIX_S
}

/// One datagram being written.
pub struct Writer {
    bytes: [u8; MAX_BYTES],
    size: usize,
}

impl Default for Writer {
    fn default() -> Self {
        Self { bytes: [0; MAX_BYTES], size: 0 }
    }
}

impl Writer {
    /// What was written.
    pub fn datagram(&self) -> &[u8] {
        &self.bytes[..self.size]
    }

    fn put(&mut self, bytes: &[u8]) {
        self.bytes[self.size..self.size + bytes.len()].copy_from_slice(bytes);
        self.size += bytes.len();
    }

    fn member(&mut self, kind: u8, count: u8, body: impl FnOnce(&mut Self)) {
        let start = self.size;
        self.put(&[0x80 | count, kind, 0, 0]);
        body(self);
        while !(self.size - start).is_multiple_of(4) {
            self.put(&[0]);
        }
        let words = ((self.size - start) / 4 - 1) as u16;
        self.bytes[start + 2..start + 4].copy_from_slice(&words.to_be_bytes());
    }

    /// SR without reception blocks (RFC 3550 section 6.4.1).
    pub fn sender_report(&mut self, ssrc: u32, ntp: u64, rtp: u32, packets: u32, octets: u32) {
        self.member(200, 0, |w| {
            w.put(&ssrc.to_be_bytes());
            w.put(&ntp.to_be_bytes());
            for word in [rtp, packets, octets] {
                w.put(&word.to_be_bytes());
            }
        });
    }

    /// SDES with one chunk and its CNAME (RFC 3550 section 6.5.1).
    pub fn cname(&mut self, ssrc: u32, name: &[u8]) {
        let name = &name[..name.len().min(255)];
        self.member(202, 1, |w| {
            w.put(&ssrc.to_be_bytes());
            w.put(&[1, name.len() as u8]);
            w.put(name);
            w.put(&[0]); // at least one zero ends the items
        });
    }

    /// RR with up to 31 blocks (RFC 3550 section 6.4.2).
    pub fn receiver_report(&mut self, ssrc: u32, blocks: &[ReportBlock]) {
        let blocks = &blocks[..blocks.len().min(31)];
        self.member(201, blocks.len() as u8, |w| {
            w.put(&ssrc.to_be_bytes());
            for block in blocks {
                let lost = block.lost.clamp(-(1 << 23), (1 << 23) - 1) as u32 & 0xFF_FFFF;
                w.put(&block.ssrc.to_be_bytes());
                w.put(&(u32::from(block.fraction) << 24 | lost).to_be_bytes());
                for word in [block.highest, block.jitter, block.last_sr, block.delay] {
                    w.put(&word.to_be_bytes());
                }
            }
        });
    }

    fn feedback(&mut self, kind: u8, fmt: u8, (own, media): (u32, u32), fci: impl FnOnce(&mut Self)) {
        self.member(kind, fmt, |w| {
            w.put(&own.to_be_bytes());
            w.put(&media.to_be_bytes());
            fci(w);
        });
    }

    /// Generic NACK for numbers in rising order, at most 256 (RFC 4585 section 6.2.1).
    pub fn nack(&mut self, ssrcs: (u32, u32), seqs: &[u16]) {
        self.feedback(205, 1, ssrcs, |w| {
            let mut pair: Option<(u16, u16)> = None;
            for seq in seqs {
                match pair {
                    Some((first, ref mut following)) if (1..=16).contains(&seq.wrapping_sub(first)) => {
                        *following |= 1 << (seq.wrapping_sub(first) - 1);
                    }
                    Some((first, _)) if *seq == first => {}
                    _ => {
                        if let Some((first, following)) = pair {
                            w.put(&first.to_be_bytes());
                            w.put(&following.to_be_bytes());
                        }
                        pair = Some((*seq, 0));
                    }
                }
            }
            if let Some((first, following)) = pair {
                w.put(&first.to_be_bytes());
                w.put(&following.to_be_bytes());
            }
        });
    }

    /// PLI (RFC 4585 section 6.3.1).
    pub fn pli(&mut self, ssrcs: (u32, u32)) {
        self.feedback(206, 1, ssrcs, |_| {});
    }

    /// REMB (draft-alvestrand-rmcat-remb-03), rounded down to what 18 bits and an exponent hold.
    pub fn remb(&mut self, own: u32, bitrate_bps: u64, ssrcs: &[u32]) {
        let ssrcs = &ssrcs[..ssrcs.len().min(255)];
        let bits = 64 - bitrate_bps.leading_zeros();
        let exponent = bits.saturating_sub(18);
        let mantissa = bitrate_bps >> exponent;
        self.feedback(206, 15, (own, 0), |w| {
            w.put(b"REMB");
            w.put(&[
                ssrcs.len() as u8,
                (exponent << 2) as u8 | (mantissa >> 16) as u8,
                (mantissa >> 8) as u8,
                mantissa as u8,
            ]);
            for ssrc in ssrcs {
                w.put(&ssrc.to_be_bytes());
            }
        });
    }

    /// Transport-wide feedback: `arrivals[i]` is when `base + i` came, in seconds, NaN when it did not.
    ///
    /// At most 600 numbers, none further than 8 s from its neighbour; the first that came decides the reference.
    /// Returns whether anything was written.
    pub fn transport_feedback(&mut self, ssrcs: (u32, u32), base: u16, count: u8, arrivals: &[f64]) -> bool {
        let Some(first) = arrivals.iter().find(|arrival| !arrival.is_nan()) else { return false };
        let reference = (first / REFERENCE_S) as u64;
        let mut clock = (reference as f64 * REFERENCE_S / DELTA_S).round() as i64;
        let mut symbols = [0u8; 600];
        let mut deltas = [0u8; 1200];
        let (mut size, told) = (0, arrivals.len().min(600));
        for (symbol, arrival) in symbols.iter_mut().zip(arrivals) {
            if arrival.is_nan() {
                continue;
            }
            let ticks = (arrival / DELTA_S).round() as i64;
            let delta = ticks - clock;
            clock = ticks;
            if (0..=255).contains(&delta) {
                *symbol = 1;
                deltas[size] = delta as u8;
                size += 1;
            } else {
                *symbol = 2;
                let clamped = delta.clamp(-32_768, 32_767) as i16;
                deltas[size..size + 2].copy_from_slice(&clamped.to_be_bytes());
                size += 2;
            }
        }
        let start = self.size;
        self.feedback(205, 15, ssrcs, |w| {
            w.put(&base.to_be_bytes());
            w.put(&(told as u16).to_be_bytes());
            w.put(&[(reference >> 16) as u8, (reference >> 8) as u8, reference as u8, count]);
            w.chunks(&symbols[..told]);
            let room = MAX_BYTES - 4 - w.size;
            w.put(&deltas[..size.min(room)]);
        });
        self.size > start
    }

    /// Run lengths where a run pays, else vectors of seven two-bit symbols (section 3.1.2).
    fn chunks(&mut self, symbols: &[u8]) {
        let mut at = 0;
        while at < symbols.len() {
            let run = symbols[at..].iter().take_while(|symbol| **symbol == symbols[at]).count();
            if run >= 7 {
                self.put(&(u16::from(symbols[at]) << 13 | run as u16).to_be_bytes());
                at += run;
                continue;
            }
            let mut packed = 0xC000u16;
            for (index, symbol) in symbols[at..].iter().take(7).enumerate() {
                packed |= u16::from(*symbol) << (12 - 2 * index);
            }
            self.put(&packed.to_be_bytes());
            at += 7;
        }
    }
}

/// A reception report block to write (RFC 3550 section 6.4.1).
#[derive(Debug, Clone, Copy, Default)]
pub struct ReportBlock {
    /// The stream reported on.
    pub ssrc: u32,
    /// Share lost since the last report, in 1/256.
    pub fraction: u8,
    /// Cumulative, 24 bits.
    pub lost: i64,
    /// Extended highest sequence number.
    pub highest: u32,
    /// In ticks of the stream's clock.
    pub jitter: u32,
    /// Middle 32 bits of the last sender report's NTP time.
    pub last_sr: u32,
    /// Since that report, in 1/65536 s.
    pub delay: u32,
}

#[cfg(test)]
mod tests {
    use super::super::rtcp::{lost, Member, Members};
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn nacks_read_back(start in any::<u16>(), steps in prop::collection::vec(1u16..40, 0..100)) {
            let mut seq = start;
            let mut seqs = vec![start];
            for step in steps {
                seq = seq.wrapping_add(step);
                seqs.push(seq);
            }
            let mut writer = Writer::default();
            writer.nack((1, 2), &seqs);
            let Some(Member::Nack { media: 2, fci }) = Members::of(writer.datagram()).unwrap().next() else {
                panic!("not a NACK");
            };
            prop_assert_eq!(lost(fci).collect::<Vec<_>>(), seqs);
        }

        #[test]
        fn feedback_holds_together(base in any::<u16>(), gaps in prop::collection::vec(0u8..4, 1..600)) {
            let mut now = 1234.5;
            let arrivals: Vec<f64> = gaps.iter().map(|gap| {
                now += f64::from(*gap) * 0.03;
                if *gap == 3 { f64::NAN } else { now }
            }).collect();
            let mut writer = Writer::default();
            if writer.transport_feedback((1, 2), base, 7, &arrivals) {
                let mut members = Members::of(writer.datagram()).unwrap();
                prop_assert_eq!(members.next(), Some(Member::TransportFeedback { statuses: arrivals.len() }));
            }
        }
    }

    #[test]
    fn a_remb_holds_its_rate() {
        let mut writer = Writer::default();
        writer.remb(1, 4_000_000, &[5]);
        let raw = writer.datagram();
        let (exponent, mantissa) =
            (raw[17] >> 2, (u64::from(raw[17] & 3) << 16) | u64::from(raw[18]) << 8 | u64::from(raw[19]));
        assert!((3_990_000..=4_000_000).contains(&(mantissa << exponent)));
    }
}
