//! Vectors of RFC 3711 and RFC 7714, and what a window must hold.

use super::*;
use proptest::prelude::*;

fn bytes(hex: &str) -> Vec<u8> {
    let digits: Vec<u8> = hex.bytes().filter(u8::is_ascii_hexdigit).collect();
    digits.chunks(2).map(|p| u8::from_str_radix(std::str::from_utf8(p).unwrap(), 16).unwrap()).collect()
}

/// RFC 3711 appendix B.3: key derivation.
#[test]
fn key_derivation_of_rfc_3711() {
    let key = bytes("E1F97A0D3E018BE0D64FA32C06DE4139");
    let salt: [u8; 14] = bytes("0EC675AD498AFEEBB6960B3AABE6").try_into().unwrap();
    let mut session = [0u8; 16];
    kdf::prf(&key, &salt, 0, &mut session);
    assert_eq!(session.to_vec(), bytes("C61E7A93744F39EE10734AFE3FF7A087"));
    let mut session_salt = [0u8; 14];
    kdf::prf(&key, &salt, 2, &mut session_salt);
    assert_eq!(session_salt.to_vec(), bytes("30CBBC08863D8C85D49DB34A9AE1"));
    let mut auth = [0u8; 20];
    kdf::prf(&key, &salt, 1, &mut auth);
    assert_eq!(auth.to_vec(), bytes("CEBE321F6FF7716B6FD4AB49AF256A156D38BAA4"));
}

/// RFC 7714 section 16.1.1: SRTP AEAD_AES_128_GCM, with its session key and salt.
#[test]
fn gcm_of_rfc_7714() {
    let cipher = Cipher::new(
        Profile::Gcm128,
        &bytes("000102030405060708090a0b0c0d0e0f"),
        &[],
        &bytes("517569642070726f2071756f"),
    )
    .unwrap();
    let mut packet = bytes(
        "8040f17b 8041f8d3 5501a0b2 47616c6c 69612065 7374206f 6d6e6973 20646976 69736120 696e2070 61727465 73207472 6573",
    );
    let size = packet.len();
    packet.resize(size + 16, 0);
    assert_eq!(cipher.seal_rtp(&mut packet, 12, size, 0xf17b), Ok(size + 16));
    let wanted = bytes(
        "8040f17b 8041f8d3 5501a0b2 f24de3a3 fb34de6c acba861c 9d7e4bca be633bd5 0d294e6f 42a5f47a 51c7d19b 36de3adf 8833899d 7f27beb1 6a9152cf 765ee439 0cce",
    );
    assert_eq!(packet, wanted);
    assert_eq!(cipher.open_rtp(&mut packet, 12, 0xf17b), Ok(size));
}

/// RFC 3711 appendix B.2: AES-CM keystream; index 0, SSRC 0.
#[test]
fn counter_mode_of_rfc_3711() {
    let cipher = Cipher::new(
        Profile::CmSha1,
        &bytes("2B7E151628AED2A6ABF7158809CF4F3C"),
        &[0; 20],
        &bytes("F0F1F2F3F4F5F6F7F8F9FAFBFCFD"),
    )
    .unwrap();
    let mut packet = vec![0u8; 12 + 16 + 10];
    packet[0] = 0x80;
    assert_eq!(cipher.seal_rtp(&mut packet, 12, 28, 0), Ok(38));
    assert_eq!(packet[12..28].to_vec(), bytes("E03EAD0935C95E80E166B16DD92B4EB4"));
}

fn pair(profile: Profile) -> (Inbound, Outbound) {
    let (key, salt) = profile.key_bytes();
    let material: Vec<u8> = (0..(key + salt) as u8).collect();
    (Inbound::new(profile, &material).unwrap(), Outbound::new(profile, &material).unwrap())
}

const PROFILES: [Profile; 3] = [Profile::Gcm128, Profile::Gcm256, Profile::CmSha1];

proptest! {
    #[test]
    fn what_is_sealed_opens_once_and_a_flipped_bit_never(
        which in 0usize..3, body in prop::collection::vec(any::<u8>(), 0..300), seq in any::<u16>(), flip in any::<u16>(),
    ) {
        let (inbound, outbound) = pair(PROFILES[which]);
        let mut packet = vec![0x80, 96, (seq >> 8) as u8, seq as u8, 0, 0, 0, 1, 0, 0, 0, 9];
        packet.extend_from_slice(&body);
        let plain = packet.clone();
        let size = packet.len();
        packet.resize(size + 16, 0);
        let sealed = outbound.seal_rtp(&mut packet, 12, size, u64::from(seq)).unwrap();
        packet.truncate(sealed);
        let mut bad = packet.clone();
        let at = usize::from(flip) / 8 % sealed;
        bad[at] ^= 1 << (flip % 8);
        let mut stream = RxStream::default();
        let flipped_seq = u16::from_be_bytes([bad[2], bad[3]]);
        prop_assert_eq!(inbound.open_rtp(&mut stream, &mut bad, 12, flipped_seq), Err(SrtpError::AuthFailed));
        let mut again = packet.clone();
        prop_assert_eq!(inbound.open_rtp(&mut stream, &mut packet, 12, seq), Ok(size));
        prop_assert_eq!(&packet[..size], &plain[..]);
        prop_assert_eq!(inbound.open_rtp(&mut stream, &mut again, 12, seq), Err(SrtpError::Replayed));
    }

    #[test]
    fn rtcp_opens_once(which in 0usize..3, body in prop::collection::vec(any::<u8>(), 0..200)) {
        let (inbound, mut outbound) = pair(PROFILES[which]);
        let mut packet = vec![0x80, 200, 0, 1, 0, 0, 0, 9];
        packet.extend_from_slice(&body);
        let plain = packet.clone();
        packet.resize(plain.len() + MAX_OVERHEAD, 0);
        let sealed = outbound.seal_rtcp(&mut packet, plain.len()).unwrap();
        packet.truncate(sealed);
        let mut window = RtcpWindow::default();
        let mut clear = packet.clone();
        let word_at = if which == 2 { sealed - 14 } else { sealed - 4 };
        clear[word_at] &= 0x7F; // authenticated only
        prop_assert_eq!(inbound.open_rtcp(&mut window, &mut clear), Err(SrtpError::AuthFailed));
        let mut again = packet.clone();
        prop_assert_eq!(inbound.open_rtcp(&mut window, &mut packet), Ok(plain.len()));
        prop_assert_eq!(&packet[..plain.len()], &plain[..]);
        prop_assert_eq!(inbound.open_rtcp(&mut window, &mut again), Err(SrtpError::Replayed));
    }

    #[test]
    fn indices_follow_wraps_and_reordering(start in any::<u16>(), steps in prop::collection::vec(-60i64..200, 1..2000)) {
        let mut stream = RxStream::default();
        let base = u64::from(start);
        stream.accept(stream.estimate(start));
        let mut seen = std::collections::HashSet::from([base]);
        let mut top = base;
        for step in steps {
            let index = top.saturating_add_signed(step).max(base);
            prop_assert_eq!(stream.estimate((index & 0xFFFF) as u16), index);
            let fresh = top.saturating_sub(index) < 1024 && seen.insert(index);
            prop_assert_eq!(stream.is_new(index), fresh);
            if fresh {
                stream.accept(index);
                top = top.max(index);
            }
        }
    }
}
