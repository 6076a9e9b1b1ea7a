"""Payloads as sealing clients send them: descriptor in clear, then the shim's first byte, then noise."""

from __future__ import annotations

SEALED = bytes(range(40))
"""Stands for what a client sealed. The plane must pass it on as it is."""

L1T3 = ((0, 0), (0, 1), (0, 2))


def vp8(
    *,
    key: bool = False,
    start: bool = True,
    pid: int | None = None,
    tl0: int = 0,
    temporal: int = 0,
    body: bytes = SEALED,
) -> bytes:
    """RFC 7741 section 4.2; ``pid`` None leaves picture id, TL0PICIDX and TID out."""
    shim = bytes((0x00 if key else 0x01,))
    first = 0x10 if start else 0x00
    if pid is None:
        return bytes((first,)) + shim + body
    descriptor = (first | 0x80, 0xE0, 0x80 | pid >> 8, pid & 0xFF, tl0, temporal << 6)
    return bytes(descriptor) + shim + body


def vp9(
    *,
    key: bool = False,
    start: bool = True,
    end: bool = True,
    pid: int,
    tl0: int = 0,
    temporal: int = 0,
    spatial: int = 0,
    inter: bool | None = None,
    body: bytes = SEALED,
) -> bytes:
    """RFC 9628 section 4.2, non-flexible mode."""
    predicted = (not key) if inter is None else inter
    first = 0xA0 | (0x40 if predicted else 0) | (0x08 if start else 0) | (0x04 if end else 0)
    return bytes((first, 0x80 | pid >> 8, pid & 0xFF, temporal << 5 | spatial << 1, tl0)) + body


def av1(*, key: bool = False, start: bool = True, body: bytes = SEALED) -> bytes:
    """AV1 RTP specification section 4.4: one OBU element."""
    return bytes(((0x00 if start else 0x80) | 0x10 | (0x08 if key and start else 0),)) + body


def dd(
    number: int,
    *,
    start: bool = True,
    end: bool = True,
    template: int = 0,
    layers: tuple[tuple[int, int], ...] | None = None,
) -> bytes:
    """A dependency descriptor (AV1 RTP specification, appendix A); ``layers`` attaches a structure."""
    mandatory = bytes(((0x80 if start else 0) | (0x40 if end else 0) | template, number >> 8, number & 0xFF))
    if layers is None:
        return mandatory
    bits = "10000" + f"{0:06b}" + f"{len(layers) - 1:05b}"
    for (spatial, _), following in zip(layers, [*layers[1:], None], strict=True):
        if following is None:
            bits += "11"
        else:
            bits += "10" if following[0] > spatial else "01"
    bits += "10" * len(layers) * len(layers)  # template_dtis: all switch
    bits += "0" * len(layers)  # template_fdiffs: none
    bits += "0" * len(layers).bit_length()  # no chains
    bits += "0"  # no resolutions
    bits += "0" * (-len(bits) % 8)
    return mandatory + int(bits, 2).to_bytes(len(bits) // 8, "big")
