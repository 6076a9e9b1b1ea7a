"""The way in: create, join, resume. What the signalling server calls; the rooms live here."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from sfu.auth.grants import Role, grants_of
from sfu.auth.invites import InviteRequest, guest_identity, mint_invite
from sfu.auth.keys import SigningKey
from sfu.auth.token import TokenClaims, new_jti
from sfu.base.clock import Clock
from sfu.base.errors import Denied, LimitError, ProtocolError
from sfu.base.ids import IngressId, Mid, Pid, RoomId, Source, TransportId, new_pid
from sfu.base.log import Log
from sfu.control.attachment import Attachment, tracks_of
from sfu.control.idsource import Ids
from sfu.control.media_path import dtls_sender
from sfu.control.participant import LiveParticipant
from sfu.control.programmer import Programmer
from sfu.control.room_actor import RoomActor
from sfu.control.settings import ControlSettings
from sfu.negotiate import (
    LocalTransport,
    Negotiation,
    NegotiationPolicy,
    NegotiationRequest,
    SeatRequest,
    negotiate,
)
from sfu.plane.port import AddTransport, Plane
from sfu.protocol.errors import ErrorCode
from sfu.protocol.messages import (
    CAPABILITIES,
    PROTOCOL_VERSION,
    Closing,
    Create,
    Created,
    Join,
    Joined,
    Resume,
    Resumed,
    SeatLines,
)
from sfu.room.commands import Enter, SetTracks
from sfu.room.state import RoomState
from sfu.server.ports import Outbox
from sfu.store.port import Store
from sfu.transport.dtls import Certificate, DtlsEndpoint
from sfu.transport.ice_credentials import IceCredentials, new_ice_credentials


@dataclass(frozen=True, slots=True, kw_only=True)
class GateParts:
    """What a gate is built from."""

    settings: ControlSettings
    plane: Plane
    key: SigningKey
    store: Store
    clock: Clock
    certificate: Certificate
    log: Log
    start_media: Callable[[LiveParticipant], None]
    """Start the task that brings a new participant's media up."""
    stop_media: Callable[[LiveParticipant], None]
    """End that task; it closes the participant's DTLS."""


