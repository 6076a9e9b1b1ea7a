"""Runs what lives beside the rooms: media tasks, plane events, the watchdog. Contains failures."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import assert_never

from sfu.base.clock import Clock
from sfu.base.errors import PlaneError
from sfu.base.log import Log
from sfu.control.gate import Gate
from sfu.control.media_path import bring_up
from sfu.control.participant import LiveParticipant
from sfu.plane.port import (
    ConsentLost,
    DtlsReceived,
    EncodingChanged,
    Event,
    Levels,
    PathChanged,
    Plane,
    SeatStalled,
    SeatSwitched,
)
from sfu.protocol.errors import ErrorCode
from sfu.protocol.messages import Closing
from sfu.transport.dtls import DtlsFailure

WATCHDOG_EVERY_S = 0.5
"""How often timers are looked at. Lower: CPU for nothing; higher: ghosts live longer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Observers:
    """Where the supervisor reports what metrics count."""

    dtls_failed: Callable[[str], None]
    ice_failed: Callable[[str], None]
    media_up: Callable[[float], None]
    """Seconds from the join request to SRTP keys."""
    loop_lag: Callable[[float], None]
    bug: Callable[[BaseException], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Timers:
    """From the configuration; seconds."""

    handshake_s: float = 30.0
    half_open_s: float = 15.0
    resume_grace_s: float = 60.0


class Supervisor:
    """The parent of every participant's media task, and the reader of plane events."""

    def __init__(self, plane: Plane, clock: Clock, log: Log, observers: Observers) -> None:
        self.timers = Timers()
        self._plane = plane
        self._clock = clock
        self._log = log
        self._observers = observers
        self._gate: Gate | None = None
        self._tasks: asyncio.TaskGroup | None = None
        self._running: dict[int, asyncio.Task[None]] = {}

    def bind(self, gate: Gate, tasks: asyncio.TaskGroup) -> None:
        """Give it the rooms it watches and the group its tasks live in."""
        self._gate, self._tasks = gate, tasks

    @property
    def gate(self) -> Gate:
        """The rooms."""
        if self._gate is None:
            raise PlaneError("the supervisor was used before it was bound")
        return self._gate

    # ---- media tasks

    def start_media(self, live: LiveParticipant) -> None:
        """Start the task that brings one participant's media up and ends with it."""
        if self._tasks is None:
            raise PlaneError("the supervisor was used before it was bound")
        task = self._tasks.create_task(self._media(live), name=f"media-{live.transport_id}")
        self._running[live.transport_id] = task
        task.add_done_callback(lambda _: self._running.pop(live.transport_id, None))

    def stop_media(self, live: LiveParticipant) -> None:
        """End one participant's media task, unless it is the one that asks."""
        task = self._running.get(live.transport_id)
        if task is not None and task is not asyncio.current_task():
            task.cancel()

    def end_all(self) -> None:
        """Stop every media task; the group then ends."""
        for task in list(self._running.values()):
            task.cancel()

    async def _media(self, live: LiveParticipant) -> None:
        try:
            await bring_up(live, self._plane, self.timers.handshake_s, lambda: self._media_up(live))
        except DtlsFailure as failure:
            self._dtls_failed(live, failure)
        except Exception as bug:  # noqa: BLE001 - a task root: one participant's failure stays its own
            self._observers.bug(bug)
            self._remove(live, ErrorCode.INTERNAL, "the media connection failed", "rejoin")
        else:
            # The page closed its side (reload, crash, leave). Without a socket it is gone too.
            if live.outbox is None:
                self.gate.remove(live)
            else:
                live.media_lost_s = self._clock.monotonic_s()
        finally:
            await live.dtls.close()

    def _media_up(self, live: LiveParticipant) -> None:
        self._observers.media_up(self._clock.monotonic_s() - live.joined_s)
        self.gate.keyed(live)

    def _dtls_failed(self, live: LiveParticipant, failure: DtlsFailure) -> None:
        if live.transport_id not in self.gate.by_transport:
            return  # left before the handshake was through: nobody failed
        never = not live.media_path_seen
        if never:
            self._observers.ice_failed("never_connected")
        else:
            self._observers.dtls_failed(failure.reason)
        self._log.event(
            "media.failed", level="warning", reason="never_connected" if never else failure.reason
        )
        text = "no media packet reached the server" if never else "the media handshake failed"
        self._remove(live, ErrorCode.TIMEOUT, text, "rejoin")

    def _remove(self, live: LiveParticipant, code: ErrorCode, text: str, action: str) -> None:
        self.gate.remove(live, Closing(code=code, text=text, action=action))

    # ---- plane events

    def on_event(self, event: Event) -> None:
        """Take one event from the plane. Never raises; never blocks."""
        try:
            self._dispatch(event)
        except Exception as bug:  # noqa: BLE001 - the plane must not learn of our bugs
            self._observers.bug(bug)

    def _dispatch(self, event: Event) -> None:
        participants = self.gate.by_transport
        match event:
            case DtlsReceived() | PathChanged() | ConsentLost():
                live = participants.get(event.transport)
                if live is not None:
                    self._of_transport(live, event)
            case SeatSwitched():
                any(a.on_switched(event.egress, event.rid) for a in self.gate.rooms.values())
            case SeatStalled():
                self._log.limited("seat.stalled", level="warning")
            case Levels():
                self.gate.levels(event.levels)
            case EncodingChanged():
                pass  # the plane falls back and moves up by itself; estimates will want it later
            case _:
                assert_never(event)

    def _of_transport(self, live: LiveParticipant, event: DtlsReceived | PathChanged | ConsentLost) -> None:
        match event:
            case DtlsReceived():
                live.dtls.receive(event.datagram)
            case PathChanged():
                live.media_path_seen, live.media_lost_s = True, None
            case ConsentLost():
                self._observers.ice_failed("consent_lost")
                live.media_lost_s = self._clock.monotonic_s()
            case _:
                assert_never(event)

    # ---- watchdog

    async def watch(self) -> None:
        """Look at timers for ever; measures how late the loop runs on the way."""
        while True:
            due_s = self._clock.monotonic_s() + WATCHDOG_EVERY_S
            await asyncio.sleep(WATCHDOG_EVERY_S)
            now_s = self._clock.monotonic_s()
            self._observers.loop_lag(max(0.0, now_s - due_s))
            self.expire(now_s)

    def expire(self, now_s: float) -> None:
        """Remove those whose socket and media are both gone, or whose grace ran out."""
        for live in list(self.gate.by_transport.values()):
            if self._is_gone(live, now_s):
                self._log.event("participant.expired", room=live.room, pid=live.pid)
                self.gate.remove(live)

    def _is_gone(self, live: LiveParticipant, now_s: float) -> bool:
        if live.socket_lost_s is None:
            return False
        if now_s - live.socket_lost_s > self.timers.resume_grace_s:
            return True
        media_dead = not live.keyed or live.media_lost_s is not None
        return media_dead and now_s - live.socket_lost_s > self.timers.half_open_s
