"""RTP headers and extensions, against hostile bytes and against aiortc's own reader and writer."""

from __future__ import annotations

import random
import struct

import pytest
from aiortc import rtp as reference

from sfu.base.errors import WireError
from sfu.wire.rtp import (
    pack_extensions,
    parse_rtp,
    peek_extensions,
    peek_header,
    serialize_rtp,
    unwrap_rtx,
)

FIXED = bytes.fromhex("8060123400000bb8deadbeef")


def head(first: int, rest: bytes) -> bytes:
    return bytes((first,)) + FIXED[1:] + rest


def one_byte(block: bytes) -> bytes:
    return struct.pack("!HH", 0xBEDE, len(block) // 4) + block


def two_byte(block: bytes, profile: int = 0x1000) -> bytes:
    return struct.pack("!HH", profile, len(block) // 4) + block


def test_fields() -> None:
    packet = parse_rtp(head(0x80, b"payload"))
    assert (packet.marker, packet.payload_type) == (False, 0x60)
    assert (packet.seq, packet.timestamp, packet.ssrc) == (0x1234, 3000, 0xDEADBEEF)
    assert (packet.csrcs, packet.extensions, packet.payload) == ((), {}, b"payload")
    assert peek_header(head(0x80, b"")) == (0x60, 0x1234, 0xDEADBEEF)


def test_csrcs_and_padding() -> None:
    packet = parse_rtp(head(0xA2, struct.pack("!II", 7, 8) + b"xy" + b"\x00\x00\x03"))
    assert packet.csrcs == (7, 8)
    assert (packet.payload, packet.padding_bytes) == (b"xy", 3)


@pytest.mark.parametrize(
    ("block", "found"),
    [
        pytest.param(one_byte(b"\x10A\x22xyz\x00\x00"), {1: b"A", 2: b"xyz"}, id="one-byte-form"),
        pytest.param(one_byte(b"\x10A\x00\x10B\x00\x00\x00"), {1: b"B"}, id="last-duplicate-wins"),
        pytest.param(one_byte(b"\x10A\xf0\x20zzzz"), {1: b"A"}, id="id-15-stops"),
        pytest.param(one_byte(b""), {}, id="empty-block"),
        pytest.param(two_byte(b"\x01\x00\x02\x02xy\x00\x00"), {1: b"", 2: b"xy"}, id="two-byte-form"),
        pytest.param(two_byte(b"\xff\x01z\x00", 0x100F), {255: b"z"}, id="two-byte-form-with-app-bits"),
        pytest.param(struct.pack("!HHI", 0xABCD, 1, 1), {}, id="unknown-profile-is-skipped"),
    ],
)
def test_extension_forms(block: bytes, found: dict[int, bytes]) -> None:
    datagram = head(0x90, block + b"payload")
    packet = parse_rtp(datagram)
    assert packet.extensions == peek_extensions(datagram) == found
    assert packet.payload == b"payload"


@pytest.mark.parametrize(
    ("datagram", "reason"),
    [
        pytest.param(b"", "rtp_short", id="empty"),
        pytest.param(FIXED[:11], "rtp_short", id="one-byte-short"),
        pytest.param(head(0x00, b""), "rtp_version", id="version-0"),
        pytest.param(head(0xC0, b""), "rtp_version", id="version-3"),
        pytest.param(head(0x8F, bytes(59)), "rtp_csrc", id="fifteen-csrcs-in-59-bytes"),
        pytest.param(head(0x90, b"\xbe\xde\x00"), "rtp_extension", id="half-extension-header"),
        pytest.param(head(0x90, b"\xbe\xde\xff\xff"), "rtp_extension", id="extension-past-the-end"),
        pytest.param(head(0x90, one_byte(b"\x1f\x00\x00\x00")), "rtp_extension", id="element-past-block"),
        pytest.param(head(0x90, two_byte(b"\x00\x00\x00\x01")), "rtp_extension", id="element-without-length"),
        pytest.param(head(0x90, two_byte(b"\x01\xff\x00\x00")), "rtp_extension", id="two-byte-past-block"),
        pytest.param(head(0xA0, b""), "rtp_padding", id="padding-counted-in-the-header"),
        pytest.param(head(0xA0, b"\x00"), "rtp_padding", id="padding-of-zero"),
        pytest.param(head(0xA0, b"abc\x05"), "rtp_padding", id="padding-longer-than-payload"),
        pytest.param(head(0xA0, b"abc\xff"), "rtp_padding", id="padding-of-255-in-16-bytes"),
    ],
)
def test_hostile_packets_are_refused_by_name(datagram: bytes, reason: str) -> None:
    with pytest.raises(WireError) as caught:
        parse_rtp(datagram)
    assert caught.value.reason == reason


@pytest.mark.parametrize("datagram", [b"", FIXED[:11], head(0x9F, b""), head(0x90, b"\xbe\xde\x00\x09")])
def test_peeking_refuses_the_same(datagram: bytes) -> None:
    with pytest.raises(WireError):
        peek_extensions(datagram)


def test_no_extension_bit_no_extensions() -> None:
    assert peek_extensions(head(0x80, one_byte(b"\x10A\x00\x00"))) == {}


@pytest.mark.parametrize(
    ("extensions", "profile"),
    [
        ([(1, b"a"), (14, b"b" * 16)], 0xBEDE),
        ([(15, b"a")], 0x1000),
        ([(1, b"")], 0x1000),
        ([(1, b"b" * 17)], 0x1000),
        ([(255, b"b" * 255)], 0x1000),
    ],
)
def test_the_form_fits_what_is_written(extensions: list[tuple[int, bytes]], profile: int) -> None:
    block = pack_extensions(extensions)
    assert len(block) % 4 == 0
    assert struct.unpack("!HH", block[:4]) == (profile, len(block) // 4 - 1)
    assert parse_rtp(head(0x90, block)).extensions == dict(extensions)


@pytest.mark.parametrize("wrong", [[(0, b"a")], [(256, b"a")], [(1, b"a" * 256)]])
def test_what_does_not_fit_is_a_bug_of_the_caller(wrong: list[tuple[int, bytes]]) -> None:
    with pytest.raises(ValueError, match=r"in range|are not all"):
        pack_extensions(wrong)


@pytest.mark.parametrize("payload", [b"", b"\x01"])
def test_rtx_without_room_for_its_number(payload: bytes) -> None:
    with pytest.raises(WireError):
        unwrap_rtx(payload)


def test_rtx_payload() -> None:
    assert unwrap_rtx(b"\x12\x34rest") == (0x1234, b"rest")
    assert unwrap_rtx(b"\xff\xff") == (0xFFFF, b"")


def test_aiortc_reads_what_we_write_and_we_what_it_writes() -> None:
    rng = random.Random(3)
    for _ in range(300):
        fields = {
            "payload_type": rng.randrange(128),
            "marker": rng.random() < 0.5,
            "seq": rng.randrange(1 << 16),
            "timestamp": rng.randrange(1 << 32),
            "ssrc": rng.randrange(1 << 32),
        }
        payload = rng.randbytes(rng.randrange(40))
        padding = rng.choice([0, 0, rng.randrange(1, 256)])
        extensions = [(n, rng.randbytes(rng.randrange(1, 20))) for n in rng.sample(range(1, 15), 3)]
        ours = serialize_rtp(
            **fields,  # type: ignore[arg-type] # one dictionary for both writers
            extensions=extensions,
            payload=payload,
            padding_bytes=padding,
        )
        theirs = reference.RtpPacket.parse(ours)
        assert theirs.sequence_number == fields["seq"]
        assert (theirs.payload_type, bool(theirs.marker)) == (fields["payload_type"], fields["marker"])
        assert (theirs.timestamp, theirs.ssrc) == (fields["timestamp"], fields["ssrc"])
        assert (theirs.payload, theirs.padding_size) == (payload, padding)
        packet = parse_rtp(theirs.serialize())
        assert (packet.seq, packet.timestamp, packet.ssrc) == (
            fields["seq"],
            fields["timestamp"],
            fields["ssrc"],
        )
        assert (packet.payload, packet.padding_bytes) == (payload, padding)
        unpacked = reference.unpack_header_extensions(int.from_bytes(ours[12:14], "big"), _block(ours))
        assert dict(unpacked) == dict(extensions) == parse_rtp(ours).extensions


def _block(datagram: bytes) -> bytes:
    (words,) = struct.unpack_from("!H", datagram, 14)
    return datagram[16 : 16 + 4 * words]
