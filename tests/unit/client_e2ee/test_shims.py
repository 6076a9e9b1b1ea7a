"""Shims per codec against the vectors and against hostile bytes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sotto_client.e2ee.codecs import SealedCodec, codec_id, codec_of
from sotto_client.e2ee.shims import unwrap, wrap

from tests.unit.client_e2ee.vectors import FrameVector, draft

OURS = [one for one in draft().frames if codec_of(one.codec) is not None]


def test_opus_vp8_vp9_and_av1_are_covered() -> None:
    assert {codec_of(one.codec) for one in OURS} == set(SealedCodec)
    assert len(OURS) == 8


@pytest.mark.parametrize("vector", OURS, ids=lambda one: one.name)
def test_vectors(vector: FrameVector) -> None:
    codec = codec_of(vector.codec)
    assert codec is not None
    assert codec_id(codec) == vector.codec_id
    assert wrap(codec, vector.plaintext, vector.is_key, vector.sframe) == vector.wire
    assert unwrap(codec, vector.wire) == vector.sframe
    assert len(vector.wire) - len(vector.plaintext) == vector.overhead


@pytest.mark.parametrize(
    "mime_type", ["video/H264", "video/H265", "audio/red", "video/opus", "audio/vp8", "", "data"]
)
def test_r5_other_codecs_are_refused(mime_type: str) -> None:
    assert codec_of(mime_type) is None


@pytest.mark.parametrize("plaintext", [b"", bytes.fromhex("7037009d012a4001f0")])
def test_a_vp8_frame_without_its_start_has_no_shim(plaintext: bytes) -> None:
    assert wrap(SealedCodec.VP8, plaintext, True, b"x") is None


@pytest.mark.parametrize(
    ("wire", "found"),
    [
        pytest.param("12000a01003202aabb", "aabb", id="temporal-delimiter-first"),
        pytest.param("360002aabb", "aabb", id="extension-byte"),
        pytest.param("30aabb", "aabb", id="no-size-field"),
        pytest.param("", None, id="nothing"),
        pytest.param("0a0100", None, id="no-frame-obu"),
        pytest.param("3205aabb", None, id="size-beyond-the-end"),
        pytest.param("b202aabb", None, id="forbidden-bit"),
        pytest.param("32" + "ff" * 9, None, id="endless-leb128"),
        pytest.param("32ffffffffffffff7f", None, id="size-2^56"),
        pytest.param("3280", None, id="leb128-cut"),
        pytest.param("1200" * 9 + "3201aa", None, id="nine-obus-first"),
    ],
)
def test_av1(wire: str, found: str | None) -> None:
    sframe = unwrap(SealedCodec.AV1, bytes.fromhex(wire))
    assert (None if sframe is None else sframe.hex()) == found


@pytest.mark.parametrize("wire", ["d11400be", "1000009d01", "1000009d012b4001f000aa", ""])
def test_vp8_wire_that_is_not_ours(wire: str) -> None:
    assert unwrap(SealedCodec.VP8, bytes.fromhex(wire)) is None


@pytest.mark.parametrize("size", [0, 127, 128, 16_383, 16_384, 300_000])
def test_av1_sizes_come_back(size: int) -> None:
    sframe = bytes(size)
    wire = wrap(SealedCodec.AV1, b"x", False, sframe)
    assert wire is not None
    assert unwrap(SealedCodec.AV1, wire) == sframe


@given(st.sampled_from(SealedCodec), st.binary(max_size=80))
def test_t26_unwrap_answers_every_input(codec: SealedCodec, wire: bytes) -> None:
    sframe = unwrap(codec, wire)
    assert sframe is None or sframe in wire
