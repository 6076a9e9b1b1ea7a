//! RTP payload descriptors: what a forwarder may know of a frame without opening it.
//!
//! Under end-to-end encryption the descriptor is in clear and what follows it is the client's: for VP8 the
//! shim's first byte keeps the P bit of RFC 6386 section 9.1 (0: key frame), see docs/e2ee.md.

use super::{be16, WireError};

/// Picture id and TL0PICIDX of a VP8 or VP9 descriptor, and where they stand in the payload.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Pictures {
    /// Picture id and its offset.
    pub picture_id: Option<(u16, u8)>,
    /// Whether the picture id has 15 bits.
    pub long: bool,
    /// TL0PICIDX and its offset.
    pub tl0: Option<(u8, u8)>,
    /// Temporal layer.
    pub temporal: u8,
    /// This packet begins a key frame.
    pub key_start: bool,
}

const VP8_SHORT: WireError = WireError("vp8_short");
const VP9_SHORT: WireError = WireError("vp9_short");

fn picture_id(payload: &[u8], at: usize, found: &mut Pictures, short: WireError) -> Result<usize, WireError> {
    let head = *payload.get(at).ok_or(short)?;
    if head & 0x80 != 0 {
        found.picture_id = Some((be16(payload, at).ok_or(short)? & 0x7FFF, at as u8));
        found.long = true;
        return Ok(at + 2);
    }
    found.picture_id = Some((u16::from(head), at as u8));
    Ok(at + 1)
}

/// VP8 (RFC 7741 section 4.2).
pub fn parse_vp8(payload: &[u8]) -> Result<Pictures, WireError> {
    let byte = |at: usize| payload.get(at).copied().ok_or(VP8_SHORT);
    let mut found = Pictures::default();
    let first = byte(0)?;
    let mut at = 1;
    if first & 0x80 != 0 {
        let flags = byte(1)?;
        at = 2;
        if flags & 0x80 != 0 {
            at = picture_id(payload, at, &mut found, VP8_SHORT)?;
        }
        if flags & 0x40 != 0 {
            found.tl0 = Some((byte(at)?, at as u8));
            at += 1;
        }
        if flags & 0x30 != 0 {
            let layer = byte(at)? >> 6;
            found.temporal = if flags & 0x20 != 0 { layer } else { 0 };
            at += 1;
        }
    }
    if first & 0x17 == 0x10 {
        found.key_start = byte(at)? & 1 == 0;
    }
    Ok(found)
}

/// VP9 (RFC 9628 section 4.2), up to where we need it.
pub fn parse_vp9(payload: &[u8]) -> Result<Pictures, WireError> {
    let byte = |at: usize| payload.get(at).copied().ok_or(VP9_SHORT);
    let mut found = Pictures::default();
    let first = byte(0)?;
    let mut at = 1;
    if first & 0x80 != 0 {
        at = picture_id(payload, at, &mut found, VP9_SHORT)?;
    }
    let mut spatial = 0;
    if first & 0x20 != 0 {
        let layers = byte(at)?;
        found.temporal = layers >> 5;
        spatial = layers >> 1 & 7;
        at += 1;
        if first & 0x10 == 0 {
            found.tl0 = Some((byte(at)?, at as u8)); // non-flexible mode carries it
        }
    }
    found.key_start = first & 0x08 != 0 && first & 0x40 == 0 && spatial == 0;
    Ok(found)
}

/// AV1: whether this packet begins a new coded video sequence, N bit (AV1 RTP specification 4.4).
pub fn av1_key_start(payload: &[u8]) -> bool {
    payload.first().is_some_and(|head| head & 0x88 == 0x08)
}

/// H.264: an SPS or the start of an IDR slice (RFC 6184 section 5.2).
pub fn h264_key_start(payload: &[u8]) -> Result<bool, WireError> {
    let kind = payload.first().ok_or(WireError("h264_short"))? & 0x1F;
    match kind {
        24 => {
            let mut at = 1;
            while at + 2 < payload.len() {
                if matches!(payload[at + 2] & 0x1F, 5 | 7) {
                    return Ok(true);
                }
                at += 2 + usize::from(be16(payload, at).unwrap_or(0));
            }
            Ok(false)
        }
        28 => {
            let second = *payload.get(1).ok_or(WireError("h264_short"))?;
            Ok(second & 0x80 != 0 && matches!(second & 0x1F, 5 | 7))
        }
        _ => Ok(matches!(kind, 5 | 7)),
    }
}

/// Put other numbers where the payload has any (SEATS R9). Same length.
#[inline]
pub fn renumber(payload: &mut [u8], found: &Pictures, picture_id: Option<u16>, tl0: Option<u8>) {
    if let (Some((_, at)), Some(number)) = (found.picture_id, picture_id) {
        let at = usize::from(at);
        if found.long {
            payload[at] = 0x80 | (number >> 8) as u8 & 0x7F;
            payload[at + 1] = number as u8;
        } else {
            payload[at] = number as u8 & 0x7F;
        }
    }
    if let (Some((_, at)), Some(number)) = (found.tl0, tl0) {
        payload[usize::from(at)] = number;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn any_bytes_have_an_answer_and_renumber(mut bytes in prop::collection::vec(any::<u8>(), 0..40)) {
            let _ = h264_key_start(&bytes);
            let _ = av1_key_start(&bytes);
            for parse in [parse_vp8, parse_vp9] {
                let Ok(found) = parse(&bytes) else { continue };
                renumber(&mut bytes, &found, Some(0x1234), Some(9));
                let Ok(again) = parse(&bytes) else { continue };
                if let Some((number, _)) = again.picture_id {
                    prop_assert_eq!(number, if found.long { 0x1234 } else { 0x34 });
                }
            }
        }
    }
}
