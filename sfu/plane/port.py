"""The one narrow port between the control plane and a forwarding plane (DESIGN section 2).

Typed operations go down, events and counters come up. Control code never sees a media packet, and
a plane never sees a room. Every plane passes ``tests/plane``: what is said here is what is tested.
Times are seconds on the plane's monotonic clock unless a name says otherwise.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from sfu.base.ids import (
    Codec,
    EgressId,
    IngressId,
    MediaKind,
    Mid,
    Rid,
    Ssrc,
    TransportId,
)

# ---- capabilities and set-up ----------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """What a plane can do beyond the port's minimum. The conformance suite asks before it tests."""

    name: str
    estimator: bool = False
    pacer: bool = False
    svc: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class SocketAddress:
    """One UDP address. ``host`` is a literal IPv4 or IPv6 address, never a name."""

    host: str
    port: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaneLimits:
    """Bounds that hold per transport (participant) unless said otherwise."""

    ssrcs: int = 64
    """Ingress SSRCs admitted, RTX included."""
    address_pairs: int = 8
    """Validated remote addresses kept."""
    keyframe_interval_s: float = 0.5
    """Least time between two key-frame requests to one encoding, whoever asked."""
    keyframe_retry_s: float = 0.35
    """Repeat while a switch waits (SEATS R7). Below ``keyframe_interval_s`` the interval wins only
    for requests that no switch is waiting on."""
    seat_keyframes: int = 3
    seat_keyframe_window_s: float = 10.0
    """A subscriber's own PLI or FIR: at most ``seat_keyframes`` per window and seat."""
    history_packets: int = 600
    """Egress packets kept per seat stream for RTX."""
    history_age_s: float = 2.0
    rtx_share: float = 0.25
    """RTX bytes out as a share of the egress stream's bytes, over a one second budget."""
    consent_s: float = 15.0
    """No authenticated STUN check for so long: ``ConsentLost`` (RFC 7675 uses 30 s)."""


# ---- values carried by operations -------------------------------------------------------------


class SrtpProfile(StrEnum):
    """Protection profiles in order of preference (RFC 7714 section 14.2, RFC 5764 section 4.1.2)."""

    AEAD_AES_128_GCM = "SRTP_AEAD_AES_128_GCM"
    AEAD_AES_256_GCM = "SRTP_AEAD_AES_256_GCM"
    AES128_CM_HMAC_SHA1_80 = "SRTP_AES128_CM_SHA1_80"


class Extension(StrEnum):
    """RTP header extensions a plane acts on. The URI of each is in ``sfu.wire.extensions``."""

    MID = "mid"
    RID = "rid"
    REPAIRED_RID = "repaired_rid"
    AUDIO_LEVEL = "audio_level"
    TRANSPORT_CC = "transport_cc"
    ABS_SEND_TIME = "abs_send_time"
    VIDEO_ORIENTATION = "video_orientation"
    DEPENDENCY_DESCRIPTOR = "dependency_descriptor"


@dataclass(frozen=True, slots=True, kw_only=True)
class PayloadType:
    """One negotiated codec of an m-section and its RTX payload type, if any (RFC 4588)."""

    codec: Codec
    pt: int
    rtx_pt: int | None = None
    clock_hz: int = 90_000


class Feedback(StrEnum):
    """Congestion feedback that a publisher's m-section negotiated."""

    TRANSPORT_CC = "transport_cc"
    REMB = "remb"
    NONE = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteSource:
    """Which packets a seat stream gets: a track and the highest encoding wanted of it.

    ``rid`` None means the track's only encoding. While the named encoding is not (yet) sent, a
    plane forwards the best lower one that is, and moves up when the wanted one arrives.
    """

    ingress: IngressId
    rid: Rid | None = None
    max_temporal: int | None = None


