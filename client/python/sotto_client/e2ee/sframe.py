"""SFrame (RFC 9605) in the v1 profile (E2EE.md 5.5): header, keys of suite 0x0004, objects, streams.

Each object costs one AEAD call, never more: a KID names exactly one key (E2EE.md D7).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from sotto_client.e2ee.drops import DropReason
from sotto_client.e2ee.kdf import expand, extract
from sotto_client.e2ee.replay import ReplayWindow

SUITE_AES_128_GCM_SHA256_128: Final = 4
TAG_BYTES: Final = 16
MAX_LEAF: Final = 1023
MAX_CTX: Final = 17
EPOCH_MASK: Final = 15
MAX_OBJECTS: Final = 2**32
"""Hard stop per key (E2EE.md 5.6). The counter starts at 0 and never skips, so CTR 2^40 is not reached."""

_NONCE_BYTES = 12
_KEY_BYTES = 16
_MAX_KID_BYTES = 3
_MAX_CTR_BYTES = 5
_INLINE_MAX = 7
_FIELD_MAX = 2**64 - 1
_EXTENDED = 0x8
_METADATA_VERSION = 1


class SuiteRefusedError(ValueError):
    """A cipher suite of RFC 9605 or its drafts that this client refuses."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SFrameHeader:
    """RFC 9605 section 4.3."""

    kid: int
    ctr: int
    kid_bytes: int
    """After the config byte; 0 when the value is inline."""
    ctr_bytes: int
    size_bytes: int
    """Of the whole header, 1 to 17."""


@dataclass(frozen=True, slots=True, kw_only=True)
class V1Header:
    """Who, what and which one, read from an object before it is authenticated."""

    kid: int
    ctx: int
    leaf: int
    epoch: int
    """The low 4 bits."""
    ctr: int
    size_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FrameKey:
    """What seals and opens the objects of one KID (RFC 9605 section 4.4.2)."""

    aead: AESGCM
    salt: bytes


class BaseKey:
    """The secret of one sender in one epoch. Each KID under it has its own key."""

    __slots__ = ("_prk",)

    def __init__(self, base_key: bytes, suite: int = SUITE_AES_128_GCM_SHA256_128) -> None:
        """Raises SuiteRefusedError for any suite but AES_128_GCM_SHA256_128."""
        if suite != SUITE_AES_128_GCM_SHA256_128:
            raise SuiteRefusedError(
                f"cipher suite {suite}: only {SUITE_AES_128_GCM_SHA256_128} is spoken here"
            )
        self._prk = extract(b"", base_key)

    def frame_key(self, kid: int) -> FrameKey:
        """Key and salt of one KID."""
        tail = kid.to_bytes(8, "big") + SUITE_AES_128_GCM_SHA256_128.to_bytes(2, "big")
        key = expand(self._prk, b"SFrame 1.0 Secret key " + tail, _KEY_BYTES)
        salt = expand(self._prk, b"SFrame 1.0 Secret salt " + tail, _NONCE_BYTES)
        return FrameKey(aead=AESGCM(key), salt=salt)


class SealStream:
    """The counter of one KID: nothing else may seal under that KID, or a nonce repeats."""

    __slots__ = ("_key", "_kid", "_next")

    def __init__(self, kid: int, key: FrameKey, first: int = 0) -> None:
        """``first`` is for tests of the hard stop."""
        self._kid = kid
        self._key = key
        self._next = first

    def seal(self, codec_id: int, plaintext: bytes) -> bytes | None:
        """The SFrame object, or None once the counter is spent."""
        if self._next >= MAX_OBJECTS:
            return None
        ctr = self._next
        self._next += 1
        return seal_object(self._key, self._kid, ctr, metadata_of(codec_id), plaintext)


class OpenStream:
    """Opens the objects of one KID and remembers which it has seen."""

    __slots__ = ("_key", "_window")

    def __init__(self, key: FrameKey, window: ReplayWindow) -> None:
        """``window`` must be the one that has seen all earlier objects under this very key."""
        self._key = key
        self._window = window

    def open(self, header: V1Header, codec_id: int, sframe: bytes) -> bytes | DropReason:
        """The plaintext, or ``dup``, ``old`` (both before the AEAD) or ``auth``."""
        stale = self._window.check(header.ctr)
        if stale is not None:
            return stale
        plaintext = open_object(self._key, header.ctr, header.size_bytes, metadata_of(codec_id), sframe)
        if plaintext is None:
            return DropReason.AUTH
        self._window.accept(header.ctr)
        return plaintext


