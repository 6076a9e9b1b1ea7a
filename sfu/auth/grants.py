"""Roles and what they allow. A token carries the grants themselves; a role is their usual set."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import assert_never

from sfu.base.ids import Source


class Role(StrEnum):
    """What a participant is called in the roster."""

    HOST = "host"
    GUEST = "guest"
    LISTENER = "listener"


@dataclass(frozen=True, slots=True, kw_only=True)
class Grants:
    """What one participant may do. Checked on every action, never only at the door."""

    publish: frozenset[Source] = frozenset()
    """Sources they may send."""
    invite: bool = False
    """They are given the guest invite to pass on."""
    create: bool = False
    """Their join makes the room when it is not there."""
    moderate: bool = False
    """They may remove and mute others, and end the room."""

    def as_claim(self) -> dict[str, object]:
        """The ``grants`` claim."""
        return {
            "publish": sorted(source.value for source in self.publish),
            "invite": self.invite,
            "create": self.create,
            "moderate": self.moderate,
        }


def grants_of(role: Role) -> Grants:
    """The usual grants of a role."""
    match role:
        case Role.HOST:
            return Grants(publish=frozenset(Source), invite=True, create=True, moderate=True)
        case Role.GUEST:
            return Grants(publish=frozenset(Source), invite=True)
        case Role.LISTENER:
            return Grants()
        case _:
            assert_never(role)


def grants_from_claim(claim: object) -> Grants | None:
    """Read a ``grants`` claim. None when it is not exactly one: a grant we do not know is no grant
    we may ignore, because its issuer believes that it limits or allows something."""
    if not isinstance(claim, Mapping) or not set(claim) <= {"publish", *_FLAGS}:
        return None
    flags = {name: claim.get(name, False) for name in _FLAGS}
    if not all(isinstance(flag, bool) for flag in flags.values()):
        return None
    names = claim.get("publish", [])
    if not isinstance(names, list) or not all(name in _SOURCES for name in names):
        return None
    return Grants(publish=frozenset(Source(name) for name in names), **flags)


_FLAGS = ("invite", "create", "moderate")
_SOURCES = [source.value for source in Source]  # a list: claims may hold what cannot be hashed
