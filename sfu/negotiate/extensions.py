"""Which header extensions are taken, for what."""

from __future__ import annotations

from sfu.plane.port import Extension
from sfu.wire import extensions as uri
from sfu.wire.sdp import ExtMap, MediaSection

URIS = {
    Extension.MID: uri.MID,
    Extension.RID: uri.RID,
    Extension.REPAIRED_RID: uri.REPAIRED_RID,
    Extension.AUDIO_LEVEL: uri.AUDIO_LEVEL,
    Extension.TRANSPORT_CC: uri.TRANSPORT_CC,
    Extension.ABS_SEND_TIME: uri.ABS_SEND_TIME,
    Extension.VIDEO_ORIENTATION: uri.VIDEO_ORIENTATION,
    Extension.DEPENDENCY_DESCRIPTOR: uri.DEPENDENCY_DESCRIPTOR,
}
_BY_URI = {text: extension for extension, text in URIS.items()}

PUBLISHED_AUDIO = (Extension.MID, Extension.AUDIO_LEVEL, Extension.TRANSPORT_CC)
PUBLISHED_VIDEO = (
    Extension.MID,
    Extension.RID,
    Extension.REPAIRED_RID,
    Extension.TRANSPORT_CC,
    Extension.DEPENDENCY_DESCRIPTOR,
    Extension.VIDEO_ORIENTATION,
)
SEAT_AUDIO = (Extension.AUDIO_LEVEL,)
SEAT_VIDEO = (Extension.DEPENDENCY_DESCRIPTOR, Extension.VIDEO_ORIENTATION)


def accept(
    section: MediaSection, wanted: tuple[Extension, ...], audio_level: bool
) -> tuple[dict[int, Extension], list[str]]:
    """The offered extensions we take, by id, and their lines.

    Transport-wide numbers and send times serve one purpose: where the first is offered, the second
    is not taken (it feeds REMB, which is then not used either).
    """
    offered = {_BY_URI[e.uri]: e for e in section.extmaps if e.uri in _BY_URI}
    names = [n for n in wanted if n in offered and (audio_level or n is not Extension.AUDIO_LEVEL)]
    if Extension.TRANSPORT_CC in wanted and Extension.TRANSPORT_CC not in offered:
        names += [n for n in (Extension.ABS_SEND_TIME,) if n in offered]
    taken: dict[int, ExtMap] = {offered[name].id: offered[name] for name in names}
    lines = [f"a=extmap:{number} {extension.uri}" for number, extension in sorted(taken.items())]
    return {number: _BY_URI[extension.uri] for number, extension in taken.items()}, lines
