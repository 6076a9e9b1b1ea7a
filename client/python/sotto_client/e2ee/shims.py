"""The throw-away bytes in front of an SFrame object that packetizers and the SFU need (E2EE.md D2, 5.5).

Not authenticated and never shown to a decoder: ``unwrap`` finds the object behind them or says no.
"""

from __future__ import annotations

from typing import assert_never

from sotto_client.e2ee.codecs import SealedCodec

_VP8_DELTA = 0x11
_VP8_KEY = bytes.fromhex("1000009d012a")  # RFC 6386 section 9.1: frame tag, start code
_VP8_KEY_BYTES = 10  # and width, height: 2 bytes each
_AV1_SEQUENCE_HEADER = bytes.fromhex("0a0100")  # a 1-byte dummy is enough for key-frame detection
_AV1_FRAME = 0x32  # OBU type 6 with a size field (AV1 section 5.3.2)
_OBU_TYPE_FRAME = 6
_MAX_OBUS = 8  # before the frame OBU: ours has one, a reassembler may add a temporal delimiter
_MAX_LEB128_BYTES = 8  # AV1 section 4.10.5


def wrap(codec: SealedCodec, plaintext: bytes, is_key: bool, sframe: bytes) -> bytes | None:
    """Object with its shim, or None when ``plaintext`` is no frame of that codec."""
    match codec:
        case SealedCodec.OPUS | SealedCodec.VP9:
            return sframe
        case SealedCodec.VP8:
            shim = _vp8_shim(plaintext)
            return None if shim is None else shim + sframe
        case SealedCodec.AV1:
            start = _AV1_SEQUENCE_HEADER if is_key else b""
            return start + bytes([_AV1_FRAME]) + _leb128(len(sframe)) + sframe
        case _:
            assert_never(codec)


def unwrap(codec: SealedCodec, wire: bytes) -> bytes | None:
    """The object behind the shim; None when the shim is not one of ours. Total: never raises."""
    match codec:
        case SealedCodec.OPUS | SealedCodec.VP9:
            return wire
        case SealedCodec.VP8:
            return _unwrap_vp8(wire)
        case SealedCodec.AV1:
            return _unwrap_av1(wire)
        case _:
            assert_never(codec)


def _vp8_shim(plaintext: bytes) -> bytes | None:
    """Key or delta by the frame's own P bit; only width and height are real."""
    if not plaintext:
        return None
    if plaintext[0] & 1:
        return bytes([_VP8_DELTA])
    if len(plaintext) < _VP8_KEY_BYTES:
        return None
    return _VP8_KEY + plaintext[len(_VP8_KEY) : _VP8_KEY_BYTES]


def _unwrap_vp8(wire: bytes) -> bytes | None:
    if wire[:1] == bytes([_VP8_DELTA]):
        return wire[1:]
    return wire[_VP8_KEY_BYTES:] if len(wire) >= _VP8_KEY_BYTES and wire.startswith(_VP8_KEY) else None


def _unwrap_av1(wire: bytes) -> bytes | None:
    """Payload of the first frame OBU."""
    at = 0
    for _ in range(_MAX_OBUS):
        if at >= len(wire) or wire[at] & 0x80:  # the forbidden bit
            return None
        header = wire[at]
        at += 2 if header & 0x04 else 1  # extension flag
        end = len(wire)
        if header & 0x02:
            size = _read_leb128(wire, at)
            if size is None:
                return None
            value, at = size
            end = at + value
        if at > len(wire) or end > len(wire):
            return None
        if header >> 3 & 15 == _OBU_TYPE_FRAME:
            return wire[at:end]
        at = end
    return None


def _leb128(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def _read_leb128(wire: bytes, start: int) -> tuple[int, int] | None:
    """Value and where the next byte is."""
    value = 0
    for index, byte in enumerate(wire[start : start + _MAX_LEB128_BYTES]):
        value |= (byte & 0x7F) << 7 * index
        if not byte & 0x80:
            return value, start + index + 1
    return None
