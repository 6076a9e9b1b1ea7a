"""STUN: the vectors of RFC 5769, and checks that must not pass."""

from __future__ import annotations

import hashlib
import hmac
import struct
import zlib

import pytest

from sfu.base.errors import WireError
from sfu.wire.stun import (
    BINDING_ERROR,
    binding_error,
    binding_request,
    binding_success,
    integrity_ok,
    parse_binding_request,
    parse_binding_success,
)

PASSWORD = b"VOkJxbRl1RmTxUk/WvJxBt"

# RFC 5769 section 2.1
REQUEST = bytes.fromhex(
    "000100582112a442b7e7a701bc34d686fa87dfae"
    "802200105354554e207465737420636c69656e74"
    "002400046e0001ff"
    "80290008932ff9b151263b36"
    "000600096576746a3a68367659202020"
    "000800149aeaa70cbfd8cb56781ef2b5b2d3f249c1b571a2"
    "80280004e57a3bcf"
)
# RFC 5769 section 2.2
RESPONSE_V4 = bytes.fromhex(
    "0101003c2112a442b7e7a701bc34d686fa87dfae"
    "8022000b7465737420766563746f7220"
    "002000080001a147e112a643"
    "000800142b91f599fd9e90c38c7489f92af9ba53f06be7d7"
    "80280004c07d4c96"
)
# RFC 5769 section 2.3
RESPONSE_V6 = bytes.fromhex(
    "010100482112a442b7e7a701bc34d686fa87dfae"
    "8022000b7465737420766563746f7220"
    "002000140002a1470113a9faa5d3f179bc25f4b5bed2b9d9"
    "00080014a382954e4be67bf11784c97c8292c275bfe3ed41"
    "80280004c8fb0b4c"
)
TRANSACTION = bytes(range(12))


def sealed(body: bytes, *, password: bytes = PASSWORD, kind: int = 1) -> bytes:
    """Any attributes with a right integrity and fingerprint behind them."""
    start = struct.pack("!HHI12s", kind, len(body) + 24, 0x2112A442, TRANSACTION) + body
    whole = start + b"\x00\x08\x00\x14" + hmac.new(password, start, hashlib.sha1).digest()
    whole = whole[:2] + struct.pack("!H", len(whole) - 12) + whole[4:]
    return whole + b"\x80\x28\x00\x04" + struct.pack("!I", zlib.crc32(whole) ^ 0x5354554E)


def attribute(kind: int, value: bytes) -> bytes:
    return struct.pack("!HH", kind, len(value)) + value + bytes(-len(value) % 4)


USERNAME = attribute(6, b"evtj:h6vY")


def test_rfc_5769_request() -> None:
    request = parse_binding_request(REQUEST)
    assert request.username == "evtj:h6vY"
    assert request.priority == 0x6E0001FF
    assert request.controlling is False
    assert not request.use_candidate
    assert request.transaction_id == REQUEST[8:20]
    assert integrity_ok(REQUEST, PASSWORD)
    assert not integrity_ok(REQUEST, PASSWORD + b"x")


@pytest.mark.parametrize(
    ("response", "host"),
    [(RESPONSE_V4, "192.0.2.1"), (RESPONSE_V6, "2001:db8:1234:5678:11:2233:4455:6677")],
)
def test_rfc_5769_responses(response: bytes, host: str) -> None:
    assert parse_binding_success(response, PASSWORD) == (host, 32853)
    with pytest.raises(WireError):
        parse_binding_success(response, b"wrong")


@pytest.mark.parametrize(("host", "port"), [("192.0.2.7", 1), ("2001:db8::1", 65535), ("fe80::1%eth0", 443)])
def test_success_round_trip(host: str, port: int) -> None:
    answer = binding_success(TRANSACTION, host, port, PASSWORD)
    assert parse_binding_success(answer, PASSWORD) == (host.partition("%")[0], port)
    assert answer[8:20] == TRANSACTION


def test_error_round_trip() -> None:
    answer = binding_error(TRANSACTION, 487, "Role Conflict", PASSWORD)
    assert struct.unpack("!H", answer[:2])[0] == BINDING_ERROR
    assert answer[20:28] == bytes.fromhex("0009001100000457")
    assert integrity_ok(answer, PASSWORD)
    with pytest.raises(WireError):
        parse_binding_request(answer)


