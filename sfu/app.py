"""The composition root: builds, wires, runs, shuts down."""

from __future__ import annotations

import asyncio
import base64
import secrets
import signal
import sys
from contextlib import AsyncExitStack

from sfu import __version__, wiring
from sfu.auth.keys import SigningKey
from sfu.base.clock import SystemClock
from sfu.base.ids import RoomId
from sfu.base.log import Log, configure
from sfu.base.metrics import Metrics
from sfu.config.links import open_creation, page_origin
from sfu.config.schema import Config
from sfu.config.secrets import state_dir, store_path, token_key_path
from sfu.control.gate import Gate, GateParts
from sfu.control.supervisor import Observers, Supervisor
from sfu.plane.port import Plane
from sfu.protocol.errors import ErrorCode
from sfu.protocol.messages import Closing
from sfu.server.signalling import SignallingParts
from sfu.store.sqlite import SqliteStore
from sfu.transport.dtls import Certificate, check_aiortc

FAREWELL_S = 0.2  # for the last messages to leave before the sockets close


async def serve(config: Config, room: str | None = None) -> None:
    """Run a server until SIGINT or SIGTERM.

    Args:
        room: make this room and print a link to it once the server is up.

    Raises:
        ConfigError, PlaneError: it cannot start; the message says what is wrong.
    """
    configure(config.log.level)
    check_aiortc()
    async with AsyncExitStack() as stack:
        server = await _Server(config).start(stack)
        server.greet(room)
        await _told_to_stop()
        await server.drain()


class _Server:
    """Everything that lives as long as the process."""

    def __init__(self, config: Config) -> None:
        self.config = config
        self.clock = SystemClock()
        self.log = Log(self.clock)
        self.plane: Plane
        self.plane, self.plane_why = wiring.new_plane(config, self.log.bug)
        self.metrics: Metrics = wiring.new_metrics(self.plane.capabilities.name)
        self.key = SigningKey.load_or_create(token_key_path(config))
        self.store = SqliteStore(store_path(config))
        self.fingerprint: str | None = None
        self.gate: Gate

    async def start(self, stack: AsyncExitStack) -> _Server:
        """Bind in the order of need: media, admin, and last the door people come in by."""
        stack.callback(self.store.close)
        supervisor = self._supervisor()
        bound = await self.plane.start(wiring.media_addresses(self.config), supervisor.on_event)
        stack.push_async_callback(self.plane.stop)
        settings = wiring.control_settings(self.config, bound)
        supervisor.timers = wiring.timers(settings)
        self.gate = Gate(
            GateParts(
                settings=settings,
                plane=self.plane,
                key=self.key,
                store=self.store,
                clock=self.clock,
                certificate=Certificate.generate(),
                log=self.log,
                start_media=supervisor.start_media,
                stop_media=supervisor.stop_media,
            )
        )
        await self._listen(stack)
        # Entered last, so that an address that cannot be bound is one plain error, and without a
        # pause after the door opened, so that nobody comes in before there is a group for their task.
        tasks = await stack.enter_async_context(asyncio.TaskGroup())
        supervisor.bind(self.gate, tasks)
        watch = tasks.create_task(supervisor.watch(), name="watchdog")
        stack.callback(supervisor.end_all)
        stack.callback(watch.cancel)
        self.log.event("server.started", version=__version__, plane=self.plane.capabilities.name)
        return self

    async def _listen(self, stack: AsyncExitStack) -> None:
        self.metrics.follow_plane(lambda: wiring.plane_reading(self.plane))
        self.metrics.rooms.follow(lambda: len(self.gate.rooms))
        self.metrics.participants.follow(lambda: len(self.gate.by_transport))
        admin = wiring.admin_server(self.config, self.metrics, lambda: not self.gate.draining, lambda: None)
        await admin.start()
        stack.push_async_callback(admin.close)
        signalling = SignallingParts(
            gate=self.gate,
            key=self.key,
            store=self.store,
            issuer=self.config.auth.issuer,
            audience=self.config.auth.audience,
            limits=wiring.session_limits(self.config),
            clock=self.clock,
            metrics=self.metrics,
            on_bug=self.log.bug,
        )
        listener, self.fingerprint = wiring.listener(self.config, signalling)
        self.metrics.sockets.follow(lambda: listener.sockets)
        await listener.start()
        stack.push_async_callback(listener.close)

    def _supervisor(self) -> Supervisor:
        metrics = self.metrics
        observers = Observers(
            dtls_failed=metrics.dtls_failures.add,
            ice_failed=metrics.ice_failures.add,
            media_up=metrics.media_setup.observe,
            loop_lag=metrics.loop_lag.observe,
            bug=self.log.bug,
        )
        return Supervisor(self.plane, self.clock, self.log, observers)

    def greet(self, room: str | None) -> None:
        """Say what runs and how to get in. The link is a line of its own."""
        config = self.config
        say = self._say
        say(f"Sotto {__version__} at {page_origin(config)}")
        say(f"Media on UDP {', '.join(config.media.listen)}; metrics at http://{config.admin.listen}")
        say(f"Plane: {self.plane.capabilities.name} ({self.plane_why})")
        say(f"Keys and rooms are kept in {state_dir(config)}")
        if open_creation(config):
            say("Anybody who reaches this page can make a room (rooms.creation).")
        small = getattr(self.plane, "small_buffer_bytes", None)
        if small is not None:
            say(f"Socket buffers are {small} bytes: raise net.core.rmem_max and wmem_max to 4194304.")
        if self.fingerprint is not None:
            say(f"Self-signed certificate, SHA-256 {self.fingerprint}")
        if room is not None:
            self.store.add_room(RoomId(room), self.clock.wall_s())
            secret = base64.urlsafe_b64encode(secrets.token_bytes(32)).rstrip(b"=").decode()
            invite = wiring.guest_invite(config, self.key, room)
            say("Open this link, and send it to others:")
            say(f"{page_origin(config)}/r/{room}#k={secret}&i={invite}")

    async def drain(self) -> None:
        """Refuse newcomers, tell everybody, and let the words leave."""
        self.gate.draining = True
        code = ErrorCode.SERVER_DRAINING
        closing = Closing(code=code, text=code.text, action=code.action)
        for live in list(self.gate.by_transport.values()):
            self.gate.remove(live, closing)
        self.log.event("server.stopping")
        await asyncio.sleep(FAREWELL_S)

    @staticmethod
    def _say(line: str) -> None:
        print(line, file=sys.stdout, flush=True)


async def _told_to_stop() -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    await stop.wait()
