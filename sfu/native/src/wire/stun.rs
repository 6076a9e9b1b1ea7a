//! STUN connectivity checks (RFC 8489, RFC 8445 section 7), as an ICE-lite agent sees them.

use super::{be16, be32, WireError};
use std::net::{IpAddr, SocketAddr};

const COOKIE: u32 = 0x2112_A442;
const HEADER: usize = 20;
const USERNAME: u16 = 0x0006;
const MESSAGE_INTEGRITY: u16 = 0x0008;
const ERROR_CODE: u16 = 0x0009;
const XOR_MAPPED_ADDRESS: u16 = 0x0020;
const PRIORITY: u16 = 0x0024;
const USE_CANDIDATE: u16 = 0x0025;
const FINGERPRINT: u16 = 0x8028;
const ICE_CONTROLLED: u16 = 0x8029;
const ICE_CONTROLLING: u16 = 0x802A;
const INTEGRITY_BYTES: usize = 24;
const FINGERPRINT_BYTES: usize = 8;
const FINGERPRINT_XOR: u32 = 0x5354_554E;
/// RFC 8489 section 14.3.
const MAX_USERNAME_BYTES: usize = 513;
/// The largest response written here.
pub const MAX_RESPONSE_BYTES: usize = 128;

/// A well-formed check, not authenticated yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BindingRequest<'a> {
    /// Transaction id.
    pub transaction: [u8; 12],
    /// The part before the colon, ours.
    pub local: &'a str,
    /// The part behind it.
    pub remote: &'a str,
    /// USE-CANDIDATE is there.
    pub nominate: bool,
    /// The sender believes to be the controlled agent, as we are.
    pub controlled: bool,
}

/// Read a check: header, attributes, FINGERPRINT. Integrity is `integrity_ok`'s.
pub fn parse_binding_request(datagram: &[u8]) -> Result<BindingRequest<'_>, WireError> {
    let length = usize::from(be16(datagram, 2).ok_or(WireError("stun_short"))?);
    if datagram.len() < HEADER {
        return Err(WireError("stun_short"));
    }
    let shaped = be32(datagram, 4) == Some(COOKIE) && length % 4 == 0 && length == datagram.len() - HEADER;
    if !shaped {
        return Err(WireError("stun_header"));
    }
    if be16(datagram, 0) != Some(0x0001) {
        return Err(WireError("stun_not_binding_request"));
    }
    let mut username: Option<&str> = None;
    let (mut nominate, mut controlled) = (false, false);
    let mut integrity_seen = 0;
    let mut tail = [(0u16, 0usize); 2]; // the last two attributes: kind and size
    let (mut at, end) = (HEADER, datagram.len());
    while at < end {
        let kind = be16(datagram, at).ok_or(WireError("stun_attribute"))?;
        let size = usize::from(be16(datagram, at + 2).ok_or(WireError("stun_attribute"))?);
        let value = datagram.get(at + 4..at + 4 + size).ok_or(WireError("stun_attribute"))?;
        tail = [tail[1], (kind, size)];
        match kind {
            USERNAME if value.is_empty() || value.len() > MAX_USERNAME_BYTES => {
                return Err(WireError("stun_username"))
            }
            USERNAME => username = Some(std::str::from_utf8(value).map_err(|_| WireError("stun_username"))?),
            USE_CANDIDATE => nominate = true,
            ICE_CONTROLLING => controlled = false,
            ICE_CONTROLLED => controlled = true,
            PRIORITY if size != 4 => return Err(WireError("stun_priority_length")),
            MESSAGE_INTEGRITY => integrity_seen += 1,
            PRIORITY | XOR_MAPPED_ADDRESS => {}
            unknown if unknown < 0x8000 => return Err(WireError("stun_unknown_attribute")),
            _ => {}
        }
        at += 4 + size + (4 - size % 4) % 4;
    }
    if tail != [(MESSAGE_INTEGRITY, 20), (FINGERPRINT, 4)] || integrity_seen != 1 || at != end {
        return Err(WireError("stun_no_integrity"));
    }
    let covered = &datagram[..end - FINGERPRINT_BYTES];
    if be32(datagram, end - 4) != Some(crc32(covered) ^ FINGERPRINT_XOR) {
        return Err(WireError("stun_fingerprint"));
    }
    let (local, remote) = username
        .ok_or(WireError("stun_no_username"))?
        .split_once(':')
        .unwrap_or((username.unwrap_or_default(), ""));
    let mut transaction = [0; 12];
    transaction.copy_from_slice(&datagram[8..20]);
    Ok(BindingRequest { transaction, local, remote, nominate, controlled })
}

