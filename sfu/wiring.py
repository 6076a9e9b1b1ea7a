"""Configuration -> the parts of a server. Used by ``sfu.app`` alone; makes, never runs."""

from __future__ import annotations

import importlib.util
import ssl
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import get_args

from sfu import __version__
from sfu.auth.grants import Role
from sfu.auth.invites import InviteRequest, mint_invite
from sfu.auth.keys import SigningKey
from sfu.auth.reasons import DenialReason
from sfu.base.errors import ConfigError
from sfu.base.ids import RoomId
from sfu.base.metrics import LabelSets, Metrics, PlaneReading
from sfu.base.redact import Secret, short_hash
from sfu.config.checks import host_and_port, is_loopback, read_secret
from sfu.config.links import allowed_origins, open_creation, page_origin
from sfu.config.schema import Config, IceServerConfig, PlaneChoice, TlsMode
from sfu.config.secrets import state_dir
from sfu.control.settings import ControlSettings
from sfu.control.supervisor import Timers
from sfu.plane.port import Plane, PlaneLimits, SocketAddress
from sfu.plane.reference.plane import ReferencePlane
from sfu.protocol.errors import ErrorCode
from sfu.protocol.messages import AnyClientMessage, IceServer
from sfu.server.admin import AdminParts, AdminServer
from sfu.server.admission import Admission, AdmissionLimits
from sfu.server.headers import security_headers
from sfu.server.listener import ListenerParts, PublicListener
from sfu.server.signalling import SignallingParts
from sfu.server.static import StaticFiles
from sfu.server.tls import self_signed, server_context
from sfu.session import SessionLimits
from sfu.transport.dtls import DtlsFailureReason
from sfu.transport.turn import turn_credentials

STATIC = Path(__file__).parent / "server" / "static"
REFERENCE_ONLY = (
    "the native plane is not built here; the reference plane carries small meetings (see docs/operations.md)"
)


def new_plane(config: Config, on_bug: Callable[[BaseException], None]) -> tuple[Plane, str]:
    """The plane that was asked for, and why it is this one. ``auto`` is the native one where it is built.

    Raises:
        ConfigError: the native plane was asked for and is not built.
    """
    choice = config.media.plane
    limits = PlaneLimits(ssrcs=config.limits.ssrcs_per_participant)
    is_built = importlib.util.find_spec("sfu._plane") is not None
    if choice is PlaneChoice.NATIVE and not is_built:
        wanted = "auto or reference: the native plane is not built here (it needs cargo; see README.md)"
        raise ConfigError("media", "media.plane", "native", wanted)
    if choice is not PlaneChoice.REFERENCE and is_built:
        # Imported only where it is built: the module needs ``sfu._plane``.
        from sfu.plane.native import NativePlane

        return NativePlane(
            limits, on_bug=on_bug
        ), "as configured" if choice is PlaneChoice.NATIVE else "built here"
    why = "as configured" if choice is PlaneChoice.REFERENCE else REFERENCE_ONLY
    return ReferencePlane(limits=limits, on_bug=on_bug), why


def media_addresses(config: Config) -> list[SocketAddress]:
    """Where the media port listens. Checked when the configuration was loaded."""
    return [_address(text) for text in config.media.listen]


def candidates(config: Config, bound: Sequence[SocketAddress]) -> tuple[SocketAddress, ...]:
    """What answers tell: the announced addresses with each port, else what is really bound."""
    if not config.media.announced:
        return tuple(bound)
    ports = dict.fromkeys(address.port for address in bound)
    return tuple(SocketAddress(host=host, port=port) for port in ports for host in config.media.announced)


def control_settings(config: Config, bound: Sequence[SocketAddress]) -> ControlSettings:
    """What rooms are like."""
    return ControlSettings(
        codec=config.rooms.codec,
        capacity=config.rooms.max_participants,
        max_rooms=config.rooms.max_rooms,
        seats_max=config.rooms.seats_max,
        ssrcs_max=config.limits.ssrcs_per_participant,
        audio_level=config.media.audio_level,
        open_creation=open_creation(config),
        issuer=config.auth.issuer,
        audience=config.auth.audience,
        invite_ttl_s=config.auth.invite_ttl_s,
        candidates=candidates(config, bound),
        ice_servers=ice_servers(config),
        resume_grace_s=config.limits.resume_grace_s,
        half_open_s=config.limits.half_open_s,
    )


def timers(settings: ControlSettings) -> Timers:
    """The supervisor's."""
    return Timers(
        handshake_s=settings.handshake_s,
        half_open_s=settings.half_open_s,
        resume_grace_s=settings.resume_grace_s,
    )


def session_limits(config: Config) -> SessionLimits:
    """Of one signalling connection."""
    return SessionLimits(
        first_message_s=config.limits.first_frame_s,
        burst=config.limits.messages_burst,
        messages_per_s=config.limits.messages_per_s,
    )


