"""STUN connectivity checks (RFC 8489, RFC 8445 section 7), as an ICE-lite agent sees them."""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

from sfu.base.errors import WireError

MAGIC_COOKIE = 0x2112A442
HEADER_BYTES = 20
BINDING_REQUEST, BINDING_SUCCESS, BINDING_ERROR = 0x0001, 0x0101, 0x0111

USERNAME, MESSAGE_INTEGRITY, ERROR_CODE = 0x0006, 0x0008, 0x0009
XOR_MAPPED_ADDRESS, PRIORITY, USE_CANDIDATE = 0x0020, 0x0024, 0x0025
FINGERPRINT, ICE_CONTROLLED, ICE_CONTROLLING = 0x8028, 0x8029, 0x802A

INTEGRITY_BYTES = 24  # attribute header and HMAC-SHA1
FINGERPRINT_BYTES = 8
FINGERPRINT_XOR = 0x5354554E
MAX_USERNAME_BYTES = 513  # RFC 8489 section 14.3
UNDERSTOOD = frozenset({USERNAME, MESSAGE_INTEGRITY, PRIORITY, USE_CANDIDATE, XOR_MAPPED_ADDRESS})

_HEADER = struct.Struct("!HHI12s")
_ATTRIBUTE = struct.Struct("!HH")


@dataclass(frozen=True, slots=True, kw_only=True)
class BindingRequest:
    """A well-formed check, not authenticated yet."""

    transaction_id: bytes
    username: str
    use_candidate: bool
    controlling: bool | None
    """None when neither role attribute is there."""
    priority: int | None


def parse_binding_request(datagram: bytes) -> BindingRequest:
    """Read a connectivity check: header, attributes, FINGERPRINT. Integrity is ``integrity_ok``'s.

    Raises:
        WireError: anything but a Binding request with USERNAME, MESSAGE-INTEGRITY and a right
            FINGERPRINT as the last two attributes, or an unknown attribute that must be understood.
    """
    kind, transaction_id = _header(datagram)
    if kind != BINDING_REQUEST:
        raise WireError("stun_not_binding_request")
    username: str | None = None
    use_candidate = False
    controlling: bool | None = None
    priority: int | None = None
    for attribute, start, size in _attributes(datagram):
        if attribute == USERNAME:
            username = _username(datagram[start : start + size])
        elif attribute == USE_CANDIDATE:
            use_candidate = True
        elif attribute in (ICE_CONTROLLING, ICE_CONTROLLED):
            controlling = attribute == ICE_CONTROLLING
        elif attribute == PRIORITY:
            if size != 4:
                raise WireError("stun_priority_length")
            priority = struct.unpack_from("!I", datagram, start)[0]
        elif attribute < 0x8000 and attribute not in UNDERSTOOD:
            raise WireError("stun_unknown_attribute")
    _check_tail(datagram)
    if username is None:
        raise WireError("stun_no_username")
    return BindingRequest(
        transaction_id=transaction_id,
        username=username,
        use_candidate=use_candidate,
        controlling=controlling,
        priority=priority,
    )


def integrity_ok(datagram: bytes, password: bytes) -> bool:
    """Whether MESSAGE-INTEGRITY is right for this password, compared in constant time.

    Expects a message that ends in MESSAGE-INTEGRITY and FINGERPRINT, as ``parse_binding_request``
    has checked (RFC 8489 section 14.5).
    """
    at = len(datagram) - FINGERPRINT_BYTES - INTEGRITY_BYTES
    if at < HEADER_BYTES:
        return False
    given = datagram[at + 4 : at + INTEGRITY_BYTES]
    return hmac.compare_digest(given, _integrity(datagram[:at], password))


def binding_success(transaction_id: bytes, host: str, port: int, password: bytes) -> bytes:
    """The answer to an authenticated check: where it came from (RFC 8489 section 14.2).

    Raises:
        ValueError: ``host`` is not a literal address.
    """
    address = ipaddress.ip_address(host.partition("%")[0])
    mask = struct.pack("!I", MAGIC_COOKIE) + transaction_id
    masked = bytes(a ^ b for a, b in zip(address.packed, mask, strict=False))
    family = 1 if address.version == 4 else 2
    value = struct.pack("!BBH", 0, family, port ^ (MAGIC_COOKIE >> 16)) + masked
    return _seal(BINDING_SUCCESS, transaction_id, [(XOR_MAPPED_ADDRESS, value)], password)