@pytest.mark.parametrize("use_candidate", [True, False])
@pytest.mark.parametrize("tiebreaker", [None, 0, (1 << 64) - 1])
def test_request_round_trip(use_candidate: bool, tiebreaker: int | None) -> None:
    datagram = binding_request(
        "a:b",
        PASSWORD,
        transaction_id=TRANSACTION,
        use_candidate=use_candidate,
        controlling_tiebreaker=tiebreaker,
        priority=77,
    )
    request = parse_binding_request(datagram)
    assert request.username == "a:b"
    assert request.use_candidate is use_candidate
    assert request.controlling is (None if tiebreaker is None else True)
    assert request.priority == 77
    assert integrity_ok(datagram, PASSWORD)


def test_unknown_optional_attributes_are_skipped() -> None:
    assert (
        parse_binding_request(sealed(USERNAME + attribute(0xC057, b"\x00\x01\x00\x0a"))).username
        == "evtj:h6vY"
    )


@pytest.mark.parametrize(
    ("datagram", "reason"),
    [
        pytest.param(b"", "stun_short", id="empty"),
        pytest.param(REQUEST[:19], "stun_short", id="header-one-byte-short"),
        pytest.param(REQUEST[:20], "stun_header", id="length-longer-than-datagram"),
        pytest.param(REQUEST + bytes(4), "stun_header", id="length-shorter-than-datagram"),
        pytest.param(REQUEST[:4] + bytes(4) + REQUEST[8:], "stun_header", id="no-magic-cookie"),
        pytest.param(RESPONSE_V4, "stun_not_binding_request", id="a-response"),
        pytest.param(sealed(b""), "stun_no_username", id="no-username"),
        pytest.param(sealed(attribute(6, b"")), "stun_username", id="empty-username"),
        pytest.param(sealed(attribute(6, b"\xff\xfe")), "stun_username", id="username-not-utf8"),
        pytest.param(sealed(attribute(6, b"u" * 514)), "stun_username", id="username-of-514-bytes"),
        pytest.param(
            sealed(USERNAME + attribute(0x24, b"\x00\x01")), "stun_priority_length", id="priority-of-2"
        ),
        pytest.param(sealed(USERNAME + attribute(0x24, b"")), "stun_priority_length", id="priority-of-0"),
        pytest.param(
            sealed(USERNAME + attribute(0x7777, b"")), "stun_unknown_attribute", id="must-be-understood"
        ),
        pytest.param(sealed(USERNAME + b"\x00\x24\xff\xff"), "stun_attribute", id="attribute-past-the-end"),
        pytest.param(
            sealed(USERNAME + attribute(8, bytes(20))), "stun_no_integrity", id="two-message-integrities"
        ),
        pytest.param(REQUEST[:-4] + bytes(4), "stun_fingerprint", id="fingerprint-wrong"),
    ],
)
def test_hostile_requests_are_refused_by_name(datagram: bytes, reason: str) -> None:
    with pytest.raises(WireError) as caught:
        parse_binding_request(datagram)
    assert caught.value.reason == reason


def with_length(datagram: bytes) -> bytes:
    return datagram[:2] + struct.pack("!H", len(datagram) - 20) + datagram[4:]


def test_no_integrity_and_attributes_behind_it_are_refused() -> None:
    whole = sealed(USERNAME)
    without = with_length(whole[:-32])
    moved = with_length(whole[:-8] + attribute(0x25, b"") + whole[-8:])
    for datagram in (without, moved, with_length(whole[:-8])):
        with pytest.raises(WireError):
            parse_binding_request(datagram)


def test_any_changed_byte_is_noticed() -> None:
    for at in range(len(REQUEST)):
        for bit in (0x01, 0x80):
            changed = REQUEST[:at] + bytes((REQUEST[at] ^ bit,)) + REQUEST[at + 1 :]
            with pytest.raises(WireError):
                parse_binding_request(changed)


def test_integrity_of_something_too_short() -> None:
    assert not integrity_ok(b"", PASSWORD)
    assert not integrity_ok(REQUEST[:51], PASSWORD)
