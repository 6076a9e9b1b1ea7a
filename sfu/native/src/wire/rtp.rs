//! RTP headers (RFC 3550 section 5.1) and header extensions (RFC 8285).

use super::{be16, be32, WireError};

/// Bytes of the fixed header.
pub const HEADER_BYTES: usize = 12;

/// The fixed header and where the rest begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// Marker bit.
    pub marker: bool,
    /// Payload type.
    pub pt: u8,
    /// Sequence number.
    pub seq: u16,
    /// RTP timestamp.
    pub ts: u32,
    /// Synchronization source.
    pub ssrc: u32,
    /// Where the extension elements begin and end; equal when there are none.
    pub ext: (u16, u16),
    /// Two-byte form of the elements.
    pub ext_long: bool,
    /// Where the payload begins.
    pub payload_at: u16,
    /// Whether the last byte counts padding.
    pub padded: bool,
}

/// Read a header. Extensions and payload stay where they are.
#[inline]
pub fn parse_header(packet: &[u8]) -> Result<Header, WireError> {
    if packet.len() < HEADER_BYTES {
        return Err(WireError("rtp_short"));
    }
    let (first, second) = (packet[0], packet[1]);
    if first >> 6 != 2 {
        return Err(WireError("rtp_version"));
    }
    let mut at = HEADER_BYTES + 4 * usize::from(first & 0x0F);
    if packet.len() < at {
        return Err(WireError("rtp_csrc"));
    }
    let (mut ext, mut ext_long) = ((0u16, 0u16), false);
    if first & 0x10 != 0 {
        let profile = be16(packet, at).ok_or(WireError("rtp_extension"))?;
        let words = be16(packet, at + 2).ok_or(WireError("rtp_extension"))?;
        let end = at + 4 + 4 * usize::from(words);
        if packet.len() < end || end > usize::from(u16::MAX) {
            return Err(WireError("rtp_extension"));
        }
        ext_long = profile & 0xFFF0 == 0x1000;
        if profile == 0xBEDE || ext_long {
            ext = ((at + 4) as u16, end as u16);
        }
        at = end;
    }
    Ok(Header {
        marker: second >= 0x80,
        pt: second & 0x7F,
        seq: u16::from_be_bytes([packet[2], packet[3]]),
        ts: be32(packet, 4).unwrap_or(0),
        ssrc: be32(packet, 8).unwrap_or(0),
        ext,
        ext_long,
        payload_at: at as u16,
        padded: first & 0x20 != 0,
    })
}

/// Where the payload ends: before the padding (section 5.1). The packet must be decrypted.
#[inline]
pub fn payload_end(packet: &[u8], header: &Header) -> Result<usize, WireError> {
    if !header.padded {
        return Ok(packet.len());
    }
    let padding = usize::from(packet[packet.len() - 1]);
    if padding == 0 || padding > packet.len() - usize::from(header.payload_at) {
        return Err(WireError("rtp_padding"));
    }
    Ok(packet.len() - padding)
}

/// Walks over extension elements: (id, start, end) of each.
pub struct Elements<'a> {
    packet: &'a [u8],
    at: usize,
    end: usize,
    long: bool,
}

impl<'a> Elements<'a> {
    /// The elements of a parsed header.
    #[inline]
    pub fn of(packet: &'a [u8], header: &Header) -> Self {
        Self { packet, at: usize::from(header.ext.0), end: usize::from(header.ext.1), long: header.ext_long }
    }
}

impl Iterator for Elements<'_> {
    type Item = Result<(u8, usize, usize), WireError>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        while self.at < self.end {
            let head = self.packet[self.at];
            self.at += 1;
            if head == 0 {
                continue;
            }
            let (id, start, size) = if self.long {
                if self.at >= self.end {
                    self.at = self.end;
                    return Some(Err(WireError("rtp_extension")));
                }
                (head, self.at + 1, usize::from(self.packet[self.at]))
            } else {
                if head >> 4 == 15 {
                    self.at = self.end; // RFC 8285 section 4.2: stop here
                    return None;
                }
                (head >> 4, self.at, usize::from(head & 0x0F) + 1)
            };
            if start + size > self.end {
                self.at = self.end;
                return Some(Err(WireError("rtp_extension")));
            }
            self.at = start + size;
            return Some(Ok((id, start, start + size)));
        }
        None
    }
}

/// Writes the extension block of an egress header. At most three elements, as the seat has.
#[inline]
pub fn write_extensions(out: &mut [u8], elements: &[(u8, &[u8])]) -> usize {
    if elements.is_empty() {
        return 0;
    }
    let short = elements.iter().all(|(id, value)| (1..=14).contains(id) && (1..=16).contains(&value.len()));
    let mut at = 4;
    for (id, value) in elements {
        if short {
            out[at] = id << 4 | (value.len() - 1) as u8;
            at += 1;
        } else {
            out[at] = *id;
            out[at + 1] = value.len() as u8;
            at += 2;
        }
        out[at..at + value.len()].copy_from_slice(value);
        at += value.len();
    }
    while at % 4 != 0 {
        out[at] = 0;
        at += 1;
    }
    let profile: u16 = if short { 0xBEDE } else { 0x1000 };
    out[0..2].copy_from_slice(&profile.to_be_bytes());
    out[2..4].copy_from_slice(&(((at - 4) / 4) as u16).to_be_bytes());
    at
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn any_bytes_have_an_answer(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            if let Ok(header) = parse_header(&bytes) {
                for element in Elements::of(&bytes, &header).flatten() {
                    prop_assert!(element.1 <= element.2 && element.2 <= bytes.len());
                }
                if let Ok(end) = payload_end(&bytes, &header) {
                    prop_assert!(end >= usize::from(header.payload_at) && end <= bytes.len());
                }
            }
        }

        #[test]
        fn what_is_written_reads_back(
            ids in prop::collection::vec(1u8..=255, 1..4),
            sizes in prop::collection::vec(1usize..40, 3),
        ) {
            let value = [7u8; 40];
            let elements: Vec<(u8, &[u8])> =
                ids.iter().zip(&sizes).map(|(id, size)| (*id, &value[..*size])).collect();
            let mut packet = [0u8; 256];
            packet[0] = 0x90;
            let size = write_extensions(&mut packet[12..], &elements);
            let header = parse_header(&packet[..12 + size]).unwrap();
            let read: Vec<(u8, usize)> =
                Elements::of(&packet, &header).map(|e| e.unwrap()).map(|(id, a, b)| (id, b - a)).collect();
            let wanted: Vec<(u8, usize)> = elements.iter().map(|(id, v)| (*id, v.len())).collect();
            prop_assert_eq!(read, wanted);
        }
    }
}
