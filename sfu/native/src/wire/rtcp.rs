//! RTCP in: compound packets (RFC 3550 section 6, RFC 4585, RFC 5104), member by member, nothing copied.

use super::{be16, be32, WireError};

/// Sequence numbers one NACK may ask for. A whole compound could ask for thousands.
pub const MAX_NACKED: usize = 1024;
/// Packets that the transport feedback of one compound may report on: sixteen bytes of run lengths can claim
/// 65 528 and there is room for forty such members; libwebrtc reports on some hundred.
pub const MAX_STATUSES: usize = 8192;
/// Members read of one compound; the rest counts as its bad tail.
pub const MAX_MEMBERS: usize = 64;
const BLOCK_BYTES: usize = 24;

/// One member of a compound.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Member<'a> {
    /// SR (RFC 3550 section 6.4.1).
    SenderReport {
        /// Whose.
        ssrc: u32,
        /// 32.32 fixed point seconds since 1900.
        ntp: u64,
        /// RTP time of the same moment.
        rtp: u32,
        /// Reception report blocks.
        blocks: &'a [u8],
    },
    /// RR (RFC 3550 section 6.4.2).
    ReceiverReport {
        /// Reception report blocks.
        blocks: &'a [u8],
    },
    /// BYE (RFC 3550 section 6.6): SSRCs of four bytes each.
    Bye(&'a [u8]),
    /// Generic NACK (RFC 4585 section 6.2.1).
    Nack {
        /// The stream asked for.
        media: u32,
        /// Pairs of PID and BLP.
        fci: &'a [u8],
    },
    /// PLI (RFC 4585 section 6.3.1).
    Pli {
        /// The stream asked for.
        media: u32,
    },
    /// FIR (RFC 5104 section 4.3.1): entries of eight bytes.
    Fir(&'a [u8]),
    /// Transport-wide feedback on this many packets.
    TransportFeedback {
        /// Packets reported on.
        statuses: usize,
    },
    /// A member we do not read.
    Other,
}

/// One reception report block, as far as we read it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Block {
    /// The stream reported on.
    pub ssrc: u32,
    /// Middle 32 bits of the NTP time of our last sender report.
    pub last_sr: u32,
    /// In 1/65536 s.
    pub delay: u32,
}

/// The blocks of a report.
pub fn blocks(raw: &[u8]) -> impl Iterator<Item = Block> + '_ {
    raw.chunks_exact(BLOCK_BYTES).map(|block| Block {
        ssrc: be32(block, 0).unwrap_or(0),
        last_sr: be32(block, 16).unwrap_or(0),
        delay: be32(block, 20).unwrap_or(0),
    })
}

/// The sequence numbers of a NACK, at most `MAX_NACKED`.
pub fn lost(fci: &[u8]) -> impl Iterator<Item = u16> + '_ {
    fci.chunks_exact(4)
        .flat_map(|pair| {
            let (first, following) = (be16(pair, 0).unwrap_or(0), be16(pair, 2).unwrap_or(0));
            let more = (0..16).filter(move |bit| following >> bit & 1 == 1);
            std::iter::once(first).chain(more.map(move |bit| first.wrapping_add(bit + 1)))
        })
        .take(MAX_NACKED)
}

/// Walks one (compound or reduced-size, RFC 5506) datagram.
pub struct Members<'a> {
    datagram: &'a [u8],
    at: usize,
    read: usize,
    statuses: usize,
    /// There was a member that could not be read; nothing behind it was.
    pub truncated: bool,
}

impl<'a> Members<'a> {
    /// Begin. Fails when not even one header is there.
    pub fn of(datagram: &'a [u8]) -> Result<Self, WireError> {
        if datagram.len() < 8 {
            return Err(WireError("rtcp_short"));
        }
        Ok(Self { datagram, at: 0, read: 0, statuses: 0, truncated: false })
    }

    fn member(&mut self) -> Option<Member<'a>> {
        let rest = &self.datagram[self.at..];
        if rest.len() < 4 || self.read == MAX_MEMBERS {
            return None;
        }
        let (first, kind) = (rest[0], rest[1]);
        let end = 4 * (usize::from(be16(rest, 2)?) + 1);
        if first >> 6 != 2 {
            return None;
        }
        let mut body = rest.get(4..end)?;
        if first & 0x20 != 0 {
            let padding = usize::from(*body.last()?);
            if padding == 0 || padding > body.len() {
                return None;
            }
            body = &body[..body.len() - padding];
        }
        let found = read(kind, first & 0x1F, body)?;
        if let Member::TransportFeedback { statuses } = found {
            self.statuses += statuses;
            if self.statuses > MAX_STATUSES {
                return None;
            }
        }
        self.at += end;
        self.read += 1;
        Some(found)
    }
}

