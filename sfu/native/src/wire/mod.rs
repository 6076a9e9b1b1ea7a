//! Bytes <-> values. Total: any input has an answer, none panics, nothing is allocated for a refused one.
#![forbid(unsafe_code)]

pub mod dd;
pub mod demux;
pub mod payload;
pub mod rtcp;
pub mod rtcp_out;
pub mod rtp;
pub mod sequence;
pub mod stun;

/// What a parser refuses. The reason has a name; no text of the input is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WireError(pub &'static str);

/// Big-endian 16 bits at `at`.
#[inline]
pub fn be16(bytes: &[u8], at: usize) -> Option<u16> {
    let two = bytes.get(at..at + 2)?;
    Some(u16::from_be_bytes([two[0], two[1]]))
}

/// Big-endian 32 bits at `at`.
#[inline]
pub fn be32(bytes: &[u8], at: usize) -> Option<u32> {
    let four = bytes.get(at..at + 4)?;
    Some(u32::from_be_bytes([four[0], four[1], four[2], four[3]]))
}