class Gate:
    """Owns the rooms. Lives on the event loop; its methods run to their end without awaiting."""

    def __init__(self, parts: GateParts) -> None:
        self.rooms: dict[RoomId, RoomActor] = {}
        self.by_transport: dict[TransportId, LiveParticipant] = {}
        self.draining = False
        self._parts = parts
        self._settings = parts.settings
        self._ids = Ids()
        self._programmer = Programmer(parts.plane)

    # ---- SessionGate, called by the signalling server

    async def create(self, request: Create) -> Created:
        """Make a room and its first invites.

        Raises:
            Denied: creation is closed, or the room is there already (the same answer for both).
            LimitError: too many rooms, or the server is going down.
        """
        self._check_hello(request.version)
        room = RoomId(request.room)
        if not self._settings.open_creation or self._parts.store.room_exists(room):
            raise Denied(ErrorCode.DENIED)
        self._parts.store.add_room(room, self._parts.clock.wall_s())
        self._parts.log.event("room.created", room=room)
        return Created(
            id=request.id,
            room=room,
            host_invite=self._invite(room, Role.HOST),
            guest_invite=self._invite(room, Role.GUEST),
        )

    async def join(
        self, request: Join, claims: TokenClaims | None, outbox: Outbox
    ) -> tuple[Joined, Attachment]:
        """Let a participant in; ``claims`` were verified by the server, None means none were given.

        Raises:
            Denied: no right to enter, room full, or its codec cannot be decoded here.
            LimitError: too many rooms, or the server is going down.
            ProtocolError: version or offer not acceptable.
        """
        self._check_hello(request.version)
        room = RoomId(request.room)
        claims = claims if claims is not None else self._open_claims(room)
        if request.decodes and self._settings.codec not in request.decodes:
            raise Denied(ErrorCode.CODEC_UNSUPPORTED)
        actor = self._room(room)
        try:
            live = self._new_participant(request, room)
            actor.enter(_enter(request, claims, live.pid, self._parts.clock.wall_s()), live)
        finally:
            self._drop_if_empty(actor)
        self.by_transport[live.transport_id] = live
        self._parts.start_media(live)
        joined = self._joined(request, actor, live)
        live.outbox = outbox  # from here on, so that nothing overtakes the reply
        self._parts.log.event("participant.joined", room=room, pid=live.pid)
        return joined, Attachment(self, actor, live, outbox)

    async def resume(self, request: Resume, outbox: Outbox) -> tuple[Resumed, Attachment]:
        """Give a page its session back on a new socket.

        Raises:
            ProtocolError: ``resume_failed``, whatever the reason, so that nothing can be probed.
        """
        self._check_version(request.version)
        pid = Pid(request.pid)
        actor = next((a for a in self.rooms.values() if pid in a.live), None)
        if actor is None or not actor.live[pid].resume.accepts(request.secret):
            raise ProtocolError(ErrorCode.RESUME_FAILED, "this session is gone; join again")
        live = actor.live[pid]
        if live.outbox is not None:
            live.outbox.replaced()
        live.outbox, live.socket_lost_s = None, None
        if request.tracks:
            actor.command(SetTracks(pid=pid, tracks=tracks_of(request.tracks)))
        resumed = Resumed(
            id=request.id,
            seq=actor.state.seq,
            roster=actor.roster(),
            seats=actor.seats(pid),
            resume_secret=live.resume.renew(),
        )
        live.outbox = outbox
        self._parts.log.event("participant.resumed", room=live.room, pid=pid)
        return resumed, Attachment(self, actor, live, outbox)

    # ---- called by attachments, the media path and the watchdog

    def remove(self, live: LiveParticipant, closing: Closing | None = None) -> None:
        """Take a participant out of its room and free everything it held. Idempotent."""
        if self.by_transport.pop(live.transport_id, None) is None:
            return
        actor = self.rooms[live.room]
        if live.outbox is not None and closing is not None:
            live.outbox.finish(closing)
        actor.depart(live.pid)
        self._parts.stop_media(live)
        self._drop_if_empty(actor)
        self._parts.log.event("participant.left", room=live.room, pid=live.pid)

    def socket_lost(self, live: LiveParticipant) -> None:
        """The participant's socket broke; its media may live on until the watchdog says no."""
        live.outbox = None
        live.socket_lost_s = self._parts.clock.monotonic_s()

    def keyed(self, live: LiveParticipant) -> None:
        """Media of this participant can flow now."""
        live.keyed = True
        actor = self.rooms.get(live.room)
        if actor is not None and live.pid in actor.live:
            actor.settle()

    def actor_of(self, transport: TransportId) -> RoomActor | None:
        """The room a transport belongs to, None once it is gone."""
        live = self.by_transport.get(transport)
        return None if live is None else self.rooms.get(live.room)

    def levels(self, levels: Sequence[tuple[IngressId, int]]) -> None:
        """Loudness of all rooms' microphones, -dBov."""
        for actor in self.rooms.values():
            actor.on_levels(levels)

    def renegotiate(
        self,
        live: LiveParticipant,
        offer: str,
        sources: Mapping[Mid, Source],
        seats: Sequence[SeatLines],
    ) -> None:
        """Answer another offer: more seats, or an ICE restart.

        Raises:
            ProtocolError: the offer is not acceptable; everything stays as it was.
        """
        credentials = new_ice_credentials()
        answered = self._negotiate(live.transport_id, credentials, offer, sources, seats, live.negotiation)
        if answered.ice_restarted:
            live.transport = _transport(live.transport_id, credentials, answered.remote_ufrag)
        live.negotiation = answered

    # ---- inside

    def _new_participant(self, request: Join, room: RoomId) -> LiveParticipant:
        transport, credentials = self._ids.transport_id(), new_ice_credentials()
        sources = {Mid(line.mid): line.source for line in request.sources}
        answered = self._negotiate(transport, credentials, request.offer, sources, request.seats, None)
        dtls = DtlsEndpoint(
            certificate=self._parts.certificate,
            fingerprints=answered.fingerprints,
            send=dtls_sender(self._parts.plane, transport),
            data_channel_port=answered.data_channel_port,
        )
        return LiveParticipant(
            pid=new_pid(),
            room=room,
            transport=_transport(transport, credentials, answered.remote_ufrag),
            negotiation=answered,
            dtls=dtls,
            joined_s=self._parts.clock.monotonic_s(),
            outbox=None,
        )

    def _negotiate(
        self,
        transport: TransportId,
        credentials: IceCredentials,
        offer: str,
        sources: Mapping[Mid, Source],
        seats: Sequence[SeatLines],
        previous: Negotiation | None,
    ) -> Negotiation:
        settings = self._settings
        return negotiate(
            NegotiationRequest(
                offer=offer,
                sources=sources,
                seats=tuple(
                    SeatRequest(
                        audio=Mid(line.audio),
                        video=None if line.video is None else Mid(line.video),
                    )
                    for line in seats
                ),
                local=LocalTransport(
                    ufrag=credentials.ufrag,
                    pwd=credentials.pwd,
                    fingerprint=self._parts.certificate.fingerprint,
                    candidates=settings.candidates,
                ),
                transport=transport,
                policy=NegotiationPolicy(
                    codec=settings.codec,
                    audio_level=settings.audio_level,
                    max_seats=settings.seats_max,
                    max_ssrcs=settings.ssrcs_max,
                ),
                ids=self._ids,
                previous=previous,
            )
        )

    def _joined(self, request: Join, actor: RoomActor, live: LiveParticipant) -> Joined:
        me = actor.state.participants[live.pid]
        settings, now_s = self._settings, self._parts.clock.wall_s()
        return Joined(
            id=request.id,
            version=PROTOCOL_VERSION,
            capabilities=list(CAPABILITIES),
            seq=actor.state.seq,
            room=live.room,
            pid=live.pid,
            leaf=me.leaf,
            role=me.role,
            answer=live.negotiation.answer,
            codec=settings.codec,
            roster=actor.roster(),
            seats=actor.seats(live.pid),
            ice_servers=settings.ice_servers(now_s),
            guest_invite=self._invite(live.room, Role.GUEST) if me.grants.invite else None,
            resume_secret=live.resume.renew(),
            resume_grace_s=round(settings.resume_grace_s),
            e2ee="required",
        )

    def _room(self, room: RoomId) -> RoomActor:
        actor = self.rooms.get(room)
        if actor is None:
            if len(self.rooms) >= self._settings.max_rooms:
                raise LimitError(ErrorCode.RATE_LIMITED)
            state = RoomState(room=room, codec=self._settings.codec, capacity=self._settings.capacity)
            actor = self.rooms[room] = RoomActor(state, self._programmer, self._parts.clock)
        return actor

    def _drop_if_empty(self, actor: RoomActor) -> None:
        if not actor.live:
            self.rooms.pop(actor.state.room, None)

    def _open_claims(self, room: RoomId) -> TokenClaims:
        """Rights of somebody without token or invite, where the configuration lets them in."""
        if not self._settings.open_creation:
            raise Denied(ErrorCode.DENIED)
        return TokenClaims(
            room=room,
            identity=guest_identity(),
            role=Role.GUEST,
            grants=grants_of(Role.GUEST),
            jti=new_jti(),
            exp=self._parts.clock.wall_s(),
        )

    def _invite(self, room: RoomId, role: Role) -> str:
        request = InviteRequest(
            room=room,
            role=role,
            ttl_s=self._settings.invite_ttl_s,
            issuer=self._settings.issuer,
            audience=self._settings.audience,
        )
        return mint_invite(self._parts.key, request, self._parts.clock.wall_s())

    def _check_hello(self, version: int) -> None:
        self._check_version(version)
        if self.draining:
            raise LimitError(ErrorCode.SERVER_DRAINING)

    @staticmethod
    def _check_version(version: int) -> None:
        if version != PROTOCOL_VERSION:
            raise ProtocolError(
                ErrorCode.VERSION_UNSUPPORTED,
                f"version: found {version}, wanted {PROTOCOL_VERSION}; reload the page",
            )


def _transport(transport: TransportId, credentials: IceCredentials, remote_ufrag: str) -> AddTransport:
    return AddTransport(
        transport=transport,
        ufrag=credentials.ufrag,
        pwd=credentials.pwd,
        remote_ufrag=remote_ufrag,
    )


def _enter(request: Join, claims: TokenClaims, pid: Pid, now_s: float) -> Enter:
    return Enter(
        pid=pid,
        identity=claims.identity,
        role=claims.role,
        grants=claims.grants,
        profile=request.profile,
        tracks=tracks_of(request.tracks),
        now_s=now_s,
    )
