"""What may be asked of a room. The caller has authenticated who asks."""

from __future__ import annotations

from dataclasses import dataclass

from sfu.auth.grants import Grants, Role
from sfu.base.ids import Identity, Pid
from sfu.room.state import TrackState, ViewWant


@dataclass(frozen=True, slots=True, kw_only=True)
class Enter:
    """Come in. ``now_s`` is wall-clock time in seconds since the epoch."""

    pid: Pid
    identity: Identity
    role: Role
    grants: Grants
    profile: str
    tracks: tuple[TrackState, ...]
    now_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Depart:
    """Go, or be found gone. Idempotent."""

    pid: Pid


@dataclass(frozen=True, slots=True, kw_only=True)
class SetTracks:
    """Declare the state of some own sources; the others stay as they were."""

    pid: Pid
    tracks: tuple[TrackState, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SetView:
    """Replace what the participant wants to see."""

    pid: Pid
    wants: tuple[ViewWant, ...]


Command = Enter | Depart | SetTracks | SetView
