"""SFrame header, suites, v1 objects and streams against the vectors."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sotto_client.e2ee.drops import DropReason
from sotto_client.e2ee.replay import ReplayWindow
from sotto_client.e2ee.sframe import (
    MAX_OBJECTS,
    BaseKey,
    OpenStream,
    SealStream,
    SFrameHeader,
    SuiteRefusedError,
    V1Header,
    encode_header,
    kid_of,
    metadata_of,
    nonce_of,
    open_object,
    parse_header,
    parse_v1_header,
    seal_object,
)

from tests.unit.client_e2ee import rfc9605
from tests.unit.client_e2ee.vectors import (
    CtrHmacVector,
    FrameVector,
    HeaderVector,
    SuiteVector,
    ctr_hmac_vectors,
    draft,
    draft_suite_vectors,
    header_vectors,
    suite_vectors,
)

DRAFT = draft()
TAG = bytes(16)


def test_all_vectors_are_there() -> None:
    assert len(header_vectors()) == 289
    assert [one.cipher_suite for one in suite_vectors()] == [1, 2, 3, 4, 5]
    assert [one.cipher_suite for one in draft_suite_vectors()] == [6, 7, 8]
    assert len(DRAFT.frames) == 13


@pytest.mark.parametrize("vector", header_vectors(), ids=lambda one: one.encoded.hex())
def test_header(vector: HeaderVector) -> None:
    assert encode_header(vector.kid, vector.ctr) == vector.encoded
    parsed = parse_header(vector.encoded + b"\xff")
    assert isinstance(parsed, SFrameHeader)
    assert (parsed.kid, parsed.ctr, parsed.size_bytes) == (vector.kid, vector.ctr, len(vector.encoded))
    for cut in range(len(vector.encoded)):
        assert parse_header(vector.encoded[:cut]) is DropReason.SHORT


@pytest.mark.parametrize("encoded", ["8007", "900042", "0800", "0f0000000000000007"])
def test_t6_a_value_not_in_its_shortest_form_is_malformed(encoded: str) -> None:
    assert parse_header(bytes.fromhex(encoded)) is DropReason.MALFORMED


@pytest.mark.parametrize(("kid", "ctr"), [(2**64, 0), (0, -1)])
def test_header_refuses_what_does_not_fit(kid: int, ctr: int) -> None:
    with pytest.raises(ValueError, match="64 bits"):
        encode_header(kid, ctr)


@given(st.integers(0, 2**64 - 1), st.integers(0, 2**64 - 1))
def test_header_round_trip(kid: int, ctr: int) -> None:
    parsed = parse_header(encode_header(kid, ctr))
    assert isinstance(parsed, SFrameHeader)
    assert (parsed.kid, parsed.ctr) == (kid, ctr)


@given(st.binary(max_size=40))
def test_t26_header_parsers_answer_every_input(raw: bytes) -> None:
    parsed = parse_v1_header(raw)
    if isinstance(parsed, V1Header):
        assert raw.startswith(encode_header(parsed.kid, parsed.ctr))
    else:
        assert parsed in (DropReason.SHORT, DropReason.MALFORMED)


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        pytest.param(bytes.fromhex("b001000000") + TAG, DropReason.MALFORMED, id="t6-4-byte-kid"),
        pytest.param(b"\xff" + b"\x01" * 16 + TAG, DropReason.MALFORMED, id="t6-8-byte-fields"),
        pytest.param(bytes.fromhex("0d010000000000") + TAG, DropReason.MALFORMED, id="t31-ctr-2^40"),
        pytest.param(bytes.fromhex("a0048000") + TAG, DropReason.MALFORMED, id="t6-ctx-18"),
        pytest.param(b"\x00" + TAG[1:], DropReason.SHORT, id="t4-15-bytes-left"),
    ],
)
def test_v1_limits(raw: bytes, reason: DropReason) -> None:
    assert parse_v1_header(raw) is reason


@pytest.mark.parametrize(("ctx", "leaf"), [(18, 0), (-1, 0), (0, 1024), (0, -1)])
def test_kid_outside_the_profile(ctx: int, leaf: int) -> None:
    with pytest.raises(ValueError, match="is not in"):
        kid_of(ctx, leaf, 0)


@pytest.mark.parametrize(
    "vector", suite_vectors() + draft_suite_vectors(), ids=lambda one: str(one.cipher_suite)
)
def test_suites_by_the_text_of_the_rfc(vector: SuiteVector) -> None:
    """The oracle reproduces all eight, with our header in them."""
    derived = rfc9605.derive(vector.cipher_suite, vector.kid, vector.base_key)
    assert (derived.secret, derived.key, derived.salt) == (
        vector.sframe_secret,
        vector.sframe_key,
        vector.sframe_salt,
    )
    args = (vector.cipher_suite, derived, vector.kid, vector.ctr, vector.metadata, vector.pt)
    assert rfc9605.encrypt(*args) == vector.ct


@pytest.mark.parametrize("vector", ctr_hmac_vectors(), ids=lambda one: str(one.cipher_suite))
def test_ctr_hmac_by_the_text_of_the_rfc(vector: CtrHmacVector) -> None:
    sealed = rfc9605.ctr_hmac(vector.cipher_suite, vector.key, vector.nonce, vector.aad, vector.pt)
    assert sealed == vector.ct


def test_suite_4_is_ours() -> None:
    (vector,) = [one for one in suite_vectors() if one.cipher_suite == 4]
    key = BaseKey(vector.base_key).frame_key(vector.kid)
    assert key.salt == vector.sframe_salt
    assert nonce_of(key.salt, vector.ctr) == vector.nonce
    assert seal_object(key, vector.kid, vector.ctr, vector.metadata, vector.pt) == vector.ct
    header = parse_v1_header(vector.ct)
    assert isinstance(header, V1Header)
    assert vector.aad == vector.ct[: header.size_bytes] + vector.metadata
    assert open_object(key, header.ctr, header.size_bytes, vector.metadata, vector.ct) == vector.pt


@pytest.mark.parametrize("suite", [0, 1, 2, 3, 5, 6, 7, 8])
def test_other_suites_are_refused(suite: int) -> None:
    with pytest.raises(SuiteRefusedError):
        BaseKey(bytes(16), suite)


@pytest.mark.parametrize("vector", DRAFT.frames, ids=lambda one: one.name)
def test_v1_objects(vector: FrameVector) -> None:
    assert kid_of(vector.ctx, vector.leaf, vector.epoch) == vector.kid
    key = BaseKey(DRAFT.base_key).frame_key(vector.kid)
    assert key.salt == vector.sframe_salt
    assert (
        SealStream(vector.kid, key, first=vector.ctr).seal(vector.codec_id, vector.plaintext) == vector.sframe
    )
    header = parse_v1_header(vector.sframe)
    assert isinstance(header, V1Header)
    assert vector.sframe[: header.size_bytes] + metadata_of(vector.codec_id) == vector.aad
    assert OpenStream(key, ReplayWindow()).open(header, vector.codec_id, vector.sframe) == vector.plaintext


def test_replay_script_of_the_vectors() -> None:
    window = ReplayWindow()
    assert [(ctr, window.accept(ctr) or "ok") for ctr, _ in DRAFT.replay] == list(DRAFT.replay)


def test_t31_a_jump_of_2_30_is_taken_once_then_the_window_slides() -> None:
    window = ReplayWindow()
    jump = 2**30
    verdicts = [window.accept(ctr) for ctr in (5, jump, jump, 5, jump - 1023, jump - 1024, 2**40 - 1, jump)]
    dup, old = DropReason.DUP, DropReason.OLD
    assert verdicts == [None, None, dup, old, None, old, None, old]


@given(st.lists(st.integers(0, 4000), max_size=200))
def test_replay_window_agrees_with_a_plain_set(ctrs: list[int]) -> None:
    window, seen, highest = ReplayWindow(), set[int](), -1
    for ctr in ctrs:
        expected = DropReason.OLD if highest - ctr >= 1024 else DropReason.DUP if ctr in seen else None
        assert window.check(ctr) is expected
        assert window.accept(ctr) is expected
        seen.add(ctr)
        highest = max(highest, ctr)


def test_t31_sealing_stops_for_good_when_the_counter_is_spent() -> None:
    stream = SealStream(1, BaseKey(bytes(16)).frame_key(1), first=MAX_OBJECTS - 1)
    assert [stream.seal(1, b"x") is None for _ in range(3)] == [False, True, True]


def test_a_frame_that_fails_does_not_move_the_window() -> None:
    key = BaseKey(bytes(16)).frame_key(kid_of(1, 3, 0))
    sealed = SealStream(kid_of(1, 3, 0), key).seal(0x10, b"frame")
    assert sealed is not None
    header = parse_v1_header(sealed)
    assert isinstance(header, V1Header)
    stream = OpenStream(key, ReplayWindow())
    assert stream.open(header, 0x10, sealed[:-1] + bytes([sealed[-1] ^ 1])) is DropReason.AUTH
    assert stream.open(header, 0x10, sealed) == b"frame"
    assert stream.open(header, 0x10, sealed) is DropReason.DUP
