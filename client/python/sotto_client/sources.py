"""Pictures and tones a bot can send: encoded here, sealed before aiortc sees them."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import av
from aiortc.mediastreams import MediaStreamTrack

Packet = Any
"""``av.Packet``, which is generic over what it holds in some releases of PyAV."""

Seal = Callable[[bytes, bool], bytes | None]
"""(encoded frame, is key frame) -> sealed frame, None while there is no key."""

FPS = 15
KEY_EVERY = FPS  # a key frame a second: whoever comes late waits no longer
OPUS_FRAME_SAMPLES = 960
OPUS_RATE_HZ = 48_000


class _PacedTrack(MediaStreamTrack):
    """Gives one packet each ``_interval_s`` seconds."""

    def __init__(self, interval_s: float, seal: Seal) -> None:
        super().__init__()
        self._interval_s = interval_s
        self._seal = seal
        self._count = 0
        self._started_s: float | None = None
        self.sent = 0

    async def recv(self) -> Packet:
        """The next sealed packet; frames that cannot be sealed are dropped, never sent in clear."""
        loop = asyncio.get_running_loop()
        if self._started_s is None:
            self._started_s = loop.time()
        while True:
            due_s = self._started_s + self._count * self._interval_s
            await asyncio.sleep(max(0.0, due_s - loop.time()))
            packet = self._next(self._count)
            self._count += 1
            if packet is None:
                continue
            sealed = self._seal(bytes(packet), bool(packet.is_keyframe))
            if sealed is not None:
                self.sent += 1
                out = av.Packet(sealed)
                out.pts, out.time_base = packet.pts, packet.time_base
                return out

    def _next(self, number: int) -> Packet | None:
        raise NotImplementedError


class ColourTrack(_PacedTrack):
    """A plain colour with a bar that moves, as VP8."""

    kind = "video"

    def __init__(self, rgb: tuple[int, int, int], seal: Seal, size: tuple[int, int] = (320, 180)) -> None:
        super().__init__(1 / FPS, seal)
        self._rgb = rgb
        self._width, self._height = size
        codec = av.CodecContext.create("libvpx", "w")
        codec.width, codec.height = size
        codec.pix_fmt = "yuv420p"
        codec.time_base = Fraction(1, FPS)
        codec.framerate = Fraction(FPS)
        codec.bit_rate = 300_000
        codec.gop_size = KEY_EVERY
        codec.options = {"deadline": "realtime", "cpu-used": "8", "lag-in-frames": "0"}
        self._codec = codec

    def _next(self, number: int) -> Packet | None:
        frame = av.VideoFrame(self._width, self._height, "rgb24")
        row = bytearray(bytes(self._rgb) * self._width)
        at = (number * 6) % (self._width - 20)
        row[3 * at : 3 * (at + 20)] = bytes(60)
        stride = frame.planes[0].line_size
        line = bytes(row).ljust(stride, b"\0")
        frame.planes[0].update(line * self._height)
        picture = frame.reformat(format="yuv420p")
        picture.pts, picture.time_base = number, Fraction(1, FPS)
        packets = self._codec.encode(picture)
        return packets[0] if packets else None


class ToneTrack(_PacedTrack):
    """One pitch, as Opus."""

    kind = "audio"

    def __init__(self, hz: int, seal: Seal) -> None:
        super().__init__(OPUS_FRAME_SAMPLES / OPUS_RATE_HZ, seal)
        self._hz = hz
        codec = av.CodecContext.create("libopus", "w")
        codec.sample_rate = OPUS_RATE_HZ
        codec.layout = "stereo"
        codec.format = "s16"
        codec.bit_rate = 32_000
        self._codec = codec

    def _next(self, number: int) -> Packet | None:
        first = number * OPUS_FRAME_SAMPLES
        samples = bytearray()
        for i in range(OPUS_FRAME_SAMPLES):
            value = round(9000 * math.sin(2 * math.pi * self._hz * (first + i) / OPUS_RATE_HZ))
            samples += value.to_bytes(2, "little", signed=True) * 2
        frame = av.AudioFrame(format="s16", layout="stereo", samples=OPUS_FRAME_SAMPLES)
        frame.planes[0].update(bytes(samples))
        frame.sample_rate = OPUS_RATE_HZ
        frame.pts, frame.time_base = first, Fraction(1, OPUS_RATE_HZ)
        packets = self._codec.encode(frame)
        return packets[0] if packets else None
