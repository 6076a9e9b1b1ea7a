"""RTP payload descriptors: what a forwarder may know of a frame without opening it.

Under end-to-end encryption the descriptor is in clear and what follows it is ours: for VP8 the shim's
first byte keeps the P bit of RFC 6386 section 9.1 (0: key frame), see E2EE.md 5.5.
"""

from __future__ import annotations

from sfu.base.errors import WireError


class Vp8Descriptor:
    """RFC 7741 section 4.2."""

    __slots__ = (
        "key_frame",
        "picture_id",
        "picture_id_at",
        "picture_id_long",
        "size",
        "start",
        "temporal",
        "tl0picidx",
        "tl0picidx_at",
    )

    def __init__(self) -> None:
        self.size = 1
        self.start = False
        """First packet of the frame: S bit with partition 0."""
        self.key_frame = False
        """Known only on the first packet."""
        self.picture_id: int | None = None
        self.picture_id_at = 0
        self.picture_id_long = False
        self.tl0picidx: int | None = None
        self.tl0picidx_at = 0
        self.temporal = 0


def parse_vp8(payload: bytes) -> Vp8Descriptor:
    """Read a VP8 payload descriptor.

    Raises:
        WireError: ``vp8_short`` when descriptor or the byte behind it is missing.
    """
    found = Vp8Descriptor()
    try:
        first, at = payload[0], 1
        if first & 0x80:
            flags, at = payload[1], 2
            if flags & 0x80:
                at = _picture_id(payload, at, found)
            if flags & 0x40:
                found.tl0picidx, found.tl0picidx_at = payload[at], at
                at += 1
            if flags & 0x30:
                found.temporal = payload[at] >> 6 if flags & 0x20 else 0
                at += 1
        found.size = at
        found.start = (first & 0x17) == 0x10
        found.key_frame = found.start and not payload[at] & 1
    except IndexError:
        raise WireError("vp8_short") from None
    return found


def rewrite_vp8(payload: bytes, found: Vp8Descriptor, picture_id: int | None, tl0picidx: int | None) -> bytes:
    """The payload with other numbers where it has any (SEATS R9). Same length."""
    return _renumber(payload, found, picture_id, tl0picidx)


class Vp9Descriptor:
    """RFC 9628 section 4.2."""

    __slots__ = (
        "end",
        "inter",
        "key_frame",
        "picture_id",
        "picture_id_at",
        "picture_id_long",
        "size",
        "spatial",
        "start",
        "temporal",
        "tl0picidx",
        "tl0picidx_at",
    )

    def __init__(self) -> None:
        self.size = 1
        self.start = False
        """First packet of the layer frame (B bit)."""
        self.end = False
        self.inter = False
        """P bit: predicted from another picture."""
        self.key_frame = False
        self.picture_id: int | None = None
        self.picture_id_at = 0
        self.picture_id_long = False
        self.tl0picidx: int | None = None
        self.tl0picidx_at = 0
        self.spatial = 0
        self.temporal = 0


def parse_vp9(payload: bytes) -> Vp9Descriptor:
    """Read a VP9 payload descriptor up to where we need it.

    ``size`` counts picture id and layer indices, not the lists of references and the scalability
    structure that may follow: nothing of ours looks behind them.

    Raises:
        WireError: ``vp9_short``.
    """
    found = Vp9Descriptor()
    try:
        first, at = payload[0], 1
        if first & 0x80:
            at = _picture_id(payload, at, found)
        if first & 0x20:
            found.temporal = payload[at] >> 5
            found.spatial = (payload[at] >> 1) & 7
            at += 1
            if not first & 0x10:  # non-flexible mode carries TL0PICIDX
                found.tl0picidx, found.tl0picidx_at = payload[at], at
                at += 1
    except IndexError:
        raise WireError("vp9_short") from None
    found.size = at
    found.start, found.end = bool(first & 0x08), bool(first & 0x04)
    found.inter = bool(first & 0x40)
    found.key_frame = found.start and not found.inter and found.spatial == 0
    return found


def rewrite_vp9(payload: bytes, found: Vp9Descriptor, picture_id: int | None, tl0picidx: int | None) -> bytes:
    """The payload with other numbers where it has any (SEATS R9). Same length."""
    return _renumber(payload, found, picture_id, tl0picidx)


def av1_key_start(payload: bytes) -> bool:
    """Whether this packet begins a new coded video sequence: N bit (AV1 RTP spec 4.4).

    Raises:
        WireError: ``av1_short``.
    """
    if not payload:
        raise WireError("av1_short")
    return bool(payload[0] & 0x08) and not payload[0] & 0x80


def h264_key_start(payload: bytes) -> bool:
    """Whether this packet begins a key frame: an SPS or the start of an IDR slice (RFC 6184, 5.2).

    Raises:
        WireError: ``h264_short``.
    """
    if not payload:
        raise WireError("h264_short")
    kind = payload[0] & 0x1F
    if kind == 24:  # STAP-A: one length and one NAL unit after another
        at = 1
        while at + 2 < len(payload):
            if payload[at + 2] & 0x1F in (5, 7):
                return True
            at += 2 + (payload[at] << 8 | payload[at + 1])
        return False
    if kind == 28:  # FU-A: S bit and the type behind it
        if len(payload) < 2:
            raise WireError("h264_short")
        return bool(payload[1] & 0x80) and payload[1] & 0x1F in (5, 7)
    return kind in (5, 7)


def _picture_id(payload: bytes, at: int, found: Vp8Descriptor | Vp9Descriptor) -> int:
    found.picture_id_at = at
    head = payload[at]
    if head & 0x80:
        found.picture_id = (head & 0x7F) << 8 | payload[at + 1]
        found.picture_id_long = True
        return at + 2
    found.picture_id = head
    return at + 1


def _renumber(
    payload: bytes,
    found: Vp8Descriptor | Vp9Descriptor,
    picture_id: int | None,
    tl0picidx: int | None,
) -> bytes:
    patched = bytearray(payload)
    if picture_id is not None and found.picture_id is not None:
        at = found.picture_id_at
        if found.picture_id_long:
            patched[at] = 0x80 | (picture_id >> 8) & 0x7F
            patched[at + 1] = picture_id & 0xFF
        else:
            patched[at] = picture_id & 0x7F
    if tl0picidx is not None and found.tl0picidx is not None:
        patched[found.tl0picidx_at] = tl0picidx & 0xFF
    return bytes(patched)