/// Whether MESSAGE-INTEGRITY is right for this password, compared in constant time (RFC 8489 section 14.5).
///
/// Expects what `parse_binding_request` has taken: the last attributes are MESSAGE-INTEGRITY and FINGERPRINT.
pub fn integrity_ok(datagram: &[u8], password: &ring::hmac::Key) -> bool {
    let Some(at) = datagram.len().checked_sub(FINGERPRINT_BYTES + INTEGRITY_BYTES) else { return false };
    if at < HEADER {
        return false;
    }
    let expected = integrity(&datagram[..at], password);
    let given = &datagram[at + 4..at + INTEGRITY_BYTES];
    expected.as_ref().iter().zip(given).fold(0u8, |acc, (a, b)| acc | (a ^ b)) == 0
}

/// Answer an authenticated check: where it came from (RFC 8489 section 14.2). Returns the size.
pub fn binding_success(
    out: &mut [u8; MAX_RESPONSE_BYTES],
    transaction: &[u8; 12],
    from: SocketAddr,
    password: &ring::hmac::Key,
) -> usize {
    let mut mask = [0u8; 16];
    mask[..4].copy_from_slice(&COOKIE.to_be_bytes());
    mask[4..].copy_from_slice(transaction);
    let mut value = [0u8; 20];
    value[2..4].copy_from_slice(&(from.port() ^ (COOKIE >> 16) as u16).to_be_bytes());
    let size = match from.ip() {
        IpAddr::V4(ip) => {
            value[1] = 1;
            value[4..8].iter_mut().zip(ip.octets()).zip(mask).for_each(|((o, a), m)| *o = a ^ m);
            8
        }
        IpAddr::V6(ip) => {
            value[1] = 2;
            value[4..20].iter_mut().zip(ip.octets()).zip(mask).for_each(|((o, a), m)| *o = a ^ m);
            20
        }
    };
    seal(out, 0x0101, transaction, (XOR_MAPPED_ADDRESS, &value[..size]), password)
}

/// Refuse an authenticated check (RFC 8489 section 14.8). `reason` is at most 32 bytes.
pub fn binding_error(
    out: &mut [u8; MAX_RESPONSE_BYTES],
    transaction: &[u8; 12],
    (code, reason): (u16, &str),
    password: &ring::hmac::Key,
) -> usize {
    let mut value = [0u8; 36];
    value[2] = (code / 100) as u8;
    value[3] = (code % 100) as u8;
    let size = reason.len().min(32);
    value[4..4 + size].copy_from_slice(&reason.as_bytes()[..size]);
    seal(out, 0x0111, transaction, (ERROR_CODE, &value[..4 + size]), password)
}

