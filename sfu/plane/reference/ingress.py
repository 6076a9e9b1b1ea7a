"""A published track: its encodings, and what is known of each packet of them.

Packets come in decrypted and authenticated; nothing before that moves any state here.
"""

from __future__ import annotations

from collections.abc import Mapping

from sfu.base.ids import Codec, IngressId, MediaKind, Rid
from sfu.plane.port import AddIngress, Extension, PayloadType, PlaneLimits
from sfu.plane.reference.facts import (
    Encoding,
    EncodingsView,
    Facts,
    IngressClock,
    PublisherClock,
)
from sfu.plane.reference.keyframes import KeyframeArbiter
from sfu.plane.reference.nack import NackGenerator
from sfu.plane.reference.receiver_report import ReceptionStats
from sfu.wire.extensions import DdStructure, layer_of, parse_dd
from sfu.wire.payload import av1_key_start, h264_key_start, parse_vp8, parse_vp9
from sfu.wire.sequence import SequenceUnwrapper

SILENT_AFTER_S = 2.0
SEEN_BITS = 2048
"""Packets told apart from their retransmissions; older ones count as seen."""


class EncodingState:
    """One encoding of a track: one primary SSRC, perhaps one for its retransmissions."""

    __slots__ = (
        "_clock_hz",
        "_seen",
        "_seen_top",
        "_structure",
        "_unwrapper",
        "active",
        "arbiter",
        "bye_s",
        "clock",
        "encoding",
        "heard_s",
        "nack",
        "ssrc",
        "stats",
    )

    def __init__(
        self,
        encoding: Encoding,
        clock_hz: int,
        publisher: PublisherClock,
        limits: PlaneLimits,
        now_s: float,
    ) -> None:
        self.encoding = encoding
        self.ssrc: int | None = None
        self.active = False
        self.heard_s = 0.0
        """When it last carried media. Padding alone is a probe, not a picture."""
        self.bye_s: float | None = None
        self.clock = IngressClock(clock_hz, publisher)
        self.stats = ReceptionStats(clock_hz)
        self.nack = NackGenerator()
        self.arbiter = KeyframeArbiter(limits, now_s)
        self._clock_hz = clock_hz
        self._unwrapper = SequenceUnwrapper()
        self._structure: DdStructure | None = None
        self._seen = 0
        self._seen_top = 0

    def restart(self) -> None:
        """Another SSRC carries it from now on: what was known of the numbers of the last is void."""
        self.clock.forget_report()
        self.stats = ReceptionStats(self._clock_hz)
        self.nack = NackGenerator()
        self.arbiter.arrived()  # whoever was asked is gone
        self._unwrapper = SequenceUnwrapper()
        self._structure = None
        self._seen = self._seen_top = 0

    def extend(self, seq: int) -> int:
        """The extended sequence number."""
        return self._unwrapper.unwrap(seq)

    def is_new(self, ext_seq: int) -> bool:
        """Whether this packet was not seen before, by itself or as a retransmission."""
        ahead = ext_seq - self._seen_top
        if ahead > 0:
            self._seen = (self._seen << min(ahead, SEEN_BITS)) & ((1 << SEEN_BITS) - 1)
            self._seen |= 1
            self._seen_top = ext_seq
            return True
        bit = -ahead
        if bit >= SEEN_BITS or self._seen >> bit & 1:
            return False
        self._seen |= 1 << bit
        return True

    def learn(self, facts: Facts, extensions: Mapping[Extension, bytes]) -> None:
        """Fill in what the descriptors of a packet say.

        Raises:
            WireError: a descriptor does not parse.
        """
        packet = facts.packet
        # One byte each (RFC 6464, 3GPP TS 26.114): more is no business of the subscribers.
        facts.audio_level = extensions.get(Extension.AUDIO_LEVEL, b"")[:1] or None
        facts.orientation = extensions.get(Extension.VIDEO_ORIENTATION, b"")[:1] or None
        if facts.codec is Codec.OPUS:
            facts.key_start = True
            return
        if not packet.payload:
            return  # padding only: nothing to know
        raw = extensions.get(Extension.DEPENDENCY_DESCRIPTOR)
        if raw is not None:
            self._learn_dd(facts, raw)
        if facts.codec is Codec.VP8:
            facts.vp8 = found8 = parse_vp8(packet.payload)
            facts.key_start = found8.key_frame
            facts.temporal = max(facts.temporal, found8.temporal)
        elif facts.codec is Codec.VP9:
            facts.vp9 = found9 = parse_vp9(packet.payload)
            facts.key_start = found9.key_frame
            facts.temporal = max(facts.temporal, found9.temporal)
        elif facts.codec is Codec.AV1:
            structured = facts.dd is not None and facts.dd.structure is not None
            starts = facts.dd is not None and facts.dd.start_of_frame
            facts.key_start = (structured and starts) or av1_key_start(packet.payload)
        else:
            facts.key_start = h264_key_start(packet.payload)

    def _learn_dd(self, facts: Facts, raw: bytes) -> None:
        descriptor = parse_dd(raw)
        if descriptor.structure is not None:
            self._structure = descriptor.structure
        facts.dd, facts.dd_raw = descriptor, raw
        facts.temporal = layer_of(descriptor, self._structure)[1]


class Ingress:
    """One published track."""

    __slots__ = ("_by_pt", "_rtx_pts", "add", "encodings", "view")

    def __init__(self, add: AddIngress, publisher: PublisherClock, limits: PlaneLimits, now_s: float) -> None:
        self.add = add
        rids: tuple[Rid | None, ...] = add.rids or (None,)
        clock_hz = add.payload_types[0].clock_hz if add.payload_types else 90_000
        self.encodings = {
            rid: EncodingState((add.ingress, rid), clock_hz, publisher, limits, now_s) for rid in rids
        }
        self._by_pt: dict[int, PayloadType] = {p.pt: p for p in add.payload_types}
        self._rtx_pts: dict[int, PayloadType] = {
            p.rtx_pt: p for p in add.payload_types if p.rtx_pt is not None
        }
        self.view: EncodingsView = ()
        self.refresh()

    @property
    def id(self) -> IngressId:
        """Its id."""
        return self.add.ingress

    @property
    def is_video(self) -> bool:
        """Whether it is seen."""
        return self.add.kind is MediaKind.VIDEO

    def refresh(self) -> None:
        """Bring ``view`` up to date after an encoding came or went."""
        self.view = tuple((rid, state.active) for rid, state in self.encodings.items())

    def payload_type(self, pt: int) -> PayloadType | None:
        """The codec of a payload type, media or RTX, None when it was not negotiated."""
        return self._by_pt.get(pt) or self._rtx_pts.get(pt)

    def is_rtx(self, pt: int) -> bool:
        """Whether a payload type carries retransmissions."""
        return pt in self._rtx_pts


def named(ids: Mapping[int, Extension], found: Mapping[int, bytes]) -> dict[Extension, bytes]:
    """Header extensions by meaning; ids that were not negotiated are left out."""
    return {ids[number]: value for number, value in found.items() if number in ids}
