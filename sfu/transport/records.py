"""DTLS record framing (RFC 6347 section 4.1): what may reach the DTLS library, and how to cut
what it wants sent. Total: no input raises."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

HEADER_BYTES = 13
MAX_RECORD_BYTES = 2**14 + 256
"""Payload of one record: 2^14 plus what a cipher may add, with RFC 5246's 2048 cut to what AEADs
and our SCTP use."""

CHANGE_CIPHER_SPEC, ALERT, HANDSHAKE, APPLICATION = 20, 21, 22, 23
CONTENT_TYPES = frozenset((CHANGE_CIPHER_SPEC, ALERT, HANDSHAKE, APPLICATION))
VERSIONS = frozenset((0xFEFF, 0xFEFD))
"""DTLS 1.0 stands in the record header of a first ClientHello (RFC 6347 section 4.2.1)."""

CLIENT_HELLO = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One record's header and where it lies in its datagram."""

    content_type: int
    epoch: int
    start: int
    end: int


def records_of(datagram: bytes) -> tuple[Record, ...]:
    """The records of a datagram, or nothing at all if any part of it is not a record.

    Our handshake is DTLS 1.2 or below (OpenSSL answers no 1.3), so 1.3's unified headers do not
    occur. All or nothing: an honest endpoint never sends half a record.
    """
    found: list[Record] = []
    position = 0
    while position < len(datagram):
        record = _record_at(datagram, position)
        if record is None:
            return ()
        found.append(record)
        position = record.end
    return tuple(found)


def is_client_hello(datagram: bytes, record: Record) -> bool:
    """Whether a clear-text record holds (a fragment of) a ClientHello."""
    return (
        record.content_type == HANDSHAKE
        and record.epoch == 0
        and record.end - record.start > HEADER_BYTES
        and datagram[record.start + HEADER_BYTES] == CLIENT_HELLO
    )


def datagrams_of(stream: bytes, max_bytes: int) -> Iterator[bytes]:
    """Cut what the library wrote into datagrams of whole records, each at most ``max_bytes``.

    A single record that is larger goes alone. Bytes that are not records are not sent.
    """
    batch_start = 0
    batch_end = 0
    for record in records_of(stream):
        if record.end - batch_start > max_bytes and batch_end > batch_start:
            yield stream[batch_start:batch_end]
            batch_start = batch_end
        batch_end = record.end
    if batch_end > batch_start:
        yield stream[batch_start:batch_end]


def _record_at(datagram: bytes, start: int) -> Record | None:
    body = start + HEADER_BYTES
    if body > len(datagram) or datagram[start] not in CONTENT_TYPES:
        return None
    if int.from_bytes(datagram[start + 1 : start + 3], "big") not in VERSIONS:
        return None
    length = int.from_bytes(datagram[body - 2 : body], "big")
    if not 0 < length <= MAX_RECORD_BYTES or body + length > len(datagram):
        return None
    epoch = int.from_bytes(datagram[start + 3 : start + 5], "big")
    return Record(content_type=datagram[start], epoch=epoch, start=start, end=body + length)
