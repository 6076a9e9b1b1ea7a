"""Codec ids of the AAD (E2EE.md 5.5)."""

from __future__ import annotations

from enum import StrEnum
from typing import assert_never


class SealedCodec(StrEnum):
    """Codecs with a shim. RED, H.264 and H.265 have ids in the protocol but are refused."""

    OPUS = "opus"
    VP8 = "vp8"
    VP9 = "vp9"
    AV1 = "av1"


def codec_id(codec: SealedCodec) -> int:
    """The byte that the AAD carries: a relabelled codec fails authentication."""
    match codec:
        case SealedCodec.OPUS:
            return 0x01
        case SealedCodec.VP8:
            return 0x10
        case SealedCodec.VP9:
            return 0x11
        case SealedCodec.AV1:
            return 0x12
        case _:
            assert_never(codec)


def codec_of(mime_type: str) -> SealedCodec | None:
    """None: unknown or refused, the frame must be dropped (R5)."""
    kind, _, name = mime_type.lower().partition("/")
    try:
        codec = SealedCodec(name)
    except ValueError:
        return None
    return codec if kind == ("audio" if codec is SealedCodec.OPUS else "video") else None
