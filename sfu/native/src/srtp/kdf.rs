//! Session keys from master keys (RFC 3711 section 4.3, RFC 7714 section 11).

use super::{Cipher, Profile};
use aes::cipher::{KeyIvInit, StreamCipher};

const MAX_KEY: usize = 32;
const SALT: usize = 14;

/// Ciphers for RTP and RTCP.
pub fn ciphers(profile: Profile, key_and_salt: &[u8]) -> Option<(Cipher, Cipher)> {
    let (key_bytes, salt_bytes) = profile.key_bytes();
    if key_and_salt.len() != key_bytes + salt_bytes {
        return None;
    }
    let (key, salt) = key_and_salt.split_at(key_bytes);
    // RFC 7714 section 11: the 96-bit salt is padded on the right to the 112 bits of RFC 3711.
    let mut master_salt = [0u8; SALT];
    master_salt[..salt_bytes].copy_from_slice(salt);
    let derive = |first_label: u8| {
        let mut session = [0u8; MAX_KEY];
        let mut session_salt = [0u8; SALT];
        let mut auth = [0u8; 20];
        prf(key, &master_salt, first_label, &mut session[..key_bytes]);
        prf(key, &master_salt, first_label + 1, &mut auth);
        prf(key, &master_salt, first_label + 2, &mut session_salt[..salt_bytes]);
        Cipher::new(profile, &session[..key_bytes], &auth, &session_salt[..salt_bytes])
    };
    Some((derive(0)?, derive(3)?))
}

/// AES-CM as the pseudo-random function (section 4.3.3); the key derivation rate is 0.
pub(super) fn prf(key: &[u8], salt: &[u8; SALT], label: u8, out: &mut [u8]) {
    let mut block = [0u8; 16];
    block[..SALT].copy_from_slice(salt);
    block[7] ^= label;
    out.fill(0);
    if key.len() == 32 {
        ctr::Ctr128BE::<aes::Aes256>::new(key.into(), &block.into()).apply_keystream(out);
    } else {
        ctr::Ctr128BE::<aes::Aes128>::new(key.into(), &block.into()).apply_keystream(out);
    }
}
