"""What is learnt of each packet: codec by codec, number by number."""

from __future__ import annotations

import random

import pytest

from sfu.base.errors import WireError
from sfu.base.ids import Codec, IngressId, MediaKind, Mid, Rid, TransportId
from sfu.plane.port import AddIngress, Extension, PayloadType, PlaneLimits
from sfu.plane.reference.facts import Facts, PublisherClock
from sfu.plane.reference.ingress import SEEN_BITS, EncodingState, Ingress, named
from sfu.wire.rtcp import SenderReport, ntp_from_unix
from sfu.wire.rtp import RtpPacket
from tests.plane.packets import L1T3, av1, dd, vp8, vp9

H264_IDR, H264_SPS, H264_SLICE = b"\x65", b"\x67", b"\x41"
DD = Extension.DEPENDENCY_DESCRIPTOR


def state() -> EncodingState:
    return EncodingState((IngressId(1), None), 90_000, PublisherClock(), PlaneLimits(), 0.0)


def learn(
    encoding: EncodingState, codec: Codec, payload: bytes, given: dict[Extension, bytes] | None = None
) -> Facts:
    packet = RtpPacket(False, 96, 1, 0, 7, (), {}, payload, 0)
    facts = Facts(packet, encoding.encoding, codec, 65_537, 1.0)
    encoding.learn(facts, given or {})
    return facts


@pytest.mark.parametrize(
    ("codec", "payload", "key_start"),
    [
        pytest.param(Codec.OPUS, b"\x01", True, id="audio-always"),
        pytest.param(Codec.OPUS, b"", True, id="audio-even-empty"),
        pytest.param(Codec.VP8, vp8(key=True, pid=5), True, id="vp8-key"),
        pytest.param(Codec.VP8, vp8(key=True), True, id="vp8-key-no-descriptor"),
        pytest.param(Codec.VP8, vp8(pid=5), False, id="vp8-delta"),
        pytest.param(Codec.VP8, vp8(key=True, start=False, pid=5), False, id="vp8-key-continued"),
        pytest.param(Codec.VP9, vp9(key=True, pid=5), True, id="vp9-key"),
        pytest.param(Codec.VP9, vp9(pid=5), False, id="vp9-delta"),
        pytest.param(Codec.VP9, vp9(key=True, start=False, pid=5), False, id="vp9-key-continued"),
        pytest.param(
            Codec.VP9, vp9(key=True, spatial=1, pid=5), False, id="vp9-upper-layer-of-a-key-picture"
        ),
        pytest.param(Codec.AV1, av1(key=True), True, id="av1-key"),
        pytest.param(Codec.AV1, av1(), False, id="av1-delta"),
        pytest.param(Codec.H264, H264_SPS + bytes(9), True, id="h264-sps"),
        pytest.param(Codec.H264, H264_IDR + bytes(9), True, id="h264-idr"),
        pytest.param(Codec.H264, H264_SLICE + bytes(9), False, id="h264-delta"),
        *(pytest.param(codec, b"", False, id=f"{codec}-padding-only") for codec in (Codec.VP8, Codec.AV1)),
    ],
)
def test_where_a_key_frame_starts(codec: Codec, payload: bytes, key_start: bool) -> None:
    assert learn(state(), codec, payload).key_start is key_start


@pytest.mark.parametrize(
    ("codec", "payload"),
    [
        *(pytest.param(Codec.VP8, b"\x90\x80\x80\x01"[:size], id=f"vp8-{size}") for size in range(1, 5)),
        *(pytest.param(Codec.VP9, b"\xa0\x80\x01\x00"[:size], id=f"vp9-{size}") for size in range(1, 5)),
        pytest.param(Codec.H264, b"\x7c", id="h264-fragment-without-head"),
    ],
)
def test_descriptors_cut_short_are_malformed(codec: Codec, payload: bytes) -> None:
    with pytest.raises(WireError):
        learn(state(), codec, payload)


def test_temporal_layers_come_from_the_descriptor_s_structure_and_from_this_encoding_s_only() -> None:
    one, other = state(), state()
    with_structure = {DD: dd(1, layers=L1T3)}
    assert learn(one, Codec.VP8, vp8(key=True), with_structure).temporal == 0
    assert learn(one, Codec.VP8, vp8(), {DD: dd(2, template=2)}).temporal == 2
    assert learn(one, Codec.VP8, vp8(), {DD: dd(3, template=1)}).temporal == 1
    assert learn(other, Codec.VP8, vp8(), {DD: dd(2, template=2)}).temporal == 0
    one.restart()
    assert learn(one, Codec.VP8, vp8(), {DD: dd(2, template=2)}).temporal == 0


