"""Which of the offered codecs is the room's."""

from __future__ import annotations

from sfu.base.ids import Codec
from sfu.plane.port import PayloadType
from sfu.wire.sdp import CodecMap, MediaSection

CLOCK_HZ = {Codec.OPUS: 48_000}
VIDEO_CLOCK_HZ = 90_000


def find_codec(section: MediaSection, codec: Codec) -> PayloadType | None:
    """The first payload type of the section that is this codec in the profile every browser has."""
    for pt in section.payload_types:
        offered = section.codecs.get(pt)
        if offered is not None and _is(offered, codec):
            return PayloadType(
                codec=codec,
                pt=pt,
                rtx_pt=section.rtx.get(pt),
                clock_hz=CLOCK_HZ.get(codec, VIDEO_CLOCK_HZ),
            )
    return None


def _is(offered: CodecMap, codec: Codec) -> bool:
    if offered.name.lower() != codec.value:
        return False
    match codec:
        case Codec.OPUS:
            return offered.clock_hz == 48_000 and offered.channels == 2
        case Codec.VP9:
            return offered.parameter("profile-id") in (None, "0")
        case Codec.AV1:
            return offered.parameter("profile") in (None, "0")
        case _:
            return offered.clock_hz == VIDEO_CLOCK_HZ


def codec_lines(section: MediaSection, chosen: PayloadType, feedback: tuple[str, ...]) -> list[str]:
    """``rtpmap``, ``fmtp`` and ``rtcp-fb`` of the chosen codec and its retransmissions."""
    offered = section.codecs[chosen.pt]
    channels = f"/{offered.channels}" if offered.channels > 1 else ""
    lines = [f"a=rtpmap:{chosen.pt} {offered.name}/{offered.clock_hz}{channels}"]
    if offered.fmtp:
        pairs = ";".join(f"{key}={value}" if key else value for key, value in offered.fmtp)
        lines.append(f"a=fmtp:{chosen.pt} {pairs}")
    lines += [f"a=rtcp-fb:{chosen.pt} {kind}" for kind in feedback if kind in offered.feedback]
    if chosen.rtx_pt is not None:
        lines.append(f"a=rtpmap:{chosen.rtx_pt} rtx/{offered.clock_hz}")
        lines.append(f"a=fmtp:{chosen.rtx_pt} apt={chosen.pt}")
    return lines


def formats_of(chosen: PayloadType) -> tuple[str, ...]:
    """Payload types for the m-line."""
    return tuple(str(pt) for pt in (chosen.pt, chosen.rtx_pt) if pt is not None)
