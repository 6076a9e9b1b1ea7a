//! The transforms: AES-GCM (RFC 7714) and AES counter mode with HMAC-SHA1-80 (RFC 3711).

use super::{Profile, SrtpError};
use aes::cipher::{KeyIvInit, StreamCipher};
use ring::{aead, hmac};

const GCM_TAG: usize = 16;
const SHA1_TAG: usize = 10;
const INDEX_WORD: usize = 4;
const RTCP_HEADER: usize = 8;
const ENCRYPTED: u32 = 1 << 31;

/// Session key, salt and, where the mode needs one, authentication key.
pub enum Cipher {
    /// AES-GCM.
    Gcm {
        /// Session key.
        key: Box<aead::LessSafeKey>,
        /// Session salt.
        salt: [u8; 12],
    },
    /// AES-CM with HMAC-SHA1.
    Cm {
        /// Session key.
        key: [u8; 16],
        /// Session salt.
        salt: [u8; 14],
        /// Authentication key.
        auth: Box<hmac::Key>,
    },
}

impl Cipher {
    pub(super) fn new(profile: Profile, key: &[u8], auth: &[u8], salt: &[u8]) -> Option<Self> {
        let algorithm = match profile {
            Profile::Gcm128 => &aead::AES_128_GCM,
            Profile::Gcm256 => &aead::AES_256_GCM,
            Profile::CmSha1 => {
                return Some(Self::Cm {
                    key: key.try_into().ok()?,
                    salt: salt.try_into().ok()?,
                    auth: Box::new(hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, auth)),
                })
            }
        };
        let key = Box::new(aead::LessSafeKey::new(aead::UnboundKey::new(algorithm, key).ok()?));
        Some(Self::Gcm { key, salt: salt.try_into().ok()? })
    }

    /// Open RTP in place; returns where the plain packet ends.
    #[inline]
    pub(super) fn open_rtp(&self, packet: &mut [u8], header: usize, index: u64) -> Result<usize, SrtpError> {
        match self {
            Self::Gcm { key, salt } => {
                let end = packet.len().checked_sub(GCM_TAG).filter(|end| *end >= header);
                let end = end.ok_or(SrtpError::AuthFailed)?;
                let nonce = gcm_nonce_rtp(salt, &packet[8..12], index);
                let (head, body) = packet.split_at_mut(header);
                key.open_in_place(nonce, aead::Aad::from(&*head), body).map_err(|_| SrtpError::AuthFailed)?;
                Ok(end)
            }
            Self::Cm { key, salt, auth } => {
                let end = packet.len().checked_sub(SHA1_TAG).filter(|end| *end >= header);
                let end = end.ok_or(SrtpError::AuthFailed)?;
                let mut context = hmac::Context::with_key(auth);
                context.update(&packet[..end]);
                context.update(&((index >> 16) as u32).to_be_bytes());
                check(context.sign().as_ref(), &packet[end..])?;
                cm(key, salt, ssrc(packet, 8), index, &mut packet[header..end]);
                Ok(end)
            }
        }
    }

    /// Seal `packet[..size]` in place; the buffer has room for the tag.
    #[inline]
    pub(super) fn seal_rtp(
        &self,
        packet: &mut [u8],
        header: usize,
        size: usize,
        index: u64,
    ) -> Result<usize, SrtpError> {
        match self {
            Self::Gcm { key, salt } => {
                let whole = packet.get_mut(..size + GCM_TAG).ok_or(SrtpError::NoRoom)?;
                let nonce = gcm_nonce_rtp(salt, &whole[8..12], index);
                let (head, rest) = whole.split_at_mut(header);
                let (body, room) = rest.split_at_mut(size - header);
                let tag = key
                    .seal_in_place_separate_tag(nonce, aead::Aad::from(&*head), body)
                    .map_err(|_| SrtpError::NoRoom)?;
                room.copy_from_slice(tag.as_ref());
                Ok(size + GCM_TAG)
            }
            Self::Cm { key, salt, auth } => {
                let whole = packet.get_mut(..size + SHA1_TAG).ok_or(SrtpError::NoRoom)?;
                cm(key, salt, ssrc(whole, 8), index, &mut whole[header..size]);
                let mut context = hmac::Context::with_key(auth);
                context.update(&whole[..size]);
                context.update(&((index >> 16) as u32).to_be_bytes());
                whole[size..].copy_from_slice(&context.sign().as_ref()[..SHA1_TAG]);
                Ok(size + SHA1_TAG)
            }
        }
    }

    /// Open RTCP in place; returns its index and where the plain datagram ends.
    ///
    /// An SRTCP packet that is only authenticated (E bit 0) is refused: nobody we negotiate with sends one.
    pub(super) fn open_rtcp(
        &self,
        packet: &mut [u8],
        is_new: impl FnOnce(u32) -> bool,
    ) -> Result<(u32, usize), SrtpError> {
        let tag = match self {
            Self::Gcm { .. } => GCM_TAG,
            Self::Cm { .. } => SHA1_TAG,
        };
        if packet.len() < RTCP_HEADER + INDEX_WORD + tag {
            return Err(SrtpError::AuthFailed);
        }
        let word_at = packet.len() - INDEX_WORD - if matches!(self, Self::Cm { .. }) { SHA1_TAG } else { 0 };
        let word = ssrc(packet, word_at);
        let index = word & !ENCRYPTED;
        if word & ENCRYPTED == 0 {
            return Err(SrtpError::AuthFailed);
        }
        if !is_new(index) {
            return Err(SrtpError::Replayed);
        }
        match self {
            Self::Gcm { key, salt } => {
                let nonce = gcm_nonce_rtcp(salt, &packet[4..8], index);
                let mut aad = [0u8; RTCP_HEADER + INDEX_WORD];
                aad[..RTCP_HEADER].copy_from_slice(&packet[..RTCP_HEADER]);
                aad[RTCP_HEADER..].copy_from_slice(&word.to_be_bytes());
                key.open_in_place(nonce, aead::Aad::from(&aad), &mut packet[RTCP_HEADER..word_at])
                    .map_err(|_| SrtpError::AuthFailed)?;
                Ok((index, word_at - GCM_TAG))
            }
            Self::Cm { key, salt, auth } => {
                let signed = hmac::sign(auth, &packet[..word_at + INDEX_WORD]);
                check(signed.as_ref(), &packet[word_at + INDEX_WORD..])?;
                cm(key, salt, ssrc(packet, 4), u64::from(index), &mut packet[RTCP_HEADER..word_at]);
                Ok((index, word_at))
            }
        }
    }

    /// Seal the RTCP datagram `packet[..size]` in place and append trailer and index.
    pub(super) fn seal_rtcp(&self, packet: &mut [u8], size: usize, index: u32) -> Result<usize, SrtpError> {
        let word = (index | ENCRYPTED).to_be_bytes();
        match self {
            Self::Gcm { key, salt } => {
                let whole = packet.get_mut(..size + GCM_TAG + INDEX_WORD).ok_or(SrtpError::NoRoom)?;
                let nonce = gcm_nonce_rtcp(salt, &whole[4..8], index);
                let mut aad = [0u8; RTCP_HEADER + INDEX_WORD];
                aad[..RTCP_HEADER].copy_from_slice(&whole[..RTCP_HEADER]);
                aad[RTCP_HEADER..].copy_from_slice(&word);
                let tag = key
                    .seal_in_place_separate_tag(nonce, aead::Aad::from(&aad), &mut whole[RTCP_HEADER..size])
                    .map_err(|_| SrtpError::NoRoom)?;
                whole[size..size + GCM_TAG].copy_from_slice(tag.as_ref());
                whole[size + GCM_TAG..].copy_from_slice(&word);
                Ok(size + GCM_TAG + INDEX_WORD)
            }
            Self::Cm { key, salt, auth } => {
                let whole = packet.get_mut(..size + INDEX_WORD + SHA1_TAG).ok_or(SrtpError::NoRoom)?;
                cm(key, salt, ssrc(whole, 4), u64::from(index), &mut whole[RTCP_HEADER..size]);
                whole[size..size + INDEX_WORD].copy_from_slice(&word);
                let signed = hmac::sign(auth, &whole[..size + INDEX_WORD]);
                whole[size + INDEX_WORD..].copy_from_slice(&signed.as_ref()[..SHA1_TAG]);
                Ok(size + INDEX_WORD + SHA1_TAG)
            }
        }
    }
}

