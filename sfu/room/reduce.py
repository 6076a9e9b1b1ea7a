"""The only way a room changes: ``reduce(state, command) -> (state, events)``. Pure.

Refusals are raised as ``Denied`` or ``ProtocolError`` and leave the state as it was.
"""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType
from typing import assert_never

from sfu.base.errors import Denied, ProtocolError
from sfu.base.ids import Pid, Source
from sfu.protocol.errors import ErrorCode
from sfu.room.commands import Command, Depart, Enter, SetTracks, SetView
from sfu.room.events import Departed, Entered, Event, TracksChanged, ViewChanged
from sfu.room.permissions import refused_sources
from sfu.room.state import LEAVES, Participant, RoomState, TrackState

Result = tuple[RoomState, tuple[Event, ...]]


def reduce(state: RoomState, command: Command) -> Result:
    """Apply one command.

    Returns:
        The new state and what happened; no events when nothing changed. ``seq`` rises by one with
        every change that other members are told of.

    Raises:
        Denied: the room is full (``room_full``) or the sender lacks the right (``denied``).
        ProtocolError: the command makes no sense now (``already_joined``, ``not_joined``).
    """
    match command:
        case Enter():
            return _enter(state, command)
        case Depart():
            return _depart(state, command)
        case SetTracks():
            return _set_tracks(state, command)
        case SetView():
            return _set_view(state, command)
    assert_never(command)


def _enter(state: RoomState, command: Enter) -> Result:
    if command.pid in state.participants:
        raise ProtocolError(ErrorCode.ALREADY_JOINED, "this participant is in the room already")
    if len(state.participants) >= min(state.capacity, LEAVES):
        raise Denied(ErrorCode.ROOM_FULL)
    _check_rights(refused_sources(command.grants, command.tracks))
    leaf = state.free_leaf()
    participant = Participant(
        pid=command.pid,
        identity=command.identity,
        role=command.role,
        grants=command.grants,
        leaf=leaf,
        profile=command.profile,
        joined_s=command.now_s,
        tracks=_by_source((), command.tracks),
    )
    entered = replace(state.with_participant(participant), seq=state.seq + 1, next_leaf=(leaf + 1) % LEAVES)
    return entered, (Entered(pid=command.pid),)


def _depart(state: RoomState, command: Depart) -> Result:
    if command.pid not in state.participants:
        return state, ()
    left = replace(state.without(command.pid), seq=state.seq + 1)
    return left, (Departed(pid=command.pid),)


def _set_tracks(state: RoomState, command: SetTracks) -> Result:
    participant = _present(state, command.pid)
    _check_rights(refused_sources(participant.grants, command.tracks))
    tracks = _by_source(tuple(participant.tracks.values()), command.tracks)
    if tracks == participant.tracks:
        return state, ()
    changed = state.with_participant(replace(participant, tracks=tracks))
    return replace(changed, seq=state.seq + 1), (TracksChanged(pid=command.pid),)


def _set_view(state: RoomState, command: SetView) -> Result:
    participant = _present(state, command.pid)
    if participant.view == command.wants:
        return state, ()
    changed = state.with_participant(replace(participant, view=command.wants))
    return changed, (ViewChanged(pid=command.pid),)


def _present(state: RoomState, pid: Pid) -> Participant:
    participant = state.participants.get(pid)
    if participant is None:
        raise ProtocolError(ErrorCode.NOT_JOINED, "this participant is not in the room")
    return participant


def _check_rights(refused: tuple[object, ...]) -> None:
    if refused:
        raise Denied(ErrorCode.DENIED)


def _by_source(
    old: tuple[TrackState, ...], new: tuple[TrackState, ...]
) -> MappingProxyType[Source, TrackState]:
    return MappingProxyType({track.source: track for track in (*old, *new)})
