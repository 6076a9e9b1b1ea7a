"""What the plane knows of one admitted packet, and of its publisher's clock."""

from __future__ import annotations

from collections import deque

from sfu.base.ids import Codec, IngressId, Rid
from sfu.wire.extensions import DependencyDescriptor
from sfu.wire.payload import Vp8Descriptor, Vp9Descriptor
from sfu.wire.rtcp import SenderReport, unix_from_ntp
from sfu.wire.rtp import RtpPacket
from sfu.wire.sequence import ts_delta

Encoding = tuple[IngressId, Rid | None]
"""One encoding of one track: what a seat stream is fed from."""

EncodingsView = tuple[tuple[Rid | None, bool], ...]
"""A track's encodings, smallest first, and whether each is being sent."""

OFFSET_WINDOW = 32
"""Sender reports over which the least delay is taken (SEATS R2): about half a minute at one a
second. Lower: a late report bends the clock; higher: a publisher's drifting clock is followed late."""

MAX_AGE_S = 3.0
"""How long a packet or report may have been under way. What would have taken longer comes from a clock
that was set meanwhile, or from a liar (SECURITY B, SR poisoning): arrival time counts then. Lower: slow
paths lose lip sync; higher: a lie moves a seat's timestamps by as much."""


class Facts:
    """One media packet, decrypted and admitted, RTX unwrapped. Made for every packet in."""

    __slots__ = (
        "arrival_s",
        "audio_level",
        "codec",
        "dd",
        "dd_raw",
        "encoding",
        "ext_seq",
        "key_start",
        "orientation",
        "packet",
        "temporal",
        "vp8",
        "vp9",
    )

    def __init__(
        self,
        packet: RtpPacket,
        encoding: Encoding,
        codec: Codec,
        ext_seq: int,
        arrival_s: float,
    ) -> None:
        self.packet = packet
        self.encoding = encoding
        self.codec = codec
        self.ext_seq = ext_seq
        """Unwrapped sequence number of the encoding's own SSRC."""
        self.arrival_s = arrival_s
        self.key_start = False
        """First packet of a key frame; true for all audio."""
        self.temporal = 0
        self.dd: DependencyDescriptor | None = None
        self.dd_raw: bytes | None = None
        self.vp8: Vp8Descriptor | None = None
        self.vp9: Vp9Descriptor | None = None
        self.audio_level: bytes | None = None
        self.orientation: bytes | None = None


class PublisherClock:
    """How far a publisher's NTP clock is from ours: D of SEATS R2, a windowed minimum."""

    __slots__ = ("_offsets",)

    def __init__(self) -> None:
        self._offsets: deque[float] = deque(maxlen=OFFSET_WINDOW)

    def observe(self, ntp_s: float, arrival_s: float) -> None:
        """A sender report with this NTP time (Unix seconds) arrived then."""
        offset_s = arrival_s - ntp_s
        if self._offsets and abs(offset_s - min(self._offsets)) > MAX_AGE_S:
            self._offsets.clear()
        self._offsets.append(offset_s)

    @property
    def offset_s(self) -> float | None:
        """Add to the publisher's NTP time to get ours; None before the first report."""
        return min(self._offsets) if self._offsets else None


class IngressClock:
    """RTP timestamps of one encoding -> capture time on the plane's monotonic clock (SEATS R2)."""

    __slots__ = ("_arrival_s", "_clock_hz", "_ntp_s", "_publisher", "_rtp")

    def __init__(self, clock_hz: int, publisher: PublisherClock) -> None:
        self._clock_hz = clock_hz
        self._publisher = publisher
        self._ntp_s: float | None = None
        self._arrival_s = 0.0
        self._rtp = 0

    def on_sender_report(self, report: SenderReport, arrival_s: float) -> None:
        """Take the report's mapping; its delay helps to place the publisher's whole clock."""
        self._ntp_s = unix_from_ntp(report.ntp_time)
        self._arrival_s = arrival_s
        self._rtp = report.rtp_timestamp
        self._publisher.observe(self._ntp_s, arrival_s)

    def forget_report(self) -> None:
        """The mapping is broken (the microphone's clock stood still): wait for a fresh one (R4)."""
        self._ntp_s = None

    def capture_s(self, timestamp: int, arrival_s: float) -> float:
        """When a packet was captured, never later than it arrived; arrival before any report."""
        mapping = self.mapping()
        if mapping is None:
            return arrival_s
        time_s, rtp = mapping
        captured_s = time_s + ts_delta(timestamp, rtp) / self._clock_hz
        return captured_s if arrival_s - MAX_AGE_S <= captured_s <= arrival_s else arrival_s

    def mapping(self) -> tuple[float, int] | None:
        """(time on our monotonic clock, RTP timestamp) of the last report, None without one."""
        offset_s = self._publisher.offset_s
        if self._ntp_s is None or offset_s is None:
            return None
        time_s = self._ntp_s + offset_s
        if abs(time_s - self._arrival_s) > MAX_AGE_S:
            return None  # the publisher's clock was set after this report
        return time_s, self._rtp