impl<'a> Iterator for Members<'a> {
    type Item = Member<'a>;

    fn next(&mut self) -> Option<Member<'a>> {
        if self.truncated || self.at >= self.datagram.len() {
            return None;
        }
        let found = self.member();
        self.truncated = found.is_none();
        found
    }
}

fn read(kind: u8, count: u8, body: &[u8]) -> Option<Member<'_>> {
    let count = usize::from(count);
    match kind {
        200 => Some(Member::SenderReport {
            ssrc: be32(body, 0)?,
            ntp: u64::from(be32(body, 4)?) << 32 | u64::from(be32(body, 8)?),
            rtp: be32(body, 12)?,
            blocks: body.get(24..24 + BLOCK_BYTES * count)?,
        }),
        201 => Some(Member::ReceiverReport { blocks: body.get(4..4 + BLOCK_BYTES * count)? }),
        203 => Some(Member::Bye(body.get(..4 * count)?)),
        205 | 206 => feedback(kind, count, body),
        _ => Some(Member::Other),
    }
}

fn feedback(kind: u8, fmt: usize, body: &[u8]) -> Option<Member<'_>> {
    let media = be32(body, 4)?;
    let fci = &body[8..];
    match (kind, fmt) {
        (205, 1) => (fci.len().is_multiple_of(4)).then_some(Member::Nack { media, fci }),
        (205, 15) => Some(Member::TransportFeedback { statuses: statuses(fci)? }),
        (206, 1) => Some(Member::Pli { media }),
        (206, 4) => Some(Member::Fir(&fci[..fci.len() / 8 * 8])),
        (206, 15) if fci.starts_with(b"REMB") => {
            fci.get(8..8 + 4 * usize::from(*fci.get(4)?))?;
            Some(Member::Other)
        }
        _ => Some(Member::Other),
    }
}

/// How many packets transport-wide feedback reports on, None where it does not hold together
/// (draft-holmer-rmcat-transport-wide-cc-extensions-01, section 3.1).
fn statuses(fci: &[u8]) -> Option<usize> {
    let count = usize::from(be16(fci, 2)?);
    fci.get(..8)?;
    if count > MAX_STATUSES {
        return None;
    }
    let (mut at, mut seen, mut delta_bytes) = (8, 0usize, 0usize);
    let weigh = |symbol: u16| usize::from(if symbol < 3 { symbol } else { 0 });
    while seen < count {
        let chunk = be16(fci, at)?;
        at += 2;
        if chunk & 0x8000 == 0 {
            let run = usize::from(chunk & 0x1FFF).min(count - seen);
            if run == 0 {
                return None;
            }
            delta_bytes += run * weigh(chunk >> 13 & 3);
            seen += run;
            continue;
        }
        let (width, symbols) = if chunk & 0x4000 != 0 { (2, 7) } else { (1, 14) };
        for index in 0..symbols {
            if seen < count {
                let shift = (14 - width) - width * index;
                delta_bytes += weigh(chunk >> shift & ((1 << width) - 1));
                seen += 1;
            }
        }
    }
    (fci.len() >= at + delta_bytes).then_some(count)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn any_bytes_have_an_answer(datagram in prop::collection::vec(any::<u8>(), 0..300)) {
            if let Ok(mut members) = Members::of(&datagram) {
                let mut read = 0;
                for member in members.by_ref() {
                    read += 1;
                    match member {
                        Member::SenderReport { blocks: raw, .. } | Member::ReceiverReport { blocks: raw } => {
                            prop_assert!(blocks(raw).count() <= 31);
                        }
                        Member::Nack { fci, .. } => prop_assert!(lost(fci).count() <= MAX_NACKED),
                        _ => {}
                    }
                }
                prop_assert!(read <= MAX_MEMBERS);
            }
        }
    }

    #[test]
    fn a_nack_expands() {
        let fci = [0xFF, 0xFF, 0x80, 0x01];
        assert_eq!(lost(&fci).collect::<Vec<_>>(), [0xFFFF, 0, 15]);
    }

    #[test]
    fn run_lengths_that_claim_too_much_are_refused() {
        let mut datagram = vec![0x8F, 205, 0, 4];
        datagram.extend_from_slice(&[0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0xFF, 0xFF, 0, 0, 0, 0]);
        let mut members = Members::of(&datagram).unwrap();
        assert_eq!(members.next(), None);
        assert!(members.truncated);
    }
}
