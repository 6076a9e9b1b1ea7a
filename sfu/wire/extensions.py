"""What stands in the RTP header extensions we read or rewrite."""

from __future__ import annotations

import struct
from dataclasses import dataclass

from sfu.base.errors import WireError

MID = "urn:ietf:params:rtp-hdrext:sdes:mid"
RID = "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id"
REPAIRED_RID = "urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id"
AUDIO_LEVEL = "urn:ietf:params:rtp-hdrext:ssrc-audio-level"
VIDEO_ORIENTATION = "urn:3gpp:video-orientation"
ABS_SEND_TIME = "http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time"
PLAYOUT_DELAY = "http://www.webrtc.org/experiments/rtp-hdrext/playout-delay"
TRANSPORT_CC = "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01"
DEPENDENCY_DESCRIPTOR = (
    "https://aomediacodec.github.io/av1-rtp-spec/#dependency-descriptor-rtp-header-extension"
)

MAX_TEMPLATES = 64  # AV1 RTP spec A.8: template ids are 6 bits


def parse_audio_level(raw: bytes) -> tuple[bool, int]:
    """Voice flag and level in -dBov, 0 loudest to 127 (RFC 6464 section 3).

    Raises:
        WireError: empty.
    """
    if not raw:
        raise WireError("audio_level_short")
    return raw[0] >= 0x80, raw[0] & 0x7F


def parse_transport_seq(raw: bytes) -> int:
    """Transport-wide sequence number (draft-holmer-rmcat-transport-wide-cc-extensions-01, 2).

    Raises:
        WireError: not two bytes (or four, in its second version).
    """
    if len(raw) not in (2, 4):
        raise WireError("transport_cc_length")
    number: int = struct.unpack_from("!H", raw)[0]
    return number


def parse_abs_send_time(raw: bytes) -> float:
    """Seconds modulo 64, 6.18 fixed point.

    Raises:
        WireError: not three bytes.
    """
    if len(raw) != 3:
        raise WireError("abs_send_time_length")
    return int.from_bytes(raw, "big") / (1 << 18)


def parse_text(raw: bytes) -> str:
    """MID, RID or repaired RID (RFC 9143 section 15, RFC 8852 section 3).

    Raises:
        WireError: empty, over 255 bytes or not printable ASCII.
    """
    if not raw or any(not 33 <= byte <= 126 for byte in raw):
        raise WireError("sdes_text")
    return raw.decode("ascii")


# ---- dependency descriptor (AV1 RTP specification, appendix A) -------------------------------------


@dataclass(frozen=True, slots=True)
class DdStructure:
    """The template structure that a key frame carries: which template is which layer."""

    template_id_offset: int
    layers: tuple[tuple[int, int], ...]
    """(spatial, temporal) of each template, in order."""


class DependencyDescriptor:
    """One packet's descriptor: the mandatory fields and, on key frames, the structure."""

    __slots__ = (
        "end_of_frame",
        "frame_number",
        "start_of_frame",
        "structure",
        "template_id",
    )

    def __init__(
        self,
        start_of_frame: bool,
        end_of_frame: bool,
        template_id: int,
        frame_number: int,
        structure: DdStructure | None,
    ) -> None:
        self.start_of_frame = start_of_frame
        self.end_of_frame = end_of_frame
        self.template_id = template_id
        self.frame_number = frame_number
        self.structure = structure


def parse_dd(raw: bytes) -> DependencyDescriptor:
    """Read the mandatory fields, and the layers of a structure that is attached.

    Raises:
        WireError: ``dd_short``, or ``dd_structure`` when the structure runs past the end.
    """
    if len(raw) < 3:
        raise WireError("dd_short")
    first = raw[0]
    return DependencyDescriptor(
        start_of_frame=bool(first & 0x80),
        end_of_frame=bool(first & 0x40),
        template_id=first & 0x3F,
        frame_number=raw[1] << 8 | raw[2],
        structure=_structure(raw) if len(raw) > 3 else None,
    )


def layer_of(descriptor: DependencyDescriptor, structure: DdStructure | None) -> tuple[int, int]:
    """(spatial, temporal) of a packet, (0, 0) when the structure does not name its template."""
    if structure is None:
        return 0, 0
    index = (descriptor.template_id - structure.template_id_offset) % MAX_TEMPLATES
    return structure.layers[index] if index < len(structure.layers) else (0, 0)


def rewrite_dd_frame_number(raw: bytes, frame_number: int) -> bytes:
    """The same descriptor with another frame number (SEATS R8). Never longer than before.

    Raises:
        WireError: shorter than its mandatory fields.
    """
    if len(raw) < 3:
        raise WireError("dd_short")
    return raw[:1] + struct.pack("!H", frame_number & 0xFFFF) + raw[3:]


class _Bits:
    """A reader that refuses to run past the end."""

    __slots__ = ("_left", "_value")

    def __init__(self, raw: bytes) -> None:
        self._value = int.from_bytes(raw, "big")
        self._left = 8 * len(raw)

    def take(self, count: int) -> int:
        if count > self._left:
            raise WireError("dd_structure")
        self._left -= count
        return (self._value >> self._left) & ((1 << count) - 1)


def _structure(raw: bytes) -> DdStructure | None:
    bits = _Bits(raw[3:])
    flags = bits.take(5)  # structure present, active targets, custom dtis, fdiffs, chains
    if not flags & 0x10:
        return None
    offset = bits.take(6)
    bits.take(5)  # decode targets
    spatial = temporal = 0
    layers: list[tuple[int, int]] = []
    while len(layers) < MAX_TEMPLATES:
        layers.append((spatial, temporal))
        step = bits.take(2)  # A.8.4 next_layer_idc
        if step == 1:
            temporal += 1
        elif step == 2:
            spatial, temporal = spatial + 1, 0
        elif step == 3:
            break
    return DdStructure(offset, tuple(layers))
