"""RTP packets (RFC 3550 section 5.1), header extensions (RFC 8285) and RTX payloads (RFC 4588)."""

from __future__ import annotations

import struct
from collections.abc import Sequence

from sfu.base.errors import WireError

HEADER_BYTES = 12
ONE_BYTE_PROFILE = 0xBEDE
TWO_BYTE_PROFILES = range(0x1000, 0x1010)  # RFC 8285 section 4.3: 0x100 and four "appbits"

_FIXED = struct.Struct("!BBHII")
_PAIR = struct.Struct("!HH")
_SHORT = struct.Struct("!H")


class RtpPacket:
    """One packet, parsed. Plain slots: this is made for every packet in."""

    __slots__ = (
        "csrcs",
        "extensions",
        "marker",
        "padding_bytes",
        "payload",
        "payload_type",
        "seq",
        "ssrc",
        "timestamp",
    )

    def __init__(
        self,
        marker: bool,
        payload_type: int,
        seq: int,
        timestamp: int,
        ssrc: int,
        csrcs: tuple[int, ...],
        extensions: dict[int, bytes],
        payload: bytes,
        padding_bytes: int,
    ) -> None:
        self.marker = marker
        self.payload_type = payload_type
        self.seq = seq
        self.timestamp = timestamp
        self.ssrc = ssrc
        self.csrcs = csrcs
        self.extensions = extensions
        self.payload = payload
        self.padding_bytes = padding_bytes


def peek_header(datagram: bytes) -> tuple[int, int, int]:
    """Payload type, sequence number and SSRC, before anything is decrypted.

    Raises:
        WireError: ``rtp_short`` or ``rtp_version``.
    """
    if len(datagram) < HEADER_BYTES:
        raise WireError("rtp_short")
    first, second, seq, _, ssrc = _FIXED.unpack_from(datagram)
    if first >> 6 != 2:
        raise WireError("rtp_version")
    return second & 0x7F, seq, ssrc


def peek_extensions(datagram: bytes) -> dict[int, bytes]:
    """Header extensions, which SRTP leaves in clear (RFC 3711 section 3.1).

    Raises:
        WireError: the header does not fit the datagram.
    """
    if len(datagram) < HEADER_BYTES:
        raise WireError("rtp_short")
    if not datagram[0] & 0x10:
        return {}
    return _extensions(datagram, HEADER_BYTES + 4 * (datagram[0] & 0x0F), len(datagram))[0]


def parse_rtp(datagram: bytes) -> RtpPacket:
    """Read one decrypted packet.

    Raises:
        WireError: ``rtp_short``, ``rtp_version``, ``rtp_csrc``, ``rtp_extension``, ``rtp_padding``.
    """
    size = len(datagram)
    if size < HEADER_BYTES:
        raise WireError("rtp_short")
    first, second, seq, timestamp, ssrc = _FIXED.unpack_from(datagram)
    if first >> 6 != 2:
        raise WireError("rtp_version")
    offset = HEADER_BYTES
    csrcs: tuple[int, ...] = ()
    count = first & 0x0F
    if count:
        if size < offset + 4 * count:
            raise WireError("rtp_csrc")
        csrcs = struct.unpack_from(f"!{count}I", datagram, offset)
        offset += 4 * count
    extensions: dict[int, bytes] = {}
    if first & 0x10:
        extensions, offset = _extensions(datagram, offset, size)
    padding = 0
    if first & 0x20:
        padding = datagram[-1]
        if padding == 0 or padding > size - offset:
            raise WireError("rtp_padding")
    payload = datagram[offset : size - padding]
    return RtpPacket(
        second >= 0x80,
        second & 0x7F,
        seq,
        timestamp,
        ssrc,
        csrcs,
        extensions,
        payload,
        padding,
    )


def serialize_rtp(
    *,
    payload_type: int,
    marker: bool,
    seq: int,
    timestamp: int,
    ssrc: int,
    extensions: Sequence[tuple[int, bytes]] = (),
    payload: bytes,
    padding_bytes: int = 0,
) -> bytes:
    """Write one packet; the one-byte extension form where it fits, else the two-byte form.

    Raises:
        ValueError: a field is out of range (a bug of the caller).
    """
    packed = pack_extensions(extensions)
    first = 0x80 | (0x10 if packed else 0) | (0x20 if padding_bytes else 0)
    header = _FIXED.pack(first, payload_type | marker << 7, seq, timestamp, ssrc)
    if not padding_bytes:
        return header + packed + payload
    if not 1 <= padding_bytes <= 255:
        raise ValueError(f"padding_bytes {padding_bytes} is not in 1..255")
    return header + packed + payload + bytes(padding_bytes - 1) + bytes((padding_bytes,))


def pack_extensions(extensions: Sequence[tuple[int, bytes]]) -> bytes:
    """The extension block of a header, empty when there are none.

    Raises:
        ValueError: an id outside 1..255 or a value longer than 255 bytes.
    """
    if not extensions:
        return b""
    if all(1 <= number <= 14 and 1 <= len(value) <= 16 for number, value in extensions):
        profile = ONE_BYTE_PROFILE
        body = b"".join(bytes((n << 4 | len(v) - 1,)) + v for n, v in extensions)
    else:
        if any(not 1 <= number <= 255 for number, _ in extensions):
            raise ValueError(f"extension ids {[number for number, _ in extensions]} are not all in 1..255")
        profile = TWO_BYTE_PROFILES.start
        body = b"".join(bytes((n, len(v))) + v for n, v in extensions)
    body += bytes(-len(body) % 4)
    return _PAIR.pack(profile, len(body) // 4) + body


def unwrap_rtx(payload: bytes) -> tuple[int, bytes]:
    """Original sequence number and payload of a retransmission (RFC 4588 section 4).

    Raises:
        WireError: ``rtx_short`` when there is no room for the number.
    """
    if len(payload) < 2:
        raise WireError("rtx_short")
    return _SHORT.unpack_from(payload)[0], payload[2:]


def _extensions(datagram: bytes, offset: int, size: int) -> tuple[dict[int, bytes], int]:
    if size < offset + 4:
        raise WireError("rtp_extension")
    profile, words = _PAIR.unpack_from(datagram, offset)
    start = offset + 4
    end = start + 4 * words
    if size < end:
        raise WireError("rtp_extension")
    if profile == ONE_BYTE_PROFILE:
        return _one_byte(datagram, start, end), end
    if profile in TWO_BYTE_PROFILES:
        return _two_byte(datagram, start, end), end
    return {}, end


def _one_byte(datagram: bytes, position: int, end: int) -> dict[int, bytes]:
    found: dict[int, bytes] = {}
    while position < end:
        head = datagram[position]
        position += 1
        if head == 0:  # padding
            continue
        number = head >> 4
        if number == 15:  # RFC 8285 section 4.2: stop here
            break
        after = position + (head & 0x0F) + 1
        if after > end:
            raise WireError("rtp_extension")
        found[number] = datagram[position:after]
        position = after
    return found


def _two_byte(datagram: bytes, position: int, end: int) -> dict[int, bytes]:
    found: dict[int, bytes] = {}
    while position < end:
        number = datagram[position]
        position += 1
        if number == 0:
            continue
        if position >= end:
            raise WireError("rtp_extension")
        after = position + 1 + datagram[position]
        if after > end:
            raise WireError("rtp_extension")
        found[number] = datagram[position + 1 : after]
        position = after
    return found
