"""What happened in a room, for those who must be told."""

from __future__ import annotations

from dataclasses import dataclass

from sfu.base.ids import Pid


@dataclass(frozen=True, slots=True, kw_only=True)
class Entered:
    """Somebody came in."""

    pid: Pid


@dataclass(frozen=True, slots=True, kw_only=True)
class Departed:
    """Somebody is gone."""

    pid: Pid


@dataclass(frozen=True, slots=True, kw_only=True)
class TracksChanged:
    """Somebody started, stopped, muted or unmuted a source."""

    pid: Pid


@dataclass(frozen=True, slots=True, kw_only=True)
class ViewChanged:
    """Somebody looks at something else. Only their own seats are concerned."""

    pid: Pid


Event = Entered | Departed | TracksChanged | ViewChanged
