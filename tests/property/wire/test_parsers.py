"""Whatever comes, a parser answers or raises ``WireError``; what we write we read."""

from __future__ import annotations

import random
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sfu.base.errors import WireError
from sfu.wire.demux import DatagramKind, classify
from sfu.wire.rtcp import Nack, nack, parse_compound, transport_feedback
from sfu.wire.rtcp import TransportFeedback as Feedback
from sfu.wire.rtp import parse_rtp, serialize_rtp
from sfu.wire.sdp import parse_sdp
from sfu.wire.sequence import SequenceUnwrapper, TimestampUnwrapper, seq_delta, ts_delta
from sfu.wire.stun import binding_request, integrity_ok, parse_binding_request
from tests.fuzz.wire import PARSERS, mutate, seeds

SEEDS = seeds()
U16 = st.integers(0, 0xFFFF)
U32 = st.integers(0, 0xFFFFFFFF)


@pytest.mark.parametrize("name", sorted(PARSERS))
@given(raw=st.binary(max_size=200))
def test_only_wire_errors_leave_a_parser_on_any_bytes(name: str, raw: bytes) -> None:
    with suppress(WireError):
        PARSERS[name](raw)


@pytest.mark.parametrize("name", sorted(PARSERS))
@given(seed=st.integers(0, 1 << 64))
def test_only_wire_errors_leave_a_parser_on_mutated_valid_input(name: str, seed: int) -> None:
    rng = random.Random(seed)
    with suppress(WireError):
        PARSERS[name](mutate(rng, rng.choice(SEEDS[name]), 100_000))


@given(st.binary(max_size=64))
def test_classify_answers_every_input(datagram: bytes) -> None:
    assert classify(datagram) in DatagramKind


@given(st.text(max_size=300))
def test_sdp_of_any_text(text: str) -> None:
    for whole in (text, "v=0\r\n" + text, "v=0\r\nm=video 9 UDP/TLS/RTP/SAVPF 96\r\na=" + text):
        with suppress(WireError):
            parse_sdp(whole)


@given(
    payload_type=st.integers(0, 127),
    marker=st.booleans(),
    seq=U16,
    timestamp=U32,
    ssrc=U32,
    extensions=st.dictionaries(st.integers(1, 255), st.binary(max_size=60), max_size=6),
    payload=st.binary(max_size=100),
    padding=st.integers(0, 255),
)
def test_rtp_round_trip(
    payload_type: int,
    marker: bool,
    seq: int,
    timestamp: int,
    ssrc: int,
    extensions: dict[int, bytes],
    payload: bytes,
    padding: int,
) -> None:
    packet = parse_rtp(
        serialize_rtp(
            payload_type=payload_type,
            marker=marker,
            seq=seq,
            timestamp=timestamp,
            ssrc=ssrc,
            extensions=list(extensions.items()),
            payload=payload,
            padding_bytes=padding,
        )
    )
    assert (packet.payload_type, packet.marker) == (payload_type, marker)
    assert (packet.seq, packet.timestamp, packet.ssrc) == (seq, timestamp, ssrc)
    assert (packet.extensions, packet.payload, packet.padding_bytes) == (extensions, payload, padding)


@given(first=U16, steps=st.lists(st.integers(1, 60), max_size=100))
def test_nacks_name_exactly_what_was_asked(first: int, steps: list[int]) -> None:
    seqs = [first]
    for step in steps:
        seqs.append((seqs[-1] + step) & 0xFFFF)
    (found,), bad = parse_compound(nack(1, 2, seqs))
    assert not bad
    assert isinstance(found, Nack)
    assert list(found.lost) == seqs


@given(
    base=U16,
    gaps=st.lists(st.one_of(st.none(), st.integers(-2000, 20_000)), min_size=1, max_size=300),
    start_s=st.floats(1.0, 1e6),
)
def test_transport_feedback_round_trip(base: int, gaps: list[int | None], start_s: float) -> None:
    now_s, arrivals = start_s, list[float | None]()
    for gap in [0, *gaps]:
        now_s += 0 if gap is None else gap * 0.000_25
        arrivals.append(None if gap is None else now_s)
    (found,), bad = parse_compound(transport_feedback(1, 2, base, 3, arrivals))
    assert not bad
    assert isinstance(found, Feedback)
    assert [a is None for a in found.arrivals] == [a is None for a in arrivals]
    came = [(a, b) for a, b in zip(found.arrivals, arrivals, strict=True) if a is not None and b is not None]
    shift_s = came[0][0] - came[0][1]
    for told_s, given_s in came:
        assert abs(told_s - given_s - shift_s) < 0.000_3


@given(
    user=st.text(st.characters(codec="utf-8"), min_size=1, max_size=60),
    password=st.binary(min_size=1, max_size=60),
)
def test_checks_round_trip_and_hold_only_for_their_password(user: str, password: bytes) -> None:
    datagram = binding_request(user, password, transaction_id=bytes(12), use_candidate=True)
    assert parse_binding_request(datagram).username == user
    assert integrity_ok(datagram, password)
    assert not integrity_ok(datagram, password + b"\x01")


# ---- sequence numbers


@given(a=U16, step=st.integers(-32768, 32767))
def test_seq_delta_undoes_addition(a: int, step: int) -> None:
    assert seq_delta((a + step) & 0xFFFF, a) == step


@given(a=U32, step=st.integers(-(1 << 31), (1 << 31) - 1))
def test_ts_delta_undoes_addition(a: int, step: int) -> None:
    assert ts_delta((a + step) & 0xFFFFFFFF, a) == step


@given(first=U16, steps=st.lists(st.integers(-1000, 30_000), max_size=100))
def test_unwrapping_follows_a_number_that_never_wraps(first: int, steps: list[int]) -> None:
    """Model: big integers. Steps are taken from the highest so far, as late packets are."""
    unwrapper = SequenceUnwrapper()
    offset = unwrapper.unwrap(first) - first
    highest = first
    for step in steps:
        number = highest + step
        assert unwrapper.unwrap(number & 0xFFFF) - offset == number
        highest = max(highest, number)
        assert unwrapper.highest == highest + offset


@given(first=U32, steps=st.lists(st.integers(-(1 << 30), 1 << 30), max_size=50))
def test_unwrapping_timestamps_follows_the_model(first: int, steps: list[int]) -> None:
    unwrapper = TimestampUnwrapper()
    offset = unwrapper.unwrap(first) - first
    number = first
    for step in steps:
        number += step
        assert unwrapper.unwrap(number & 0xFFFFFFFF) - offset == number
