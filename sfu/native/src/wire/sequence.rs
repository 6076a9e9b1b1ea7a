//! Serial number arithmetic of RTP (RFC 3550 appendix A.1, RFC 1982).

/// `a - b` for 16-bit numbers that wrap.
#[inline]
pub fn seq_delta(a: u16, b: u16) -> i32 {
    i32::from(a.wrapping_sub(b) as i16)
}

/// `a - b` for 32-bit numbers that wrap.
#[inline]
pub fn ts_delta(a: u32, b: u32) -> i64 {
    i64::from(a.wrapping_sub(b) as i32)
}

/// 16-bit sequence numbers -> numbers that never wrap. Late ones map to where they belong.
#[derive(Debug, Clone, Copy, Default)]
pub struct Unwrapper {
    highest: Option<i64>,
}

impl Unwrapper {
    /// The extended number; starts one cycle up, so that early late ones stay positive.
    #[inline]
    pub fn unwrap(&mut self, seq: u16) -> i64 {
        let Some(highest) = self.highest else {
            let first = i64::from(seq) + 0x1_0000;
            self.highest = Some(first);
            return first;
        };
        let extended = highest + i64::from(seq_delta(seq, (highest & 0xFFFF) as u16));
        self.highest = Some(highest.max(extended));
        extended
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn unwrapping_follows_any_walk(start in 0u16.., steps in prop::collection::vec(-200i64..400, 1..300)) {
            let mut unwrapper = Unwrapper::default();
            let base = i64::from(start) + 0x1_0000;
            prop_assert_eq!(unwrapper.unwrap(start), base);
            let mut top = base;
            for step in steps {
                let number = (top + step).max(base);
                prop_assert_eq!(unwrapper.unwrap((number & 0xFFFF) as u16), number);
                top = top.max(number);
            }
        }
    }
}
