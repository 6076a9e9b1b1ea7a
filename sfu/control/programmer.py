"""Keeps the plane in step with what the rooms want: diff, apply, remember."""

from __future__ import annotations

from collections.abc import Sequence

from sfu.base.ids import RoomId
from sfu.plane.port import Operation, Plane
from sfu.routing.diff import diff
from sfu.routing.table import EMPTY_TABLE, ForwardingTable


class Programmer:
    """Owns the table that the plane has been told of, one part a room.

    All rooms share one plane and their ids never collide, so each room's part is programmed alone:
    a change in one room costs nothing in the others.
    """

    def __init__(self, plane: Plane) -> None:
        self._plane = plane
        self._programmed: dict[RoomId, ForwardingTable] = {}

    def program(self, room: RoomId, wanted: ForwardingTable) -> None:
        """Make the plane forward ``wanted`` for this room.

        Raises:
            PlaneError: the plane refused an operation; its view of the room is then unknown.
        """
        operations = diff(self._programmed.get(room, EMPTY_TABLE), wanted)
        if operations:
            self._plane.apply(operations)
        if wanted == EMPTY_TABLE:
            self._programmed.pop(room, None)
        else:
            self._programmed[room] = wanted

    def table(self, room: RoomId) -> ForwardingTable:
        """What the plane was last told of a room."""
        return self._programmed.get(room, EMPTY_TABLE)

    def send(self, operations: Sequence[Operation]) -> None:
        """Operations that are no part of the table: keys, DTLS datagrams."""
        self._plane.apply(operations)
