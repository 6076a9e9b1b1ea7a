"""JSON logs of events. Names are ``noun.verb`` in the past tense; fields are facts, not prose.

What could name a person or open a call cannot be logged: field names that would hold an address, a
token, a key, a name or SDP are refused (a test would fail before a user's log leaks).
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Mapping
from typing import Final, Literal

from sfu.base.clock import Clock
from sfu.base.limits import KeyedBuckets

Level = Literal["debug", "info", "warning", "error"]
Field = str | int | float | bool | None

EVENT_NAME: Final = re.compile(r"^[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)+$")
FORBIDDEN_FIELDS: Final = frozenset(
    {
        *("address", "host", "ip", "port", "token", "key", "secret", "password"),
        *("name", "profile", "sdp", "offer", "answer", "payload"),
    }
)
LIMITED_BURST = 5
LIMITED_PER_S = 0.2
"""An event that remotes can provoke is written 5 times, then once in 5 s. Lower: an attack is
invisible; higher: an attack fills the disk."""


class Log:
    """Writes events to a standard logger, one JSON object a line."""

    def __init__(self, clock: Clock, logger: logging.Logger | None = None) -> None:
        self._clock = clock
        self._logger = logger or logging.getLogger("sfu")
        self._buckets = KeyedBuckets(burst=LIMITED_BURST, per_s=LIMITED_PER_S, capacity=256)
        self._swallowed: dict[str, int] = {}

    def event(self, event: str, *, level: Level = "info", **fields: Field) -> None:
        """Write one event.

        Raises:
            ValueError: the event is not named ``noun.verb`` or a field may not be logged (a bug).
        """
        if not EVENT_NAME.match(event):
            raise ValueError(f"event {event!r} is not named noun.verb")
        forbidden = FORBIDDEN_FIELDS.intersection(fields)
        if forbidden:
            raise ValueError(f"field {min(forbidden)!r} may not be logged")
        self._write(event, level, fields)

    def limited(self, event: str, *, level: Level = "info", **fields: Field) -> None:
        """Write an event that a remote can provoke: rarely, with how many were swallowed."""
        if not self._buckets.take(event, self._clock.monotonic_s()):
            self._swallowed[event] = self._swallowed.get(event, 0) + 1
            return
        swallowed = self._swallowed.pop(event, 0)
        self.event(event, level=level, **({**fields, "swallowed": swallowed} if swallowed else fields))

    def bug(self, error: BaseException) -> None:
        """An exception nobody expected: its type and where, never its text (it may quote input)."""
        trace = error.__traceback__
        where = ""
        while trace is not None:
            code = trace.tb_frame.f_code
            where = f"{code.co_qualname}:{trace.tb_lineno}"
            trace = trace.tb_next
        self.limited("bug.caught", level="error", kind=type(error).__name__, where=where)

    def _write(self, event: str, level: Level, fields: Mapping[str, Field]) -> None:
        line = {"t": round(self._clock.wall_s(), 3), "level": level, "event": event, **fields}
        number = logging.getLevelNamesMapping()[level.upper()]
        self._logger.log(number, "%s", json.dumps(line, separators=(",", ":")))


def configure(level: str) -> None:
    """Send our lines to standard error as they are; libraries only when they warn."""
    stream = logging.StreamHandler()
    stream.setFormatter(logging.Formatter("%(message)s"))
    logger = logging.getLogger("sfu")
    logger.handlers[:] = [stream]
    logger.propagate = False
    logger.setLevel(level.upper())