def encode_header(kid: int, ctr: int) -> bytes:
    """RFC 9605 section 4.3. Raises ValueError for values that do not fit 64 bits."""
    kid_nibble, kid_field = _encode_field(kid)
    ctr_nibble, ctr_field = _encode_field(ctr)
    return bytes([kid_nibble << 4 | ctr_nibble]) + kid_field + ctr_field


def parse_header(sframe: bytes) -> SFrameHeader | DropReason:
    """``short``: the bytes end inside the header. ``malformed``: a value is not in its minimal form."""
    if not sframe:
        return DropReason.SHORT
    kid_nibble, ctr_nibble = sframe[0] >> 4, sframe[0] & 0xF
    kid_bytes, ctr_bytes = _following_bytes(kid_nibble), _following_bytes(ctr_nibble)
    size_bytes = 1 + kid_bytes + ctr_bytes
    if len(sframe) < size_bytes:
        return DropReason.SHORT
    kid = _read_field(kid_nibble, sframe[1 : 1 + kid_bytes])
    ctr = _read_field(ctr_nibble, sframe[1 + kid_bytes : size_bytes])
    if kid is None or ctr is None:
        return DropReason.MALFORMED
    return SFrameHeader(kid=kid, ctr=ctr, kid_bytes=kid_bytes, ctr_bytes=ctr_bytes, size_bytes=size_bytes)


def kid_of(ctx: int, leaf: int, epoch: int) -> int:
    """``ctx << 14 | leaf << 4 | (epoch & 15)``. Raises ValueError outside the profile."""
    if not 0 <= ctx <= MAX_CTX:
        raise ValueError(f"ctx {ctx} is not in 0..{MAX_CTX}")
    if not 0 <= leaf <= MAX_LEAF:
        raise ValueError(f"leaf {leaf} is not in 0..{MAX_LEAF}")
    return ctx << 14 | leaf << 4 | (epoch & EPOCH_MASK)


def parse_v1_header(sframe: bytes) -> V1Header | DropReason:
    """All hard checks on form: whole header and tag, minimal, KID <= 3 bytes, CTR <= 5 bytes, known ctx."""
    header = parse_header(sframe)
    if isinstance(header, DropReason):
        return header
    if len(sframe) < header.size_bytes + TAG_BYTES:
        return DropReason.SHORT
    ctx = header.kid >> 14
    if header.kid_bytes > _MAX_KID_BYTES or header.ctr_bytes > _MAX_CTR_BYTES or ctx > MAX_CTX:
        return DropReason.MALFORMED
    return V1Header(
        kid=header.kid,
        ctx=ctx,
        leaf=header.kid >> 4 & MAX_LEAF,
        epoch=header.kid & EPOCH_MASK,
        ctr=header.ctr,
        size_bytes=header.size_bytes,
    )


def metadata_of(codec_id: int) -> bytes:
    """``AAD = header || 01 || codec_id``; this is what follows the header."""
    return bytes([_METADATA_VERSION, codec_id])


def nonce_of(salt: bytes, ctr: int) -> bytes:
    """``salt XOR CTR``, the counter right-aligned (RFC 9605 section 4.4.3)."""
    return (int.from_bytes(salt, "big") ^ ctr).to_bytes(_NONCE_BYTES, "big")


def seal_object(key: FrameKey, kid: int, ctr: int, metadata: bytes, plaintext: bytes) -> bytes:
    """``header || ciphertext || tag`` (RFC 9605 section 4.4)."""
    header = encode_header(kid, ctr)
    return header + key.aead.encrypt(nonce_of(key.salt, ctr), plaintext, header + metadata)


def open_object(key: FrameKey, ctr: int, header_bytes: int, metadata: bytes, sframe: bytes) -> bytes | None:
    """None when the tag does not fit."""
    aad = sframe[:header_bytes] + metadata
    try:
        return key.aead.decrypt(nonce_of(key.salt, ctr), sframe[header_bytes:], aad)
    except InvalidTag:
        return None


def _following_bytes(nibble: int) -> int:
    return (nibble & 7) + 1 if nibble & _EXTENDED else 0


def _read_field(nibble: int, raw: bytes) -> int | None:
    """None when a shorter form would have held the value: each value has one spelling."""
    if not nibble & _EXTENDED:
        return nibble & 7
    value = int.from_bytes(raw, "big")
    return None if raw[0] == 0 or value <= _INLINE_MAX else value


def _encode_field(value: int) -> tuple[int, bytes]:
    if not 0 <= value <= _FIELD_MAX:
        raise ValueError(f"{value} does not fit an SFrame field of 64 bits")
    if value <= _INLINE_MAX:
        return value, b""
    size_bytes = (value.bit_length() + 7) // 8
    return _EXTENDED | size_bytes - 1, value.to_bytes(size_bytes, "big")