fn seal(
    out: &mut [u8; MAX_RESPONSE_BYTES],
    kind: u16,
    transaction: &[u8; 12],
    (attribute, value): (u16, &[u8]),
    password: &ring::hmac::Key,
) -> usize {
    out.fill(0);
    out[0..2].copy_from_slice(&kind.to_be_bytes());
    out[4..8].copy_from_slice(&COOKIE.to_be_bytes());
    out[8..20].copy_from_slice(transaction);
    out[20..22].copy_from_slice(&attribute.to_be_bytes());
    out[22..24].copy_from_slice(&(value.len() as u16).to_be_bytes());
    out[24..24 + value.len()].copy_from_slice(value);
    let at = 24 + value.len().div_ceil(4) * 4;
    let tag = integrity(&out[..at], password);
    out[at..at + 2].copy_from_slice(&MESSAGE_INTEGRITY.to_be_bytes());
    out[at + 2..at + 4].copy_from_slice(&20u16.to_be_bytes());
    out[at + 4..at + 24].copy_from_slice(tag.as_ref());
    let size = at + INTEGRITY_BYTES + FINGERPRINT_BYTES;
    out[2..4].copy_from_slice(&((size - HEADER) as u16).to_be_bytes());
    let check = crc32(&out[..at + 24]) ^ FINGERPRINT_XOR;
    out[at + 24..at + 26].copy_from_slice(&FINGERPRINT.to_be_bytes());
    out[at + 26..at + 28].copy_from_slice(&4u16.to_be_bytes());
    out[at + 28..at + 32].copy_from_slice(&check.to_be_bytes());
    size
}

/// HMAC-SHA1 with the length field as if MESSAGE-INTEGRITY were the last attribute.
fn integrity(before: &[u8], password: &ring::hmac::Key) -> ring::hmac::Tag {
    let length = (before.len() - HEADER + INTEGRITY_BYTES) as u16;
    let mut context = ring::hmac::Context::with_key(password);
    context.update(&before[..2]);
    context.update(&length.to_be_bytes());
    context.update(&before[4..]);
    context.sign()
}

/// CRC-32 of ISO 3309, as FINGERPRINT wants it (RFC 8489 section 14.7).
fn crc32(bytes: &[u8]) -> u32 {
    const TABLE: [u32; 256] = table();
    !bytes.iter().fold(!0u32, |crc, byte| TABLE[usize::from(crc as u8 ^ byte)] ^ (crc >> 8))
}

const fn table() -> [u32; 256] {
    let mut table = [0u32; 256];
    let mut index = 0;
    while index < 256 {
        let mut value = index as u32;
        let mut bit = 0;
        while bit < 8 {
            value = if value & 1 == 1 { 0xEDB8_8320 ^ (value >> 1) } else { value >> 1 };
            bit += 1;
        }
        table[index] = value;
        index += 1;
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// RFC 5769 section 2.1: sample request, its password and username "evtj:h6vY".
    const SAMPLE: &[u8] = b"\x00\x01\x00\x58\x21\x12\xa4\x42\xb7\xe7\xa7\x01\xbc\x34\xd6\x86\xfa\x87\xdf\xae\
\x80\x22\x00\x10STUN test client\x00\x24\x00\x04\x6e\x00\x01\xff\x80\x29\x00\x08\x93\x2f\xf9\xb1\x51\x26\x3b\x36\
\x00\x06\x00\x09\x65\x76\x74\x6a\x3a\x68\x36\x76\x59\x20\x20\x20\x00\x08\x00\x14\x9a\xea\xa7\x0c\xbf\xd8\xcb\x56\
\x78\x1e\xf2\xb5\xb2\xd3\xf2\x49\xc1\xb5\x71\xa2\x80\x28\x00\x04\xe5\x7a\x3b\xcf";

    fn key(password: &[u8]) -> ring::hmac::Key {
        ring::hmac::Key::new(ring::hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, password)
    }

    #[test]
    fn the_sample_of_rfc_5769() {
        let request = parse_binding_request(SAMPLE).unwrap();
        assert_eq!((request.local, request.remote, request.controlled), ("evtj", "h6vY", true));
        assert!(integrity_ok(SAMPLE, &key(b"VOkJxbRl1RmTxUk/WvJxBt")));
        assert!(!integrity_ok(SAMPLE, &key(b"VOkJxbRl1RmTxUk/WvJxBu")));
    }

    proptest! {
        #[test]
        fn a_flipped_bit_is_refused(at in 0usize..108, bit in 0u8..8) {
            let mut datagram = SAMPLE.to_vec();
            datagram[at] ^= 1 << bit;
            prop_assert!(parse_binding_request(&datagram).is_err());
        }

        #[test]
        fn any_bytes_have_an_answer(datagram in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = parse_binding_request(&datagram);
        }
    }
}
