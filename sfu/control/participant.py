"""What the control plane holds of one participant while it lives: transport, socket, secrets."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from dataclasses import dataclass, field

from sfu.base.ids import EgressId, Pid, Rid, RoomId, Source, TransportId
from sfu.negotiate import Negotiation
from sfu.plane.port import AddTransport
from sfu.protocol.messages import AnyServerMessage, SeatState
from sfu.routing.derive import Endpoint, SeatPair
from sfu.server.ports import Outbox
from sfu.transport.dtls import DtlsEndpoint

RESUME_SECRET_BYTES = 32


class ResumeSecret:
    """A secret that lets a page take up its session again; only hashes are kept.

    A secret stays valid until its successor is first used (DESIGN section 7), so that a reply lost
    on the way does not lock the page out.
    """

    __slots__ = ("_current", "_previous")

    def __init__(self) -> None:
        self._current = b""
        self._previous = b""

    def renew(self) -> str:
        """Make the next secret; the one before it stays valid for now."""
        text = secrets.token_urlsafe(RESUME_SECRET_BYTES)
        self._previous, self._current = self._current, _digest(text)
        return text

    def accepts(self, text: str) -> bool:
        """Whether ``text`` is a valid secret; using the newest one ends the older."""
        digest = _digest(text)
        if hmac.compare_digest(digest, self._current):
            self._previous = b""
            return True
        return bool(self._previous) and hmac.compare_digest(digest, self._previous)


@dataclass(slots=True, kw_only=True)
class LiveParticipant:
    """One participant's edges. Owned by its room's actor; nobody else changes it."""

    pid: Pid
    room: RoomId
    transport: AddTransport
    negotiation: Negotiation
    dtls: DtlsEndpoint
    joined_s: float
    """Monotonic."""
    outbox: Outbox | None
    resume: ResumeSecret = field(default_factory=ResumeSecret)
    keyed: bool = False
    """SRTP keys are set: media can flow."""
    media_path_seen: bool = False
    """A connectivity check of it has succeeded at least once."""
    media_lost_s: float | None = None
    """Since when connectivity checks are missing; None while they come."""
    socket_lost_s: float | None = None
    layers: dict[EgressId, Rid | None] = field(default_factory=dict)
    """Encoding each seat's picture really carries, as the plane reported it."""
    told_seats: tuple[SeatState, ...] = ()
    told_wanted: dict[Source, tuple[str, ...]] = field(default_factory=dict)

    @property
    def transport_id(self) -> TransportId:
        """Its transport in the plane."""
        return self.transport.transport

    def endpoint(self) -> Endpoint:
        """The negotiated streams, as routing wants them."""
        return Endpoint(
            transport=self.transport,
            ingresses={i.source: i.operation for i in self.negotiation.ingresses},
            seats=tuple(SeatPair(audio=s.audio, video=s.video) for s in self.negotiation.seats),
            keyed=self.keyed,
        )

    def send(self, message: AnyServerMessage) -> None:
        """Queue a message for the page; nothing happens while its socket is gone."""
        if self.outbox is not None:
            self.outbox.send(message)


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()