# ---- operations down --------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class AddTransport:
    """Make the media port answer connectivity checks for ``ufrag`` (ours), authenticated by ``pwd``.

    ``remote_ufrag`` must stand behind the colon in USERNAME (RFC 8445 section 7.2.2).
    """

    transport: TransportId
    ufrag: str
    pwd: str
    remote_ufrag: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RestartIce:
    """New credentials for a transport (RFC 8445 section 9). DTLS and SRTP state stay."""

    transport: TransportId
    ufrag: str
    pwd: str
    remote_ufrag: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SetKeys:
    """SRTP master keys with salts appended, as DTLS exported them. Media may flow from here on."""

    transport: TransportId
    profile: SrtpProfile
    rx_key: bytes = field(repr=False)
    tx_key: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class SendDtls:
    """Send one DTLS datagram on the transport's selected pair; dropped (counted) without one."""

    transport: TransportId
    datagram: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoveTransport:
    """Forget the transport with all its ingresses and seats. Packets stop before this returns."""

    transport: TransportId


@dataclass(frozen=True, slots=True, kw_only=True)
class AddIngress:
    """Admit one published track. Only what is listed here is ever decrypted (DESIGN section 4)."""

    ingress: IngressId
    transport: TransportId
    mid: Mid
    kind: MediaKind
    payload_types: tuple[PayloadType, ...]
    extensions: Mapping[int, Extension]
    """Extension id -> meaning, as answered for this m-section."""
    rids: tuple[Rid, ...] = ()
    """Simulcast encodings, smallest first; empty means one encoding without RID."""
    ssrcs: tuple[Ssrc, ...] = ()
    """SSRCs announced in the offer (a=ssrc), primary first, if any."""
    feedback: Feedback = Feedback.NONE


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoveIngress:
    """Withdraw a track; seats fed by it fall silent and keep their numbers."""

    ingress: IngressId


@dataclass(frozen=True, slots=True, kw_only=True)
class AddSeat:
    """One egress stream with fixed SSRCs (SEATS R11, R13). Fed by ``SetRoute``, silent until then."""

    egress: EgressId
    transport: TransportId
    mid: Mid
    kind: MediaKind
    ssrc: Ssrc
    rtx_ssrc: Ssrc | None
    payload_types: tuple[PayloadType, ...]
    extensions: Mapping[Extension, int]
    """Meaning -> extension id, as answered for this m-section."""
    cname: str
    sync_group: int = 0
    """Audio and video of a seat share it: their sender reports use the same clock offset (R5)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoveSeat:
    """Close an egress stream for good."""

    egress: EgressId


@dataclass(frozen=True, slots=True, kw_only=True)
class SetRoute:
    """Feed a seat stream from ``source``, or from nothing. Idempotent; make before break (R6).

    ``cut`` stops the old source at once, before the new one's key frame (kicks, mutes by a host).
    """

    egress: EgressId
    source: RouteSource | None
    cut: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestKeyframe:
    """Ask the publisher for a key frame of one encoding, through the arbiter (R7)."""

    ingress: IngressId
    rid: Rid | None = None


Operation = (
    AddTransport
    | RestartIce
    | SetKeys
    | SendDtls
    | RemoveTransport
    | AddIngress
    | RemoveIngress
    | AddSeat
    | RemoveSeat
    | SetRoute
    | RequestKeyframe
)

# ---- events up ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class DtlsReceived:
    """A well-formed DTLS record datagram from a validated pair of the transport."""

    transport: TransportId
    datagram: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class PathChanged:
    """The transport's selected pair changed (first nomination included). No address leaves the plane."""

    transport: TransportId
    first: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsentLost:
    """No authenticated check came for ``consent_s``. Sent once; a later check sends PathChanged."""

    transport: TransportId


@dataclass(frozen=True, slots=True, kw_only=True)
class EncodingChanged:
    """An encoding of a track began (first packet) or stopped (2 s of silence) being sent."""

    ingress: IngressId
    rid: Rid | None
    active: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class SeatSwitched:
    """The first packet of a new source or encoding left on a seat stream."""

    egress: EgressId
    ingress: IngressId
    rid: Rid | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SeatStalled:
    """A switch waited 2 s and got no key frame; the old picture stays (SEATS section 4)."""

    egress: EgressId
    ingress: IngressId
    rid: Rid | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Levels:
    """Loudness of microphones that sent packets in the last interval, at most 5 times a second.

    Level is RFC 6464's: 0 (loudest) to 127 (silent) in -dBov, averaged over the interval.
    """

    levels: tuple[tuple[IngressId, int], ...]
    speaker: IngressId | None
    """The active speaker by the plane's hysteresis over all given ingresses of one transport set;
    control ignores it and runs its own per room."""


