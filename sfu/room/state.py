"""What a room is: who is in it, what they publish, what they want to see. Frozen values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType

from sfu.auth.grants import Grants, Role
from sfu.base.ids import Codec, Identity, Pid, Rid, RoomId, Source

LEAVES = 1024
"""Leaf numbers a room can tell apart: S = 10 bits of the KID (E2EE.md 5.5)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackState:
    """One source of a participant, as its owner declared it."""

    source: Source
    active: bool
    muted: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ViewWant:
    """One video a participant wants to see; width and height in device pixels."""

    pid: Pid
    source: Source
    width_px: int
    height_px: int
    priority: int = 50
    pinned: bool = False
    layer: Rid | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Participant:
    """An authenticated member of the room, for one visit."""

    pid: Pid
    identity: Identity
    role: Role
    grants: Grants
    leaf: int
    """Number for the KID until group keys land; not reused while others may hold frames of it."""
    profile: str
    """The display name, sealed for members. Opaque here."""
    joined_s: float
    tracks: Mapping[Source, TrackState] = field(default_factory=lambda: MappingProxyType({}))
    view: tuple[ViewWant, ...] | None = None
    """None until the first ``view``: the server then shows what it has room for."""

    def publishes(self, source: Source) -> bool:
        """Whether others should be offered this source now."""
        track = self.tracks.get(source)
        return track is not None and track.active


@dataclass(frozen=True, slots=True, kw_only=True)
class RoomState:
    """One room. Replaced whole by ``reduce``, never changed in place."""

    room: RoomId
    codec: Codec
    capacity: int
    participants: Mapping[Pid, Participant] = field(default_factory=lambda: MappingProxyType({}))
    """In order of arrival."""
    seq: int = 0
    """Number of the latest change that members were told of."""
    next_leaf: int = 0
    """Where the search for a free leaf number starts."""

    def others(self, pid: Pid) -> tuple[Participant, ...]:
        """Everybody but ``pid``, oldest first."""
        return tuple(p for p in self.participants.values() if p.pid != pid)

    def with_participant(self, participant: Participant) -> RoomState:
        """The room with one participant added or replaced; order of arrival is kept."""
        people = dict(self.participants)
        people[participant.pid] = participant
        return replace(self, participants=MappingProxyType(people))

    def without(self, pid: Pid) -> RoomState:
        """The room without one participant."""
        people = {key: value for key, value in self.participants.items() if key != pid}
        return replace(self, participants=MappingProxyType(people))

    def free_leaf(self) -> int:
        """The next leaf number nobody in the room holds, going round (see ``Participant.leaf``)."""
        taken = {p.leaf for p in self.participants.values()}
        return next(
            number % LEAVES
            for number in range(self.next_leaf, self.next_leaf + LEAVES)
            if number % LEAVES not in taken
        )
