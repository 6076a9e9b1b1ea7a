"""One participant's signalling life as a state machine. Sans-IO; time is an argument."""

from __future__ import annotations

from sfu.session.effects import Dispatch, Effect, End, Reply, Request, Success
from sfu.session.limits import SessionLimits
from sfu.session.session import Phase, Refusal, Session

__all__ = [
    "Dispatch",
    "Effect",
    "End",
    "Phase",
    "Refusal",
    "Reply",
    "Request",
    "Session",
    "SessionLimits",
    "Success",
]
