"""What goes into a negotiation and what comes out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from sfu.base.ids import Codec, EgressId, IngressId, Mid, Source, Ssrc, TransportId
from sfu.plane.port import AddIngress, AddSeat, SocketAddress


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalTransport:
    """Our side of the transport, as the answer tells it."""

    ufrag: str
    pwd: str = field(repr=False)
    fingerprint: str
    """SHA-256 of our certificate, upper-case hex with colons (RFC 8122 section 5)."""
    candidates: tuple[SocketAddress, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class NegotiationPolicy:
    """What this room allows."""

    codec: Codec
    audio_level: bool
    max_seats: int
    max_ssrcs: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SeatRequest:
    """The m-sections of one seat."""

    audio: Mid
    video: Mid | None


class IdSource(Protocol):
    """Where fresh ids come from."""

    def ingress_id(self) -> IngressId:
        """The next published track."""

    def egress_id(self) -> EgressId:
        """The next egress stream."""

    def ssrc(self) -> Ssrc:
        """A random SSRC."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NegotiatedIngress:
    """One of the client's own sources."""

    source: Source
    operation: AddIngress


@dataclass(frozen=True, slots=True, kw_only=True)
class NegotiatedSeat:
    """One seat."""

    index: int
    audio: AddSeat
    video: AddSeat | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SectionAnswer:
    """Our part of one m-section: what does not depend on ICE and is never said differently again."""

    mid: Mid
    kind: str
    protocol: str
    formats: tuple[str, ...]
    lines: tuple[str, ...]
    accepted: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Negotiation:
    """An answered offer: the answer and everything that follows from it."""

    answer: str
    local: LocalTransport
    remote_ufrag: str
    remote_pwd: str = field(repr=False)
    fingerprints: tuple[tuple[str, str], ...]
    ingresses: tuple[NegotiatedIngress, ...]
    seats: tuple[NegotiatedSeat, ...]
    data_channel_port: int | None
    ice_restarted: bool
    sections: Mapping[Mid, SectionAnswer]


@dataclass(frozen=True, slots=True, kw_only=True)
class NegotiationRequest:
    """One offer with what the client says of its m-sections."""

    offer: str
    sources: Mapping[Mid, Source]
    seats: tuple[SeatRequest, ...]
    local: LocalTransport
    transport: TransportId
    policy: NegotiationPolicy
    ids: IdSource
    previous: Negotiation | None = None
    """The last negotiation of this transport; its sections are answered as before."""