fn ssrc(packet: &[u8], at: usize) -> u32 {
    u32::from_be_bytes([packet[at], packet[at + 1], packet[at + 2], packet[at + 3]])
}

/// `00 00 || SSRC || ROC || SEQ`, exclusive or with the salt (RFC 7714 section 8.1).
#[inline]
fn gcm_nonce_rtp(salt: &[u8; 12], ssrc: &[u8], index: u64) -> aead::Nonce {
    let mut nonce = *salt;
    nonce[2..6].iter_mut().zip(ssrc).for_each(|(n, s)| *n ^= s);
    nonce[6..12].iter_mut().zip(&index.to_be_bytes()[2..]).for_each(|(n, i)| *n ^= i);
    aead::Nonce::assume_unique_for_key(nonce)
}

/// `00 00 || SSRC || 00 00 || index`, exclusive or with the salt (RFC 7714 section 9.1).
fn gcm_nonce_rtcp(salt: &[u8; 12], ssrc: &[u8], index: u32) -> aead::Nonce {
    let mut nonce = *salt;
    nonce[2..6].iter_mut().zip(ssrc).for_each(|(n, s)| *n ^= s);
    nonce[8..12].iter_mut().zip(index.to_be_bytes()).for_each(|(n, i)| *n ^= i);
    aead::Nonce::assume_unique_for_key(nonce)
}

/// AES in counter mode from `salt * 2^16 ^ SSRC * 2^64 ^ index * 2^16` (RFC 3711 section 4.1.1).
fn cm(key: &[u8; 16], salt: &[u8; 14], ssrc: u32, index: u64, body: &mut [u8]) {
    let mut iv = [0u8; 16];
    iv[..14].copy_from_slice(salt);
    iv[4..8].iter_mut().zip(ssrc.to_be_bytes()).for_each(|(v, s)| *v ^= s);
    iv[8..14].iter_mut().zip(&index.to_be_bytes()[2..]).for_each(|(v, i)| *v ^= i);
    ctr::Ctr128BE::<aes::Aes128>::new(key.into(), &iv.into()).apply_keystream(body);
}

/// Compare a tag in constant time.
fn check(expected: &[u8], given: &[u8]) -> Result<(), SrtpError> {
    let differs = expected.iter().zip(given).fold(0u8, |acc, (a, b)| acc | (a ^ b));
    if differs == 0 && given.len() == SHA1_TAG {
        Ok(())
    } else {
        Err(SrtpError::AuthFailed)
    }
}
