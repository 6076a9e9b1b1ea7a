//! Packet indices and replay windows (RFC 3711 sections 3.3.1 and 3.3.2).

/// Packets told apart; older ones count as replayed.
const WINDOW: u64 = 1024;
const WORDS: usize = (WINDOW / 64) as usize;

/// What is known of one incoming RTP stream: highest index and which of the last 1024 came.
#[derive(Debug, Clone)]
pub struct RxStream {
    started: bool,
    highest: u64,
    /// A ring of bits by index.
    seen: [u64; WORDS],
}

impl Default for RxStream {
    fn default() -> Self {
        Self { started: false, highest: 0, seen: [0; WORDS] }
    }
}

impl RxStream {
    /// The 48-bit index that a sequence number most likely has (section 3.3.1, appendix A).
    #[inline]
    pub fn estimate(&self, seq: u16) -> u64 {
        if !self.started {
            return u64::from(seq);
        }
        let (roc, last) = (self.highest >> 16, (self.highest & 0xFFFF) as i32);
        let distance = i32::from(seq) - last;
        let guess = if distance > 0x8000 {
            roc.wrapping_sub(1) // from before the roll-over
        } else if distance < -0x8000 {
            roc + 1
        } else {
            roc
        };
        if guess > 0xFFFF_FFFF {
            return u64::from(seq); // before the first packet of all: nothing was sent there
        }
        guess << 16 | u64::from(seq)
    }

    /// Whether this index may still be taken.
    #[inline]
    pub fn is_new(&self, index: u64) -> bool {
        if !self.started || index > self.highest {
            return true;
        }
        self.highest - index < WINDOW && self.seen[(index / 64) as usize % WORDS] >> (index % 64) & 1 == 0
    }

    /// The packet with this index was authentic.
    #[inline]
    pub fn accept(&mut self, index: u64) {
        if !self.started {
            self.started = true;
            self.highest = index;
        } else if index > self.highest {
            if index - self.highest >= WINDOW {
                self.seen = [0; WORDS];
            } else {
                for gone in self.highest + 1..=index {
                    self.seen[(gone / 64) as usize % WORDS] &= !(1 << (gone % 64));
                }
            }
            self.highest = index;
        }
        self.seen[(index / 64) as usize % WORDS] |= 1 << (index % 64);
    }
}

/// Replay window of one RTCP sender: its index is explicit (section 3.4).
#[derive(Debug, Clone, Copy, Default)]
pub struct RtcpWindow {
    started: bool,
    highest: u32,
    seen: u128,
}

impl RtcpWindow {
    /// Whether this index may still be taken.
    pub fn is_new(&self, index: u32) -> bool {
        if !self.started || index > self.highest {
            return true;
        }
        let age = self.highest - index;
        age < 128 && self.seen >> age & 1 == 0
    }

    /// The datagram with this index was authentic.
    pub fn accept(&mut self, index: u32) {
        if !self.started || index > self.highest {
            let step = if self.started { index - self.highest } else { 128 };
            self.seen = if step < 128 { self.seen << step | 1 } else { 1 };
            (self.started, self.highest) = (true, index);
        } else {
            self.seen |= 1 << (self.highest - index);
        }
    }
}
