//! Which protocol a datagram belongs to (RFC 7983).

/// Where a datagram goes next. A route, not a verdict: it may still fail to parse.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// STUN (RFC 8489).
    Stun,
    /// DTLS (RFC 6347).
    Dtls,
    /// RTP (RFC 3550).
    Rtp,
    /// RTCP, by its packet type (RFC 5761 section 4).
    Rtcp,
    /// Anything not clearly ours.
    Unknown,
}

/// Tell which protocol a datagram belongs to, from its first two bytes and its length (RFC 7983 section 7).
#[inline]
pub fn classify(datagram: &[u8]) -> Kind {
    let size = datagram.len();
    if size < 8 {
        return Kind::Unknown;
    }
    let route = |long_enough: bool, kind: Kind| if long_enough { kind } else { Kind::Unknown };
    match datagram[0] {
        0..=3 => route(size >= 20, Kind::Stun),
        20..=63 => route(size >= 13, Kind::Dtls),
        128..=191 if (192..224).contains(&datagram[1]) => Kind::Rtcp,
        128..=191 => route(size >= 12, Kind::Rtp),
        _ => Kind::Unknown,
    }
}

/// Whether a datagram is a row of whole DTLS records (RFC 6347 section 4.1).
pub fn well_formed_dtls(datagram: &[u8]) -> bool {
    let (mut at, size) = (0, datagram.len());
    while at < size {
        if size - at < 13 || !(20..26).contains(&datagram[at]) || datagram[at + 1] != 0xFE {
            return false;
        }
        at += 13 + (usize::from(datagram[at + 11]) << 8 | usize::from(datagram[at + 12]));
    }
    at == size && size > 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges() {
        let mut datagram = [0u8; 40];
        for first in 0..=255u8 {
            datagram[0] = first;
            let wanted = match first {
                0..=3 => Kind::Stun,
                20..=63 => Kind::Dtls,
                128..=191 => Kind::Rtp,
                _ => Kind::Unknown,
            };
            assert_eq!(classify(&datagram), wanted);
        }
        datagram[0] = 128;
        datagram[1] = 200;
        assert_eq!(classify(&datagram), Kind::Rtcp);
        assert_eq!(classify(&datagram[..7]), Kind::Unknown);
    }

    #[test]
    fn rows_of_records() {
        let mut record = vec![22, 0xFE, 0xFD, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 1, 1];
        assert!(well_formed_dtls(&record));
        record.extend_from_slice(&record.clone());
        assert!(well_formed_dtls(&record));
        record.pop();
        assert!(!well_formed_dtls(&record));
        assert!(!well_formed_dtls(&[]));
    }
}
