"""Every key, with its unit, range and default. ``config.yaml`` shows the same, and a test compares.

A key that is not here refuses to load. Secrets are never values: a ``*_file`` key names a file.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from msgspec import Meta, Struct

from sfu.base.ids import Codec

Port = Annotated[int, Meta(ge=1, le=65_535)]
HostPort = Annotated[str, Meta(max_length=128)]
Seconds = Annotated[int, Meta(ge=1, le=366 * 86_400)]


class Section(Struct, forbid_unknown_fields=True, kw_only=True, frozen=True):
    """One section of the file."""


class TlsMode(StrEnum):
    """Where the certificate of the web listener comes from."""

    OFF = "off"
    SELF_SIGNED = "self_signed"
    FILES = "files"


class PlaneChoice(StrEnum):
    """Which forwarding plane runs."""

    AUTO = "auto"
    NATIVE = "native"
    REFERENCE = "reference"


class Creation(StrEnum):
    """Whether anybody may make a room."""

    AUTO = "auto"
    OPEN = "open"
    CLOSED = "closed"


class LogLevel(StrEnum):
    """Least level that is written."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


class Tls(Section, frozen=True, kw_only=True):
    """TLS of the web listener."""

    mode: TlsMode = TlsMode.OFF
    cert_file: str | None = None
    key_file: str | None = None


class Server(Section, frozen=True, kw_only=True):
    """The public listener: web app and signalling."""

    listen: HostPort = "127.0.0.1:8080"
    public_url: str | None = None
    origins: Annotated[tuple[str, ...], Meta(max_length=32)] = ()
    trusted_proxies: Annotated[tuple[str, ...], Meta(max_length=32)] = ()
    tls: Tls = Tls()


class Media(Section, frozen=True, kw_only=True):
    """The media port."""

    listen: Annotated[tuple[HostPort, ...], Meta(min_length=1, max_length=16)] = ("127.0.0.1:7882",)
    announced: Annotated[tuple[str, ...], Meta(max_length=16)] = ()
    plane: PlaneChoice = PlaneChoice.AUTO
    audio_level: bool = True


class Admin(Section, frozen=True, kw_only=True):
    """Metrics and health."""

    listen: HostPort = "127.0.0.1:9464"
    key_file: str | None = None


class Rooms(Section, frozen=True, kw_only=True):
    """What rooms are like."""

    codec: Codec = Codec.VP8
    creation: Creation = Creation.AUTO
    max_participants: Annotated[int, Meta(ge=2, le=250)] = 100
    max_rooms: Annotated[int, Meta(ge=1, le=100_000)] = 1000
    seats_max: Annotated[int, Meta(ge=1, le=64)] = 49


class Auth(Section, frozen=True, kw_only=True):
    """Join tokens and invites."""

    key_file: str | None = None
    issuer: Annotated[str, Meta(min_length=1, max_length=128)] = "sotto"
    audience: Annotated[str, Meta(min_length=1, max_length=128)] = "sotto"
    invite_ttl_s: Seconds = 30 * 86_400
    join_token_ttl_s: Annotated[int, Meta(ge=1, le=600)] = 300


class IceServerConfig(Section, frozen=True, kw_only=True):
    """One STUN or TURN server that clients are told of."""

    urls: Annotated[tuple[str, ...], Meta(min_length=1, max_length=8)]
    secret_file: str | None = None
    """coturn's ``static-auth-secret``: credentials are then made for each join."""
    ttl_s: Annotated[int, Meta(ge=60, le=86_400)] = 3600


class Ice(Section, frozen=True, kw_only=True):
    """TURN servers for networks that do not let UDP through."""

    servers: Annotated[tuple[IceServerConfig, ...], Meta(max_length=8)] = ()


class Web(Section, frozen=True, kw_only=True):
    """The web app."""

    autojoin: bool = False


class Log(Section, frozen=True, kw_only=True):
    """Logs: JSON lines on standard error."""

    level: LogLevel = LogLevel.INFO


class Limits(Section, frozen=True, kw_only=True):
    """Bounds and timers (DESIGN section 8). Lower refuses honest clients sooner, higher costs memory."""

    connections: Annotated[int, Meta(ge=1, le=100_000)] = 2000
    connections_per_address: Annotated[int, Meta(ge=1, le=100_000)] = 100
    handshakes_per_s: Annotated[int, Meta(ge=1, le=100_000)] = 20
    first_frame_s: Annotated[float, Meta(ge=0.1, le=60.0)] = 5.0
    half_open_s: Annotated[float, Meta(ge=1.0, le=600.0)] = 15.0
    resume_grace_s: Annotated[float, Meta(ge=1.0, le=600.0)] = 60.0
    messages_burst: Annotated[int, Meta(ge=10, le=10_000)] = 200
    messages_per_s: Annotated[int, Meta(ge=1, le=10_000)] = 20
    ssrcs_per_participant: Annotated[int, Meta(ge=8, le=1024)] = 64


class Config(Section, frozen=True, kw_only=True):
    """All of it. ``state_dir`` holds what a server makes by itself: keys, certificate, store."""

    state_dir: str = "state"
    server: Server = Server()
    media: Media = Media()
    admin: Admin = Admin()
    rooms: Rooms = Rooms()
    auth: Auth = Auth()
    ice: Ice = Ice()
    web: Web = Web()
    log: Log = Log()
    limits: Limits = Limits()
