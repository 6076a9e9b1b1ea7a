"""One live socket of one participant: its requests, turned into commands for the room."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, assert_never

from sfu.base.ids import Mid, Pid, Rid
from sfu.control.participant import LiveParticipant
from sfu.control.room_actor import RoomActor
from sfu.protocol.messages import (
    Answer,
    Leave,
    Message,
    Offer,
    Ok,
    Publish,
    TrackState,
    View,
    Want,
)
from sfu.room import state as room_state
from sfu.room.commands import SetTracks, SetView
from sfu.server.ports import Outbox

if TYPE_CHECKING:
    from sfu.control.gate import Gate

Request = Leave | Offer | View | Publish | Message


class Attachment:
    """Between a socket and a room. Outlives neither: a new socket gets a new attachment."""

    def __init__(self, gate: Gate, actor: RoomActor, live: LiveParticipant, outbox: Outbox) -> None:
        self._gate = gate
        self._actor = actor
        self._live = live
        self._outbox = outbox

    @property
    def pid(self) -> Pid:
        """Whose socket this is."""
        return self._live.pid

    async def handle(self, request: Request) -> Ok | Answer:
        """Carry out one request.

        Raises:
            Denied, LimitError, ProtocolError: as the room or negotiation says; nothing changed.
        """
        match request:
            case Leave():
                self._gate.remove(self._live)
            case View():
                wants = tuple(_want(want) for want in request.wants)
                self._actor.command(SetView(pid=self.pid, wants=wants))
            case Publish():
                self._actor.command(SetTracks(pid=self.pid, tracks=tracks_of(request.tracks)))
            case Message():
                to = None if request.to is None else Pid(request.to)
                self._actor.relay(self.pid, request.body, to)
            case Offer():
                return self._answer(request)
            case _:
                assert_never(request)
        return Ok(id=request.id)

    def detach(self, *, going_away: bool) -> None:
        """The socket is gone. A page that was closed or reloaded (``going_away``) left for good."""
        if self._live.outbox is not self._outbox:
            return  # replaced by a newer socket, or the participant is gone already
        if going_away:
            self._gate.remove(self._live)
        else:
            self._gate.socket_lost(self._live)

    def _answer(self, request: Offer) -> Answer:
        sources = {Mid(line.mid): line.source for line in request.sources}
        self._gate.renegotiate(self._live, request.offer, sources, request.seats)
        self._actor.renegotiated(self._live)
        self._actor.settle()
        return Answer(
            id=request.id,
            answer=self._live.negotiation.answer,
            seats=self._actor.seats(self.pid),
        )


def tracks_of(tracks: Sequence[TrackState]) -> tuple[room_state.TrackState, ...]:
    """Wire values -> room values."""
    return tuple(room_state.TrackState(source=t.source, active=t.active, muted=t.muted) for t in tracks)


def _want(want: Want) -> room_state.ViewWant:
    return room_state.ViewWant(
        pid=Pid(want.pid),
        source=want.source,
        width_px=want.width,
        height_px=want.height,
        priority=want.priority,
        pinned=want.pinned,
        layer=None if want.layer is None else Rid(want.layer),
    )