def ice_servers(config: Config) -> Callable[[float], list[IceServer]]:
    """STUN and TURN servers, with credentials made for each join; secrets are read once."""
    known = [(server, _turn_secret(index, server)) for index, server in enumerate(config.ice.servers)]

    def servers(wall_s: float) -> list[IceServer]:
        return [_ice_server(server, secret, wall_s) for server, secret in known]

    return servers


def _turn_secret(index: int, server: IceServerConfig) -> bytes | None:
    if server.secret_file is None:
        return None
    return read_secret("config", f"ice.servers[{index}].secret_file", server.secret_file).encode()


def _ice_server(server: IceServerConfig, secret: bytes | None, wall_s: float) -> IceServer:
    if secret is None:
        return IceServer(urls=list(server.urls))
    name = short_hash(f"turn {wall_s}")
    made = turn_credentials(secret=secret, name=name, ttl_s=server.ttl_s, unix_s=int(wall_s))
    return IceServer(urls=list(server.urls), username=made.username, credential=made.credential)


def new_metrics(plane_name: str) -> Metrics:
    """Metrics with the label values that upper layers own."""
    sets = LabelSets(
        error_codes=tuple(ErrorCode),
        message_types=tuple(str(m.__struct_config__.tag) for m in get_args(AnyClientMessage)),
        denial_reasons=tuple(DenialReason),
        dtls_failures=tuple(DtlsFailureReason),
    )
    return Metrics(sets, version=__version__, plane=plane_name)


def plane_reading(plane: Plane) -> PlaneReading:
    """The plane's counters as metrics want them."""
    now = plane.counters()
    return PlaneReading(
        counts={key.value: number for key, number in now.counts.items()},
        drops={key.value: number for key, number in now.drops.items()},
        transports=now.transports,
        ingresses=now.ingresses,
        seats=now.seats,
    )


def listener(config: Config, signalling: SignallingParts) -> tuple[PublicListener, str | None]:
    """The public listener, and the fingerprint of its certificate when we made that."""
    host, port = _host_port("server.listen", config.server.listen)
    context, fingerprint = _tls(config, host)
    origins = allowed_origins(config)
    behind_tls = context is not None or page_origin(config).startswith("https:")
    limits = AdmissionLimits(
        connections=config.limits.connections,
        per_address=config.limits.connections_per_address,
        handshakes_per_s=config.limits.handshakes_per_s,
    )
    parts = ListenerParts(
        host=host,
        port=port,
        tls=context,
        headers=security_headers(
            tls=behind_tls,
            websocket_origins=tuple(sorted(f"ws{origin[4:]}" for origin in origins)),
        ),
        static=StaticFiles(STATIC, autojoin=config.web.autojoin, version=__version__),
        admission=Admission(limits, origins, config.server.trusted_proxies),
        signalling=signalling,
    )
    return PublicListener(parts), fingerprint


def _tls(config: Config, host: str) -> tuple[ssl.SSLContext | None, str | None]:
    tls = config.server.tls
    if tls.mode is TlsMode.OFF:
        return None, None
    if tls.mode is TlsMode.SELF_SIGNED:
        cert_file, key_file, fingerprint = self_signed(state_dir(config), host)
        return server_context(cert_file, key_file), fingerprint
    return server_context(Path(tls.cert_file or ""), Path(tls.key_file or "")), None


def admin_server(
    config: Config, metrics: Metrics, is_ready: Callable[[], bool], on_scrape: Callable[[], None]
) -> AdminServer:
    """The admin listener."""
    host, port = _host_port("admin.listen", config.admin.listen)
    name = config.admin.key_file
    key = None if name is None else Secret(read_secret("config", "admin.key_file", name))
    return AdminServer(
        AdminParts(
            host=host,
            port=port,
            key=key,
            metrics=metrics,
            is_ready=is_ready,
            on_scrape=on_scrape,
        )
    )


def guest_invite(config: Config, key: SigningKey, room: str) -> str:
    """An invite for the link that ``serve --room`` prints."""

    request = InviteRequest(
        room=RoomId(room),
        role=Role.GUEST,
        ttl_s=config.auth.invite_ttl_s,
        issuer=config.auth.issuer,
        audience=config.auth.audience,
    )
    return mint_invite(key, request, time.time())


def is_local(config: Config) -> bool:
    """Whether only this machine can reach the page."""
    return is_loopback(_host_port("server.listen", config.server.listen)[0])


def _address(text: str) -> SocketAddress:
    host, port = _host_port("media.listen", text)
    return SocketAddress(host=host, port=port)


def _host_port(key: str, text: str) -> tuple[str, int]:
    parsed = host_and_port(text)
    if parsed is None:
        raise ConfigError("config", key, text, "ADDRESS:PORT")
    return parsed
