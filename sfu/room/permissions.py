"""Who may do what: pure questions over grants."""

from __future__ import annotations

from collections.abc import Iterable

from sfu.auth.grants import Grants
from sfu.base.ids import Source
from sfu.room.state import TrackState


def may_publish(grants: Grants, source: Source) -> bool:
    """Whether the holder may send this source."""
    return source in grants.publish


def refused_sources(grants: Grants, tracks: Iterable[TrackState]) -> tuple[Source, ...]:
    """Sources that were declared active without the right to send them."""
    return tuple(t.source for t in tracks if t.active and not may_publish(grants, t.source))