def binding_error(transaction_id: bytes, code: int, reason: str, password: bytes) -> bytes:
    """An error response to an authenticated check (RFC 8489 section 14.8)."""
    value = struct.pack("!HBB", 0, code // 100, code % 100) + reason.encode("utf-8")
    return _seal(BINDING_ERROR, transaction_id, [(ERROR_CODE, value)], password)


def binding_request(
    username: str,
    password: bytes,
    *,
    transaction_id: bytes,
    use_candidate: bool = False,
    controlling_tiebreaker: int | None = None,
    priority: int = 1,
) -> bytes:
    """A connectivity check, as a client sends it."""
    attributes = [
        (USERNAME, username.encode("utf-8")),
        (PRIORITY, struct.pack("!I", priority)),
    ]
    if controlling_tiebreaker is not None:
        attributes.append((ICE_CONTROLLING, struct.pack("!Q", controlling_tiebreaker)))
    if use_candidate:
        attributes.append((USE_CANDIDATE, b""))
    return _seal(BINDING_REQUEST, transaction_id, attributes, password)


def parse_binding_success(datagram: bytes, password: bytes) -> tuple[str, int]:
    """The mapped address of an authenticated success response.

    Raises:
        WireError: not one, or its integrity is wrong.
    """
    kind, transaction_id = _header(datagram)
    if kind != BINDING_SUCCESS:
        raise WireError("stun_not_binding_success")
    mapped: bytes | None = None
    for attribute, start, size in _attributes(datagram):
        if attribute == XOR_MAPPED_ADDRESS:
            mapped = datagram[start : start + size]
    _check_tail(datagram)
    if mapped is None or len(mapped) not in (8, 20) or not integrity_ok(datagram, password):
        raise WireError("stun_bad_response")
    mask = struct.pack("!I", MAGIC_COOKIE) + transaction_id
    packed = bytes(a ^ b for a, b in zip(mapped[4:], mask, strict=False))
    port = struct.unpack_from("!H", mapped, 2)[0] ^ (MAGIC_COOKIE >> 16)
    return str(ipaddress.ip_address(packed)), port


def _header(datagram: bytes) -> tuple[int, bytes]:
    if len(datagram) < HEADER_BYTES:
        raise WireError("stun_short")
    kind, length, cookie, transaction_id = _HEADER.unpack_from(datagram)
    if cookie != MAGIC_COOKIE or length % 4 or length != len(datagram) - HEADER_BYTES:
        raise WireError("stun_header")
    return kind, transaction_id


def _attributes(datagram: bytes) -> Iterator[tuple[int, int, int]]:
    """(type, offset of the value, size) of each attribute."""
    at, end = HEADER_BYTES, len(datagram)
    while at < end:
        if at + 4 > end:
            raise WireError("stun_attribute")
        attribute, size = _ATTRIBUTE.unpack_from(datagram, at)
        at += 4
        if at + size > end:
            raise WireError("stun_attribute")
        yield attribute, at, size
        at += size + (-size % 4)


def _check_tail(datagram: bytes) -> None:
    """The last attributes are MESSAGE-INTEGRITY and a right FINGERPRINT, each once."""
    kinds = [attribute for attribute, _, _ in _attributes(datagram)]
    if kinds[-2:] != [MESSAGE_INTEGRITY, FINGERPRINT] or kinds.count(MESSAGE_INTEGRITY) != 1:
        raise WireError("stun_no_integrity")
    at = len(datagram) - FINGERPRINT_BYTES
    sizes = (
        _ATTRIBUTE.unpack_from(datagram, at)[1],
        _ATTRIBUTE.unpack_from(datagram, at - INTEGRITY_BYTES)[1],
    )
    if sizes != (4, 20):
        raise WireError("stun_no_integrity")
    given = struct.unpack_from("!I", datagram, at + 4)[0]
    if given != zlib.crc32(datagram[:at]) ^ FINGERPRINT_XOR:
        raise WireError("stun_fingerprint")


def _username(raw: bytes) -> str:
    if not 0 < len(raw) <= MAX_USERNAME_BYTES:
        raise WireError("stun_username")
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        raise WireError("stun_username") from None


def _integrity(before: bytes, password: bytes) -> bytes:
    """HMAC-SHA1 with the length field as if MESSAGE-INTEGRITY were the last attribute."""
    length = len(before) - HEADER_BYTES + INTEGRITY_BYTES
    covered = before[:2] + struct.pack("!H", length) + before[4:]
    return hmac.new(password, covered, hashlib.sha1).digest()


def _seal(
    kind: int,
    transaction_id: bytes,
    attributes: list[tuple[int, bytes]],
    password: bytes,
) -> bytes:
    body = b"".join(
        _ATTRIBUTE.pack(attribute, len(value)) + value + bytes(-len(value) % 4)
        for attribute, value in attributes
    )
    start = _HEADER.pack(kind, len(body), MAGIC_COOKIE, transaction_id) + body
    whole = start + _ATTRIBUTE.pack(MESSAGE_INTEGRITY, 20) + _integrity(start, password)
    length = len(whole) - HEADER_BYTES + FINGERPRINT_BYTES
    whole = whole[:2] + struct.pack("!H", length) + whole[4:]
    check = zlib.crc32(whole) ^ FINGERPRINT_XOR
    return whole + _ATTRIBUTE.pack(FINGERPRINT, 4) + struct.pack("!I", check)
