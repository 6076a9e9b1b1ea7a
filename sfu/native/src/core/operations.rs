//! What control asks of the plane and what the plane tells it: the values of `sfu.plane.port`.

use crate::srtp::Profile;

/// Bounds that hold per transport unless said otherwise. Meanings are the port's.
#[derive(Debug, Clone, Copy)]
#[allow(missing_docs)]
pub struct Limits {
    pub ssrcs: usize,
    pub address_pairs: usize,
    pub keyframe_interval_s: f64,
    pub keyframe_retry_s: f64,
    pub seat_keyframes: usize,
    pub seat_keyframe_window_s: f64,
    pub history_packets: usize,
    pub history_age_s: f64,
    pub rtx_share: f64,
    pub consent_s: f64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            ssrcs: 64,
            address_pairs: 8,
            keyframe_interval_s: 0.5,
            keyframe_retry_s: 0.35,
            seat_keyframes: 3,
            seat_keyframe_window_s: 10.0,
            history_packets: 600,
            history_age_s: 2.0,
            rtx_share: 0.25,
            consent_s: 15.0,
        }
    }
}

/// Codecs whose payload descriptors are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Codec {
    Opus,
    Vp8,
    Vp9,
    Av1,
    H264,
}

/// How many codecs there are.
pub const CODECS: usize = 5;

impl Codec {
    /// By the name that the port uses.
    pub fn from_name(name: &str) -> Option<Self> {
        match name {
            "opus" => Some(Self::Opus),
            "vp8" => Some(Self::Vp8),
            "vp9" => Some(Self::Vp9),
            "av1" => Some(Self::Av1),
            "h264" => Some(Self::H264),
            _ => None,
        }
    }
}

/// Header extensions the plane acts on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Extension {
    Mid,
    Rid,
    RepairedRid,
    AudioLevel,
    TransportCc,
    AbsSendTime,
    VideoOrientation,
    DependencyDescriptor,
}

impl Extension {
    /// By the name that the port uses.
    pub fn from_name(name: &str) -> Option<Self> {
        match name {
            "mid" => Some(Self::Mid),
            "rid" => Some(Self::Rid),
            "repaired_rid" => Some(Self::RepairedRid),
            "audio_level" => Some(Self::AudioLevel),
            "transport_cc" => Some(Self::TransportCc),
            "abs_send_time" => Some(Self::AbsSendTime),
            "video_orientation" => Some(Self::VideoOrientation),
            "dependency_descriptor" => Some(Self::DependencyDescriptor),
            _ => None,
        }
    }
}

/// Congestion feedback that a publisher negotiated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Feedback {
    None,
    Remb,
    TransportCc,
}

impl Feedback {
    /// By the name that the port uses.
    pub fn from_name(name: &str) -> Option<Self> {
        match name {
            "none" => Some(Self::None),
            "remb" => Some(Self::Remb),
            "transport_cc" => Some(Self::TransportCc),
            _ => None,
        }
    }
}

/// One negotiated codec and its RTX payload type, if any (RFC 4588).
#[derive(Debug, Clone, Copy)]
#[allow(missing_docs)]
pub struct PayloadType {
    pub codec: Codec,
    pub pt: u8,
    pub rtx_pt: Option<u8>,
    pub clock_hz: u32,
}

/// ICE credentials of a transport: ours, and the remote's ufrag.
#[derive(Debug, Clone)]
#[allow(missing_docs)]
pub struct Credentials {
    pub ufrag: String,
    pub pwd: String,
    pub remote_ufrag: String,
}

/// One published track, as the port's `AddIngress` says.
#[derive(Debug, Clone)]
#[allow(missing_docs)]
pub struct AddIngress {
    pub ingress: u64,
    pub transport: u64,
    pub mid: String,
    pub video: bool,
    pub payload_types: Vec<PayloadType>,
    pub extensions: Vec<(u8, Extension)>,
    pub rids: Vec<String>,
    pub ssrcs: Vec<u32>,
    pub feedback: Feedback,
}

/// One egress stream, as the port's `AddSeat` says.
#[derive(Debug, Clone)]
#[allow(missing_docs)]
pub struct AddSeat {
    pub egress: u64,
    pub transport: u64,
    pub video: bool,
    pub ssrc: u32,
    pub rtx_ssrc: Option<u32>,
    pub payload_types: Vec<PayloadType>,
    pub extensions: Vec<(Extension, u8)>,
    pub cname: String,
}

/// What a seat is fed from.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct RouteSource {
    pub ingress: u64,
    pub rid: Option<String>,
    pub max_temporal: Option<u8>,
}

/// Operations down.
#[derive(Debug, Clone)]
#[allow(missing_docs)]
pub enum Operation {
    AddTransport { transport: u64, credentials: Credentials },
    RestartIce { transport: u64, credentials: Credentials },
    SetKeys { transport: u64, profile: Profile, rx: Vec<u8>, tx: Vec<u8> },
    SendDtls { transport: u64, datagram: Vec<u8> },
    RemoveTransport { transport: u64 },
    AddIngress(AddIngress),
    RemoveIngress { ingress: u64 },
    AddSeat(AddSeat),
    RemoveSeat { egress: u64 },
    SetRoute { egress: u64, source: Option<RouteSource>, cut: bool },
    RequestKeyframe { ingress: u64, rid: Option<String> },
}

/// Events up.
#[derive(Debug, Clone, PartialEq)]
#[allow(missing_docs)]
pub enum Event {
    DtlsReceived { transport: u64, datagram: Vec<u8> },
    PathChanged { transport: u64, first: bool },
    ConsentLost { transport: u64 },
    EncodingChanged { ingress: u64, rid: Option<String>, active: bool },
    SeatSwitched { egress: u64, ingress: u64, rid: Option<String> },
    SeatStalled { egress: u64, ingress: u64, rid: Option<String> },
    Levels(Vec<(u64, u8)>),
}

/// An operation that cannot be carried out: what was wrong, for a developer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlaneError(pub String);
