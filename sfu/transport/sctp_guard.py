"""Look an SCTP packet over before the library does (RFC 9260, RFC 3758, RFC 6525). Total.

aiortc 1.16 believes lengths inside chunks: a parameter of length 0 makes it loop for ever while
it fills memory, a SACK of a few hundred bytes can name twenty million numbers, short chunks raise
out of its receiver. What passes here is well-formed down to the parameters; the checksum and the
verification tag are still the library's to check.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import IntEnum

HEADER_BYTES = 12
MAX_CHUNKS = 64
# A packet of 1200 bytes has room for 60 DATA chunks of one word. More is a sender of tricks.

MAX_SACK_SPAN = 4096
# Chunks in flight that we could ever have: the queue of ``DataChannel`` is far below it.


class Chunk(IntEnum):
    """Chunk types that the library acts on."""

    DATA = 0
    INIT = 1
    INIT_ACK = 2
    SACK = 3
    HEARTBEAT = 4
    HEARTBEAT_ACK = 5
    ABORT = 6
    SHUTDOWN = 7
    SHUTDOWN_ACK = 8
    ERROR = 9
    COOKIE_ECHO = 10
    COOKIE_ACK = 11
    SHUTDOWN_COMPLETE = 14
    RECONFIG = 130
    FORWARD_TSN = 192


_INIT_BYTES = 16  # fixed part of the body, RFC 9260 section 3.3.2
_SACK_BYTES = 12
_DATA_BYTES = 12
_RECONFIG_BODY_BYTES = {13: 12, 16: 8, 17: 8}  # RFC 6525 section 4: smallest per parameter type


def is_sound(packet: bytes) -> bool:
    """Whether every length in the packet is honest. Chunks of unknown type pass: they are skipped."""
    position = HEADER_BYTES
    count = 0
    while position < len(packet):
        tlv = _tlv_at(packet, position)
        if tlv is None or count == MAX_CHUNKS:
            return False
        kind = packet[position]
        value, following = tlv
        rule = _RULES.get(kind)
        if rule is not None and not rule(packet[value]):
            return False
        if kind == Chunk.INIT and (count or following < len(packet)):
            return False  # must be alone, RFC 9260 section 6.10
        position = following
        count += 1
    return count > 0


def _tlv_at(octets: bytes, start: int) -> tuple[slice, int] | None:
    """Where the value behind a four byte header lies, and where the next header begins.

    Chunks and parameters alike keep their length, header included, in the third and fourth byte
    and are padded to four bytes; the padding of the last one may be missing.
    """
    if start + 4 > len(octets):
        return None
    length = int.from_bytes(octets[start + 2 : start + 4], "big")
    if length < 4 or start + length > len(octets):
        return None
    return slice(start + 4, start + length), start + length + (-length % 4)


def _parameters(body: bytes) -> bool:
    return all(value is not None for value in _walk(body))


def _walk(body: bytes) -> list[tuple[int, bytes] | None]:
    """(type, value) of each parameter; a None at the end when a length lies."""
    found: list[tuple[int, bytes] | None] = []
    position = 0
    while position < len(body):
        tlv = _tlv_at(body, position)
        if tlv is None:
            return [*found, None]
        value, following = tlv
        found.append((int.from_bytes(body[position : position + 2], "big"), body[value]))
        position = following
    return found


def _data(body: bytes) -> bool:
    return len(body) > _DATA_BYTES  # no user data: RFC 9260 section 3.3.1 wants an ABORT


def _init(body: bytes) -> bool:
    return len(body) >= _INIT_BYTES and _parameters(body[_INIT_BYTES:])


def _sack(body: bytes) -> bool:
    if len(body) < _SACK_BYTES:
        return False
    gaps = int.from_bytes(body[8:10], "big")
    duplicates = int.from_bytes(body[10:12], "big")
    if len(body) != _SACK_BYTES + 4 * (gaps + duplicates):
        return False
    span = 0
    for position in range(_SACK_BYTES, _SACK_BYTES + 4 * gaps, 4):
        start = int.from_bytes(body[position : position + 2], "big")
        end = int.from_bytes(body[position + 2 : position + 4], "big")
        if not 0 < start <= end:
            return False
        span += end - start + 1
    return span <= MAX_SACK_SPAN


def _word(body: bytes) -> bool:
    return len(body) == 4


def _nothing(body: bytes) -> bool:
    return not body


def _anything(_body: bytes) -> bool:
    return True


def _forward_tsn(body: bytes) -> bool:
    return len(body) >= 4 and len(body) % 4 == 0


def _reconfig(body: bytes) -> bool:
    for parameter in _walk(body):
        if parameter is None:
            return False
        kind, value = parameter
        if len(value) < _RECONFIG_BODY_BYTES.get(kind, 0) or len(value) % 2:
            return False
    return True


_RULES: dict[int, Callable[[bytes], bool]] = {
    Chunk.DATA: _data,
    Chunk.INIT: _init,
    Chunk.INIT_ACK: _init,
    Chunk.SACK: _sack,
    Chunk.HEARTBEAT: _parameters,
    Chunk.HEARTBEAT_ACK: _parameters,
    Chunk.ABORT: _parameters,
    Chunk.SHUTDOWN: _word,
    Chunk.SHUTDOWN_ACK: _nothing,
    Chunk.ERROR: _parameters,
    Chunk.COOKIE_ECHO: _anything,
    Chunk.COOKIE_ACK: _nothing,
    Chunk.SHUTDOWN_COMPLETE: _nothing,
    Chunk.RECONFIG: _reconfig,
    Chunk.FORWARD_TSN: _forward_tsn,
}
