"""Between the signalling server and the rooms: what each expects of the other."""

from __future__ import annotations

from typing import Protocol

from sfu.auth.token import TokenClaims
from sfu.protocol.messages import (
    Answer,
    AnyServerMessage,
    Closing,
    Create,
    Created,
    Join,
    Joined,
    Ok,
    Resume,
    Resumed,
)
from sfu.session.effects import InRoom


class Outbox(Protocol):
    """A socket's way out, bounded: who reads too slowly is closed, nobody waits for them."""

    def send(self, message: AnyServerMessage) -> None:
        """Queue a message; nothing happens once the socket is closing."""

    def finish(self, closing: Closing) -> None:
        """Say why, then close: the participant is out."""

    def replaced(self) -> None:
        """Close: a newer socket took over."""


class Attached(Protocol):
    """One live socket of one participant."""

    async def handle(self, request: InRoom) -> Ok | Answer:
        """Carry out one request.

        Raises:
            Denied, LimitError, ProtocolError: answered with a typed error; nothing changed.
        """

    def detach(self, *, going_away: bool) -> None:
        """The socket is gone; ``going_away``: the page was closed or left."""


class SessionGate(Protocol):
    """The way in. Every method may raise Denied, LimitError or ProtocolError."""

    async def create(self, request: Create) -> Created:
        """Make a room."""

    async def join(
        self, request: Join, claims: TokenClaims | None, outbox: Outbox
    ) -> tuple[Joined, Attached]:
        """Enter; ``claims`` None when no credential was given."""

    async def resume(self, request: Resume, outbox: Outbox) -> tuple[Resumed, Attached]:
        """Take a session up again."""
