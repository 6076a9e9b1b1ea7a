"""One participant's transport in the plane: its path, keys, published tracks and seats."""

from __future__ import annotations

from collections import OrderedDict

from sfu.base.ids import Mid, Rid, TransportId
from sfu.plane.port import DropReason, Extension, Feedback, PlaneLimits
from sfu.plane.reference.egress.seat import SeatStream
from sfu.plane.reference.facts import PublisherClock
from sfu.plane.reference.ice import Agent
from sfu.plane.reference.ingress import EncodingState, Ingress, named
from sfu.plane.reference.keyframes import SeatBudget
from sfu.plane.reference.srtp import SrtpSession
from sfu.plane.reference.transport_cc import TransportCcRecorder
from sfu.wire.extensions import parse_text
from sfu.wire.rtp import peek_extensions

DEFAULT_RTT_S = 0.1

STREAMS_PER_SSRC = 4
"""SSRCs that libsrtp keeps state for, as a multiple of those admitted at one time: who publishes and
withdraws for ever does not make it grow. Lower: an SSRC that comes back may have lost its roll-over counter;
higher: memory, and libsrtp's list is searched in line."""


class Admitted:
    """What an SSRC was admitted as. Never changes afterwards (SECURITY B, extension smuggling)."""

    __slots__ = ("encoding", "ingress", "retired", "rtx")

    def __init__(self, ingress: Ingress, encoding: EncodingState, rtx: bool) -> None:
        self.ingress = ingress
        self.encoding = encoding
        self.rtx = rtx
        self.retired = False
        """Its encoding goes on with another SSRC. It keeps its place: libsrtp has a stream for it."""


class PlaneTransport:
    """State of one transport. Everything it holds is bounded by ``PlaneLimits``."""

    def __init__(self, agent: Agent, limits: PlaneLimits, feedback_ssrc: int) -> None:
        self.agent = agent
        self.id: TransportId = agent.transport
        self.feedback_ssrc = feedback_ssrc
        self.srtp: SrtpSession | None = None
        self.publisher = PublisherClock()
        self.ingresses: dict[Mid, Ingress] = {}
        self.seats: dict[int, SeatStream] = {}
        """By media SSRC, which is what RTCP names."""
        self.budgets: dict[int, SeatBudget] = {}
        self.by_ssrc: dict[int, Admitted] = {}
        self.transport_cc = TransportCcRecorder()
        self.rtt_s = DEFAULT_RTT_S
        self.extension_ids: dict[int, Extension] = {}
        self.reporters: set[int] = set()
        """Sender SSRCs of authentic RTCP that are not of a published stream."""
        self._opened: OrderedDict[int, None] = OrderedDict()
        """SSRCs that libsrtp has a stream for, the one begun last at the end."""
        self._limits = limits

    def add_ingress(self, ingress: Ingress) -> None:
        """Publish a track."""
        self.ingresses[ingress.add.mid] = ingress
        self.extension_ids.update(ingress.add.extensions)

    def remove_ingress(self, ingress: Ingress) -> None:
        """Withdraw a track; its SSRCs are strangers again."""
        self.ingresses.pop(ingress.add.mid, None)
        self.by_ssrc = {s: a for s, a in self.by_ssrc.items() if a.ingress is not ingress}

    def begin(self, ssrc: int, admitted: Admitted) -> None:
        """A packet of an SSRC not admitted before has authenticated."""
        self.by_ssrc[ssrc] = admitted
        self._opened[ssrc] = None
        self._opened.move_to_end(ssrc)
        if len(self._opened) > STREAMS_PER_SSRC * self._limits.ssrcs and self.srtp is not None:
            oldest = next(s for s in self._opened if s not in self.by_ssrc)
            del self._opened[oldest]
            self.srtp.forget(oldest)

    @property
    def feedback(self) -> Feedback:
        """The congestion feedback this publisher wants: transport-wide wherever it was offered."""
        kinds = {ingress.add.feedback for ingress in self.ingresses.values()}
        if Feedback.TRANSPORT_CC in kinds:
            return Feedback.TRANSPORT_CC
        return Feedback.REMB if Feedback.REMB in kinds else Feedback.NONE

    def may_report(self, ssrc: int) -> bool:
        """Whether RTCP of this sender may be opened: libsrtp keeps state for each SSRC it opens."""
        known = ssrc in self.by_ssrc or ssrc in self.reporters
        return known or len(self.reporters) < self._limits.ssrcs

    def admit(self, datagram: bytes, payload_type: int, ssrc: int) -> Admitted | DropReason:
        """What a packet of an SSRC not seen before would be admitted as. Changes nothing.

        By MID and RID in the (clear) header extensions, else by the SSRCs of the offer, else by a
        payload type that only one track has. Runs before decryption: strangers' SSRCs never make
        a stream.

        Raises:
            WireError: the header extensions do not parse.
        """
        if len(self.by_ssrc) >= self._limits.ssrcs:
            return DropReason.SSRC_LIMIT
        extensions = named(self.extension_ids, peek_extensions(datagram))
        ingress = self._ingress_for(extensions, payload_type, ssrc)
        if ingress is None:
            return DropReason.UNKNOWN_SSRC
        if ingress.payload_type(payload_type) is None:
            return DropReason.UNKNOWN_PAYLOAD_TYPE
        rtx = ingress.is_rtx(payload_type)
        encoding = self._encoding_for(ingress, extensions, rtx)
        if encoding is None:
            return DropReason.UNKNOWN_SSRC
        return Admitted(ingress, encoding, rtx)

    def _ingress_for(
        self, extensions: dict[Extension, bytes], payload_type: int, ssrc: int
    ) -> Ingress | None:
        mid = extensions.get(Extension.MID)
        if mid is not None:
            return self.ingresses.get(Mid(parse_text(mid)))
        for ingress in self.ingresses.values():
            if ssrc in ingress.add.ssrcs:
                return ingress
        fitting = [i for i in self.ingresses.values() if i.payload_type(payload_type) is not None]
        return fitting[0] if len(fitting) == 1 else None

    def _encoding_for(
        self, ingress: Ingress, extensions: dict[Extension, bytes], rtx: bool
    ) -> EncodingState | None:
        if not ingress.add.rids:
            return ingress.encodings[None]
        raw = extensions.get(Extension.REPAIRED_RID if rtx else Extension.RID)
        if raw is None:
            return None
        return ingress.encodings.get(Rid(parse_text(raw)))
