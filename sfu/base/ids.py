"""Ids and closed sets that every layer shares. Values only, no behaviour."""

from __future__ import annotations

import base64
import secrets
from enum import StrEnum
from typing import NewType

RoomId = NewType("RoomId", str)
"""``[a-z0-9-]{1,64}``, as in the path ``/r/ROOM``."""

Pid = NewType("Pid", str)
"""Public id of one participant in one room visit: 8 random bytes, base64url without padding."""

Identity = NewType("Identity", str)
"""The subject of the join token. Never shown to other participants."""

TransportId = NewType("TransportId", int)
"""One ICE + DTLS association, unique for the life of the process."""

IngressId = NewType("IngressId", int)
"""One published track (one send m-section) of one transport, unique for the life of the process."""

EgressId = NewType("EgressId", int)
"""One egress stream (one seat, one kind) of one subscriber, unique for the life of the process."""

Ssrc = NewType("Ssrc", int)
Mid = NewType("Mid", str)
Rid = NewType("Rid", str)

ROOM_ID_PATTERN = r"^[a-z0-9-]{1,64}$"
PID_BYTES = 8


class MediaKind(StrEnum):
    """Kind of an m-section, as SDP spells it (RFC 8866 section 5.14)."""

    AUDIO = "audio"
    VIDEO = "video"


class Codec(StrEnum):
    """Codecs whose RTP payload descriptors we can read."""

    OPUS = "opus"
    VP8 = "vp8"
    VP9 = "vp9"
    AV1 = "av1"
    H264 = "h264"


class Source(StrEnum):
    """What a track shows or carries. The context of E2EE.md 5.5 follows from it."""

    MICROPHONE = "microphone"
    CAMERA = "camera"
    SCREEN = "screen"
    SCREEN_AUDIO = "screen_audio"

    @property
    def kind(self) -> MediaKind:
        """Whether the source is heard or seen."""
        audible = self in (Source.MICROPHONE, Source.SCREEN_AUDIO)
        return MediaKind.AUDIO if audible else MediaKind.VIDEO


def new_pid() -> Pid:
    """A fresh pid from the system's random source."""
    raw = secrets.token_bytes(PID_BYTES)
    return Pid(base64.urlsafe_b64encode(raw).rstrip(b"=").decode("ascii"))
