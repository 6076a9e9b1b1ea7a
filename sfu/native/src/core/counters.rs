//! Plain integers, read when scraped. Order and meaning are those of `sfu.plane.port`.

/// Why a packet was thrown away. Same order as the port's `DropReason`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(usize)]
#[allow(missing_docs)] // named as in the port, which says what each means
pub enum Drop {
    Unclassified,
    UnknownAddress,
    StunMalformed,
    StunUnknownUfrag,
    StunBadIntegrity,
    StunRateLimited,
    StunTooManyPairs,
    DtlsMalformed,
    NoPath,
    NoKeys,
    Oversize,
    Malformed,
    UnknownSsrc,
    SsrcLimit,
    UnknownPayloadType,
    Replayed,
    AuthFailed,
    PaddingOnly,
    Unrouted,
    NotSelected,
    AboveCeiling,
    AwaitingKeyframe,
    BeforeSwitch,
    CodecNotNegotiated,
    SendFailed,
}

/// What is counted beside drops. Same order as the port's `Count`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(usize)]
#[allow(missing_docs)] // named as in the port, which says what each means
pub enum Count {
    PacketsIn,
    BytesIn,
    PacketsOut,
    BytesOut,
    StunChecks,
    DtlsIn,
    NacksSent,
    NackedPacketsSent,
    NacksReceived,
    NackedPacketsReceived,
    RtxSent,
    RtxMissed,
    RtxOverBudget,
    RtxReceived,
    RtxRecovered,
    KeyframesRequested,
    PliReceived,
    PliSuppressed,
    KeyframesIn,
    Switches,
    SwitchesStalled,
    RtcpIn,
    RtcpMalformed,
    EventsDropped,
}

/// How many drop reasons there are.
pub const DROPS: usize = Drop::SendFailed as usize + 1;
/// How many counts there are.
pub const COUNTS: usize = Count::EventsDropped as usize + 1;

/// All of them.
#[derive(Debug, Clone, Copy, Default)]
pub struct Counters {
    /// By `Count`.
    pub counts: [u64; COUNTS],
    /// By `Drop`.
    pub drops: [u64; DROPS],
    /// Panics that were contained. Not a count of the port: bugs of ours.
    pub bugs: u64,
}

impl Counters {
    /// Count one.
    #[inline]
    pub fn add(&mut self, which: Count, amount: u64) {
        self.counts[which as usize] += amount;
    }

    /// Count one drop.
    #[inline]
    pub fn dropped(&mut self, why: Drop) {
        self.drops[why as usize] += 1;
    }
}