def test_the_higher_of_two_temporal_ids_counts() -> None:
    encoding = state()
    learn(encoding, Codec.VP8, vp8(key=True, pid=1), {DD: dd(1, layers=L1T3)})
    assert learn(encoding, Codec.VP8, vp8(pid=2, temporal=2), {DD: dd(2)}).temporal == 2
    assert learn(encoding, Codec.VP9, vp9(pid=2, temporal=1), {DD: dd(2, template=2)}).temporal == 2


def test_av1_starts_where_the_descriptor_says_too() -> None:
    assert learn(state(), Codec.AV1, av1(), {DD: dd(1, layers=L1T3)}).key_start
    assert not learn(state(), Codec.AV1, av1(start=False), {DD: dd(1, start=False, layers=L1T3)}).key_start


@pytest.mark.parametrize("raw", [b"", b"\x80", b"\x80\x00", b"\x80\x00\x01\x80", b"\xff" * 40])
def test_hostile_descriptors_raise_nothing_else(raw: bytes) -> None:
    try:
        learn(state(), Codec.AV1, av1(), {DD: raw})
    except WireError:
        return
    assert raw == b"\xff" * 40


def test_extensions_to_pass_on_are_one_byte() -> None:
    given = {Extension.AUDIO_LEVEL: b"\x85smuggled", Extension.VIDEO_ORIENTATION: b"\x01more"}
    facts = learn(state(), Codec.VP8, vp8(), given)
    assert (facts.audio_level, facts.orientation) == (b"\x85", b"\x01")
    empty = learn(state(), Codec.OPUS, b"", {Extension.AUDIO_LEVEL: b""})
    assert (empty.audio_level, empty.orientation) == (None, None)


def test_extensions_by_meaning_leave_out_what_was_not_negotiated() -> None:
    assert named({1: Extension.MID}, {1: b"a", 2: b"b", 15: b""}) == {Extension.MID: b"a"}


def test_each_number_is_new_once_whatever_the_order() -> None:
    """Against a set, within the window; packets older than it count as seen."""
    rng, encoding, seen, top = random.Random(4), state(), set[int](), 70_000
    encoding.is_new(top)
    seen.add(top)
    for _ in range(20_000):
        number = max(0, top + rng.choice((1, 1, 1, 2, rng.randrange(-SEEN_BITS - 50, 60))))
        wanted = number not in seen and number > top - SEEN_BITS
        assert encoding.is_new(number) is wanted, (number, top)
        seen.add(number)
        top = max(top, number)


@pytest.mark.parametrize("jump", [SEEN_BITS - 1, SEEN_BITS, SEEN_BITS + 1, 30_000])
def test_a_jump_ahead_forgets_and_stays_small(jump: int) -> None:
    encoding = state()
    for number in (100, 101, 101 + jump):
        assert encoding.is_new(number)
    assert not encoding.is_new(101 + jump)
    assert not encoding.is_new(101)
    assert encoding._seen.bit_length() <= SEEN_BITS


def test_another_ssrc_starts_with_nothing_known() -> None:
    encoding = state()
    assert encoding.is_new(encoding.extend(5000))
    report = SenderReport(ssrc=7, ntp_time=ntp_from_unix(0.0), rtp_timestamp=0, packet_count=0, octet_count=0)
    encoding.clock.on_sender_report(report, 1.0)
    encoding.nack.received(5000, 1.0)
    encoding.nack.received(5005, 1.0)
    encoding.restart()
    assert encoding.is_new(encoding.extend(5000))
    assert encoding.clock.mapping() is None
    assert len(encoding.nack) == 0
    assert encoding.stats.block(7, 2.0) is None


def test_payload_types_are_known_by_both_of_their_numbers() -> None:
    vp8_type = PayloadType(codec=Codec.VP8, pt=96, rtx_pt=97)
    h264_type = PayloadType(codec=Codec.H264, pt=102)
    add = AddIngress(
        ingress=IngressId(1),
        transport=TransportId(1),
        mid=Mid("v"),
        kind=MediaKind.VIDEO,
        payload_types=(vp8_type, h264_type),
        extensions={},
        rids=(Rid("q"), Rid("f")),
    )
    ingress = Ingress(add, PublisherClock(), PlaneLimits(), 0.0)
    found = [ingress.payload_type(pt) for pt in (96, 97, 102, 103)]
    assert found == [vp8_type, vp8_type, h264_type, None]
    assert [ingress.is_rtx(pt) for pt in (96, 97, 102)] == [False, True, False]
    assert ingress.view == ((Rid("q"), False), (Rid("f"), False))
    ingress.encodings[Rid("f")].active = True
    ingress.refresh()
    assert ingress.view == ((Rid("q"), False), (Rid("f"), True))
