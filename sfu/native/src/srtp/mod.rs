//! SRTP and SRTCP (RFC 3711, RFC 7714): one context a direction of a transport, no allocation per packet.
//!
//! AES-GCM and HMAC-SHA1 come from ring, AES counter mode from RustCrypto; what stands here is their use.
#![forbid(unsafe_code)]

mod cipher;
mod kdf;
mod replay;

pub use cipher::Cipher;
pub use replay::{RtcpWindow, RxStream};

/// The longest trailer of any profile, SRTCP's index word included.
pub const MAX_OVERHEAD: usize = 20;

/// Protection profiles (RFC 7714 section 14.2, RFC 5764 section 4.1.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Profile {
    /// AEAD_AES_128_GCM.
    Gcm128,
    /// AEAD_AES_256_GCM.
    Gcm256,
    /// AES128_CM_HMAC_SHA1_80.
    CmSha1,
}

impl Profile {
    /// Bytes of master key and of master salt.
    pub fn key_bytes(self) -> (usize, usize) {
        match self {
            Self::Gcm128 => (16, 12),
            Self::Gcm256 => (32, 12),
            Self::CmSha1 => (16, 14),
        }
    }

    /// By the name that the port uses.
    pub fn from_name(name: &str) -> Option<Self> {
        match name {
            "SRTP_AEAD_AES_128_GCM" => Some(Self::Gcm128),
            "SRTP_AEAD_AES_256_GCM" => Some(Self::Gcm256),
            "SRTP_AES128_CM_SHA1_80" => Some(Self::CmSha1),
            _ => None,
        }
    }
}

/// Why a packet was not opened, or not sealed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SrtpError {
    /// Seen before, or too old to tell.
    Replayed,
    /// The tag does not fit, or there is no room for one.
    AuthFailed,
    /// No room in the output.
    NoRoom,
}

/// Opens what a remote sends.
pub struct Inbound {
    rtp: Cipher,
    rtcp: Cipher,
}

impl Inbound {
    /// From the master key with its salt appended. None when its length is not the profile's.
    pub fn new(profile: Profile, key_and_salt: &[u8]) -> Option<Self> {
        let (rtp, rtcp) = kdf::ciphers(profile, key_and_salt)?;
        Some(Self { rtp, rtcp })
    }

    /// Authenticate and decrypt in place. Returns where the plain packet ends.
    ///
    /// `stream` moves only when the packet is right (RFC 3711 section 3.3).
    #[inline]
    pub fn open_rtp(
        &self,
        stream: &mut RxStream,
        packet: &mut [u8],
        header_bytes: usize,
        seq: u16,
    ) -> Result<usize, SrtpError> {
        let index = stream.estimate(seq);
        if !stream.is_new(index) {
            return Err(SrtpError::Replayed);
        }
        let end = self.rtp.open_rtp(packet, header_bytes, index)?;
        stream.accept(index);
        Ok(end)
    }

    /// Authenticate and decrypt RTCP in place. Returns where the plain datagram ends.
    pub fn open_rtcp(&self, window: &mut RtcpWindow, packet: &mut [u8]) -> Result<usize, SrtpError> {
        let (index, end) = self.rtcp.open_rtcp(packet, |index| window.is_new(index))?;
        window.accept(index);
        Ok(end)
    }
}

/// Seals what we send. Who calls knows each packet's index: egress numbers never restart.
pub struct Outbound {
    rtp: Cipher,
    rtcp: Cipher,
    rtcp_index: u32,
}

impl Outbound {
    /// From the master key with its salt appended. None when its length is not the profile's.
    pub fn new(profile: Profile, key_and_salt: &[u8]) -> Option<Self> {
        let (rtp, rtcp) = kdf::ciphers(profile, key_and_salt)?;
        Some(Self { rtp, rtcp, rtcp_index: 0 })
    }

    /// Encrypt `packet[..size]` in place and append the tag; `index` is roll-over counter and sequence number.
    #[inline]
    pub fn seal_rtp(
        &self,
        packet: &mut [u8],
        header_bytes: usize,
        size: usize,
        index: u64,
    ) -> Result<usize, SrtpError> {
        self.rtp.seal_rtp(packet, header_bytes, size, index)
    }

    /// Encrypt an RTCP datagram `packet[..size]` in place and append trailer and index.
    pub fn seal_rtcp(&mut self, packet: &mut [u8], size: usize) -> Result<usize, SrtpError> {
        self.rtcp_index = (self.rtcp_index + 1) & 0x7FFF_FFFF;
        self.rtcp.seal_rtcp(packet, size, self.rtcp_index)
    }
}

#[cfg(test)]
mod tests;
