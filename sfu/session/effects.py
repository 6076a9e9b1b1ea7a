"""What a session asks its driver to do, in order."""

from __future__ import annotations

from dataclasses import dataclass

from sfu.protocol.errors import CloseCode
from sfu.protocol.messages import (
    Answer,
    AnyServerMessage,
    Create,
    Created,
    Join,
    Joined,
    Leave,
    Message,
    Offer,
    Ok,
    Publish,
    Resume,
    Resumed,
    View,
)

Hello = Create | Join | Resume
InRoom = Leave | Offer | View | Publish | Message
Request = Hello | InRoom
Success = Created | Joined | Resumed | Ok | Answer


@dataclass(frozen=True, slots=True, kw_only=True)
class Dispatch:
    """Carry out a request, then say ``succeeded`` or ``refused``. At most one at a time."""

    request: Request


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """Send a message."""

    message: AnyServerMessage


@dataclass(frozen=True, slots=True, kw_only=True)
class End:
    """Close the connection once what was said before is sent. Nothing follows."""

    code: CloseCode


Effect = Dispatch | Reply | End
