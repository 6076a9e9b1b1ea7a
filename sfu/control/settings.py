"""What the control plane needs to know of the configuration, as plain values."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from sfu.base.ids import Codec
from sfu.plane.port import SocketAddress
from sfu.protocol.messages import IceServer


@dataclass(frozen=True, slots=True, kw_only=True)
class ControlSettings:
    """Fixed for the life of the process."""

    codec: Codec
    """Video codec of every room."""
    capacity: int
    """Participants a room holds."""
    max_rooms: int
    seats_max: int
    """Seats one client may ask for, in all."""
    ssrcs_max: int
    audio_level: bool
    """Whether clients send their loudness (RFC 6464): who speaks is then visible to the server."""
    open_creation: bool
    """Anybody may make a room and enter one without an invite."""
    issuer: str
    audience: str
    invite_ttl_s: int
    candidates: tuple[SocketAddress, ...]
    """Addresses of the media port as clients reach it. Nothing else goes into an answer."""
    ice_servers: Callable[[float], list[IceServer]]
    """TURN servers with fresh credentials; argument: wall-clock time in seconds."""
    resume_grace_s: float
    half_open_s: float
    handshake_s: float = 30.0
    """From join to SRTP keys. Lower: slow paths fail; higher: dead joins hold a place longer."""
