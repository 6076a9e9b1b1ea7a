"""One live room: the only owner of its state. Every method is one transaction: none of them awaits.

A change goes one way: command -> ``reduce`` -> seats -> forwarding table -> plane, then messages to
those concerned. There is no other path by which a subscriber gets a packet or loses one.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import assert_never

from sfu.base.clock import Clock
from sfu.base.errors import ProtocolError
from sfu.base.ids import EgressId, IngressId, Pid, Rid
from sfu.control.allocator import Seating, seat_everyone
from sfu.control.announce import (
    member_of,
    roster_of,
    seats_of,
    used_encodings,
    wanted_of,
)
from sfu.control.participant import LiveParticipant
from sfu.control.programmer import Programmer
from sfu.media.speakers import SpeakerTracker
from sfu.protocol.errors import ErrorCode
from sfu.protocol.messages import (
    AnyServerMessage,
    Level,
    Levels,
    Member,
    Relayed,
    Roster,
    Seats,
    SeatState,
    Wanted,
)
from sfu.room.commands import Command, Depart
from sfu.room.events import Departed, Entered, Event, TracksChanged, ViewChanged
from sfu.room.reduce import reduce
from sfu.room.state import RoomState
from sfu.routing.derive import derive


class RoomActor:
    """Owns one room's state and the live participants in it."""

    def __init__(self, state: RoomState, programmer: Programmer, clock: Clock) -> None:
        self.state = state
        self.live: dict[Pid, LiveParticipant] = {}
        self._programmer = programmer
        self._clock = clock
        self._seating: Seating = {}
        self._speakers = SpeakerTracker()
        self._ingress_owner: dict[IngressId, Pid] = {}

    # ---- commands

    def enter(self, command: Command, live: LiveParticipant) -> None:
        """Let a participant in. ``live`` must carry the command's pid.

        Raises:
            Denied, ProtocolError: as ``reduce``; nothing has changed then.
        """
        self.state, events = reduce(self.state, command)
        self.live[live.pid] = live
        self.renegotiated(live)
        self._settle(events)

    def command(self, command: Command) -> None:
        """Apply any other command.

        Raises:
            Denied, ProtocolError: as ``reduce``; nothing has changed then.
        """
        self.state, events = reduce(self.state, command)
        if events:
            self._settle(events)

    def depart(self, pid: Pid) -> LiveParticipant | None:
        """Take a participant out and stop every packet from and to it."""
        self.state, events = reduce(self.state, Depart(pid=pid))
        live = self.live.pop(pid, None)
        self._ingress_owner = {i: p for i, p in self._ingress_owner.items() if p != pid}
        self._speakers.forget(pid)
        self._seating.pop(pid, None)
        if live is not None:
            live.outbox = None
        self._settle(events)
        return live

    def renegotiated(self, live: LiveParticipant) -> None:
        """The participant's negotiation was set or replaced."""
        for ingress in live.negotiation.ingresses:
            self._ingress_owner[ingress.operation.ingress] = live.pid

    def settle(self) -> None:
        """Bring plane and members in step after keys were set or an offer was answered."""
        self._settle(())

    # ---- what members say to each other, and what the plane reports

    def relay(self, sender: Pid, body: str, to: Pid | None) -> None:
        """Pass opaque bytes on.

        Raises:
            ProtocolError: ``unknown_member`` when ``to`` is not in the room.
        """
        if to is not None and to not in self.live:
            raise ProtocolError(ErrorCode.UNKNOWN_MEMBER, "nobody with this pid is in the room")
        message = Relayed(sender=sender, body=body)
        for pid, live in self.live.items():
            if pid != sender and to in (None, pid):
                live.send(message)

    def on_levels(self, levels: Iterable[tuple[IngressId, int]]) -> None:
        """Loudness of this room's microphones, -dBov."""
        now_s = self._clock.monotonic_s()
        owners = self._ingress_owner
        heard = {owners[ingress]: level for ingress, level in levels if ingress in owners}
        if not heard and not self._speakers.speaker:
            return
        before = self._speakers.speaker
        self._speakers.update(heard, now_s)
        loudness = self._speakers.loudness(now_s)
        message = Levels(
            levels=[Level(pid=pid, level=level) for pid, level in loudness.items()],
            speaker=self._speakers.speaker,
        )
        self._broadcast(message)
        if before != self._speakers.speaker and self._is_large():
            self._settle(())

    def on_switched(self, egress: EgressId, rid: Rid | None) -> bool:
        """A seat's picture now really comes from this encoding. False: no seat of this room."""
        for live in self.live.values():
            for seat in live.negotiation.seats:
                if seat.video is not None and seat.video.egress == egress:
                    live.layers[egress] = rid
                    self._tell_seats(live)
                    self._tell_wanted()
                    return True
                if seat.audio.egress == egress:
                    return True
        return False

    def seats(self, pid: Pid) -> list[SeatState]:
        """All seats of one participant, for a reply."""
        live = self.live[pid]
        live.told_seats = self._seat_states(live)
        return list(live.told_seats)

    def roster(self) -> list[Member]:
        """Everybody, for a reply."""
        return roster_of(self.state)

    # ---- the one way of a change

    def _settle(self, events: tuple[Event, ...]) -> None:
        endpoints = {pid: live.endpoint() for pid, live in self.live.items()}
        speakers = self._speakers.by_loudness(self._clock.monotonic_s())
        self._seating = seat_everyone(self.state, endpoints, self._seating, speakers)
        self._programmer.program(self.state.room, derive(self.state, endpoints, self._seating))
        for event in events:
            self._announce(event)
        for live in self.live.values():
            self._tell_seats(live)
        self._tell_wanted()

    def _announce(self, event: Event) -> None:
        seq = self.state.seq
        match event:
            case Entered():
                joined = member_of(self.state.participants[event.pid])
                self._broadcast(Roster(seq=seq, joined=[joined]), but=event.pid)
            case TracksChanged():
                updated = member_of(self.state.participants[event.pid])
                self._broadcast(Roster(seq=seq, updated=[updated]))
            case Departed():
                self._broadcast(Roster(seq=seq, left=[event.pid]))
            case ViewChanged():
                pass  # concerns the viewer's own seats only, which are told below
            case _:
                assert_never(event)

    def _tell_seats(self, live: LiveParticipant) -> None:
        now = self._seat_states(live)
        before = live.told_seats
        changed = [s for i, s in enumerate(now) if i >= len(before) or before[i] != s]
        live.told_seats = now
        if changed:
            live.send(Seats(seq=self.state.seq, seats=changed))

    def _seat_states(self, live: LiveParticipant) -> tuple[SeatState, ...]:
        table = self._programmer.table(self.state.room)
        occupants = self._seating.get(live.pid, ())
        return seats_of(self.state, live.endpoint(), occupants, table, live.layers)

    def _tell_wanted(self) -> None:
        carried = {e: rid for live in self.live.values() for e, rid in live.layers.items()}
        used = used_encodings(self._programmer.table(self.state.room), carried)
        for live in self.live.values():
            for source, encodings in wanted_of(live.endpoint(), used).items():
                if live.told_wanted.get(source) != tuple(encodings):
                    live.told_wanted[source] = tuple(encodings)
                    live.send(Wanted(source=source, encodings=encodings))

    def _broadcast(self, message: AnyServerMessage, but: Pid | None = None) -> None:
        for pid, live in self.live.items():
            if pid != but:
                live.send(message)

    def _is_large(self) -> bool:
        """Some subscriber has fewer seats than there are others: speakers then need seating."""
        others = len(self.live) - 1
        return any(len(live.negotiation.seats) < others for live in self.live.values())