Event = DtlsReceived | PathChanged | ConsentLost | EncodingChanged | SeatSwitched | SeatStalled | Levels

# ---- counters -----------------------------------------------------------------------------------


class DropReason(StrEnum):
    """Why the plane threw a packet away. Same names, same order in every plane and in metrics."""

    UNCLASSIFIED = "unclassified"
    UNKNOWN_ADDRESS = "unknown_address"
    STUN_MALFORMED = "stun_malformed"
    STUN_UNKNOWN_UFRAG = "stun_unknown_ufrag"
    STUN_BAD_INTEGRITY = "stun_bad_integrity"
    STUN_RATE_LIMITED = "stun_rate_limited"
    STUN_TOO_MANY_PAIRS = "stun_too_many_pairs"
    DTLS_MALFORMED = "dtls_malformed"
    NO_PATH = "no_path"
    NO_KEYS = "no_keys"
    OVERSIZE = "oversize"
    MALFORMED = "malformed"
    UNKNOWN_SSRC = "unknown_ssrc"
    SSRC_LIMIT = "ssrc_limit"
    UNKNOWN_PAYLOAD_TYPE = "unknown_payload_type"
    REPLAYED = "replayed"
    AUTH_FAILED = "auth_failed"
    PADDING_ONLY = "padding_only"
    UNROUTED = "unrouted"
    NOT_SELECTED = "not_selected"
    ABOVE_CEILING = "above_ceiling"
    AWAITING_KEYFRAME = "awaiting_keyframe"
    BEFORE_SWITCH = "before_switch"
    CODEC_NOT_NEGOTIATED = "codec_not_negotiated"
    SEND_FAILED = "send_failed"


class Count(StrEnum):
    """Plain counts a plane keeps beside the drops. Monotonic integers."""

    PACKETS_IN = "packets_in"
    BYTES_IN = "bytes_in"
    PACKETS_OUT = "packets_out"
    BYTES_OUT = "bytes_out"
    STUN_CHECKS = "stun_checks"
    DTLS_IN = "dtls_in"
    NACKS_SENT = "nacks_sent"
    NACKED_PACKETS_SENT = "nacked_packets_sent"
    NACKS_RECEIVED = "nacks_received"
    NACKED_PACKETS_RECEIVED = "nacked_packets_received"
    RTX_SENT = "rtx_sent"
    RTX_MISSED = "rtx_missed"
    RTX_OVER_BUDGET = "rtx_over_budget"
    RTX_RECEIVED = "rtx_received"
    RTX_RECOVERED = "rtx_recovered"
    KEYFRAMES_REQUESTED = "keyframes_requested"
    PLI_RECEIVED = "pli_received"
    PLI_SUPPRESSED = "pli_suppressed"
    KEYFRAMES_IN = "keyframes_in"
    SWITCHES = "switches"
    SWITCHES_STALLED = "switches_stalled"
    RTCP_IN = "rtcp_in"
    RTCP_MALFORMED = "rtcp_malformed"
    EVENTS_DROPPED = "events_dropped"


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """Counters at one moment. Every enum value is present, zero included."""

    counts: Mapping[Count, int]
    drops: Mapping[DropReason, int]
    transports: int
    ingresses: int
    seats: int


# ---- the port -----------------------------------------------------------------------------------


class Plane(Protocol):
    """A forwarding plane. All methods are called from one thread; events arrive on the same loop."""

    @property
    def capabilities(self) -> Capabilities:
        """What this plane can do."""

    async def start(
        self, addresses: Sequence[SocketAddress], on_event: Callable[[Event], None]
    ) -> tuple[SocketAddress, ...]:
        """Bind one UDP socket an address and begin to answer.

        ``on_event`` must not block. Port 0 asks for a free port.

        Returns:
            The addresses really bound, in the order given.

        Raises:
            PlaneError: an address cannot be bound; the message names it.
        """

    def apply(self, operations: Sequence[Operation]) -> None:
        """Carry out operations in order.

        Raises:
            PlaneError: an operation names an id that is not there, or one that is already; those
                before it have been carried out, it and those after it have not.
        """

    def counters(self) -> Snapshot:
        """Counters now. Cheap; called on each scrape."""

    async def stop(self) -> None:
        """Close the sockets. Idempotent."""
