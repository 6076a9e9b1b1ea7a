"""Demultiplexing, serial numbers, header extensions and payload descriptors: tables, hostile rows too."""

from __future__ import annotations

import pytest

from sfu.base.errors import WireError
from sfu.wire import extensions as ext
from sfu.wire.demux import DatagramKind, classify
from sfu.wire.payload import (
    av1_key_start,
    h264_key_start,
    parse_vp8,
    parse_vp9,
    rewrite_vp8,
    rewrite_vp9,
)
from sfu.wire.sequence import SequenceUnwrapper, TimestampUnwrapper, seq_delta, ts_delta
from tests.plane import packets

STUN, DTLS, RTP, RTCP = DatagramKind.STUN, DatagramKind.DTLS, DatagramKind.RTP, DatagramKind.RTCP
UNKNOWN = DatagramKind.UNKNOWN


@pytest.mark.parametrize(
    ("first_bytes", "size", "kind"),
    [
        # the edges of each range in RFC 7983 section 7
        pytest.param([0], 20, STUN, id="stun-lowest"),
        pytest.param([3], 20, STUN, id="stun-highest"),
        pytest.param([4], 20, UNKNOWN, id="gap-above-stun"),
        pytest.param([19], 20, UNKNOWN, id="zrtp-is-not-ours"),
        pytest.param([20], 13, DTLS, id="dtls-lowest"),
        pytest.param([63], 13, DTLS, id="dtls-highest"),
        pytest.param([64], 60, UNKNOWN, id="turn-channel-is-not-ours"),
        pytest.param([127], 60, UNKNOWN, id="below-rtp"),
        pytest.param([192], 60, UNKNOWN, id="above-rtp"),
        # RFC 5761 section 4: the marker bit plus payload type decides
        pytest.param([128, 191], 12, RTP, id="rtcp-one-below"),
        pytest.param([128, 192], 8, RTCP, id="rtcp-lowest"),
        pytest.param([191, 223], 8, RTCP, id="rtcp-highest"),
        pytest.param([128, 224], 12, RTP, id="rtcp-one-above"),
        # hostile
        pytest.param([], 0, UNKNOWN, id="empty"),
        pytest.param([128], 1, UNKNOWN, id="one-byte"),
        pytest.param([0], 19, UNKNOWN, id="stun-one-byte-short"),
        pytest.param([22], 12, UNKNOWN, id="dtls-one-byte-short"),
        pytest.param([128, 96], 11, UNKNOWN, id="rtp-one-byte-short"),
        pytest.param([128, 200], 7, UNKNOWN, id="rtcp-one-byte-short"),
    ],
)
def test_classify(first_bytes: list[int], size: int, kind: DatagramKind) -> None:
    assert classify(bytes(first_bytes).ljust(size, b"\xff")) is kind


@pytest.mark.parametrize(
    ("a", "b", "delta"),
    [(1, 0, 1), (0, 65535, 1), (65535, 0, -1), (32767, 0, 32767), (32768, 0, -32768), (5, 5, 0)],
)
def test_seq_delta(a: int, b: int, delta: int) -> None:
    assert seq_delta(a, b) == delta


@pytest.mark.parametrize(
    ("a", "b", "delta"), [(0, 0xFFFFFFFF, 1), (0xFFFFFFFF, 0, -1), (0x80000000, 0, -0x80000000)]
)
def test_ts_delta(a: int, b: int, delta: int) -> None:
    assert ts_delta(a, b) == delta


def test_unwrapping_late_numbers_across_a_wrap() -> None:
    unwrapper = SequenceUnwrapper()
    assert unwrapper.highest is None
    assert [unwrapper.unwrap(seq) - 0x10000 for seq in (65534, 65533, 0, 65535, 2, 1)] == [
        65534,
        65533,
        65536,
        65535,
        65538,
        65537,
    ]
    assert unwrapper.highest == 0x10000 + 65538


def test_unwrapping_timestamps() -> None:
    unwrapper = TimestampUnwrapper()
    first = unwrapper.unwrap(0xFFFFFF00)
    assert unwrapper.unwrap(0x100) - first == 0x200
    assert unwrapper.unwrap(0xFFFFFF00) == first


# ---- header extensions


@pytest.mark.parametrize(
    ("raw", "found"), [(b"\x80", (True, 0)), (b"\x7f", (False, 127)), (b"\xff\x00", (True, 127))]
)
def test_audio_level(raw: bytes, found: tuple[bool, int]) -> None:
    assert ext.parse_audio_level(raw) == found


@pytest.mark.parametrize("raw", [b"", b"\x01", b"\x01\x02\x03", b"12345"])
def test_transport_seq_of_wrong_length(raw: bytes) -> None:
    with pytest.raises(WireError):
        ext.parse_transport_seq(raw)


def test_transport_seq_and_send_time() -> None:
    assert ext.parse_transport_seq(b"\x12\x34") == ext.parse_transport_seq(b"\x12\x34\x80\x01") == 0x1234
    assert ext.parse_abs_send_time(b"\x04\x00\x00") == 1.0
    with pytest.raises(WireError):
        ext.parse_abs_send_time(b"\x04\x00")
    with pytest.raises(WireError):
        ext.parse_audio_level(b"")


@pytest.mark.parametrize("raw", [b"", b" ", b"a b", b"a\x00", b"\xc3\xa4", b"\x7f"])
def test_text_that_is_no_identifier(raw: bytes) -> None:
    with pytest.raises(WireError):
        ext.parse_text(raw)


def test_text() -> None:
    assert ext.parse_text(b"q~1") == "q~1"


@pytest.mark.parametrize(
    "layers",
    [
        ((0, 0),),
        packets.L1T3,
        ((0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (1, 2), (2, 0), (2, 1), (2, 2)),
    ],
)
def test_descriptor_structure(layers: tuple[tuple[int, int], ...]) -> None:
    raw = packets.dd(0xFFFE, start=True, end=False, template=0, layers=layers)
    found = ext.parse_dd(raw)
    assert (found.start_of_frame, found.end_of_frame, found.frame_number) == (True, False, 0xFFFE)
    assert found.structure is not None
    assert found.structure.layers == layers
    for template, layer in enumerate(layers):
        assert ext.layer_of(ext.parse_dd(packets.dd(1, template=template)), found.structure) == layer


def test_templates_count_from_the_offset_and_wrap() -> None:
    structure = ext.DdStructure(62, ((0, 0), (0, 1), (0, 2)))
    temporal = [ext.layer_of(ext.parse_dd(packets.dd(1, template=t)), structure)[1] for t in (62, 63, 0)]
    assert temporal == [0, 1, 2]
    assert ext.layer_of(ext.parse_dd(packets.dd(1, template=5)), structure) == (0, 0)
    assert ext.layer_of(ext.parse_dd(packets.dd(1, template=5)), None) == (0, 0)


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"", "dd_short"),
        (b"\x80\x00", "dd_short"),
        (b"\x80\x00\x01\x80", "dd_structure"),
        (b"\x80\x00\x01\x80" + b"\x55" * 8, "dd_structure"),
    ],
)
def test_hostile_descriptors(raw: bytes, reason: str) -> None:
    with pytest.raises(WireError) as caught:
        ext.parse_dd(raw)
    assert caught.value.reason == reason


def test_endless_templates_are_bounded() -> None:
    found = ext.parse_dd(b"\x80\x00\x01\x80" + b"\x00" * 200)
    assert found.structure is not None
    assert len(found.structure.layers) == ext.MAX_TEMPLATES


def test_descriptor_rewrite_changes_two_bytes() -> None:
    raw = packets.dd(5, layers=packets.L1T3)
    assert ext.rewrite_dd_frame_number(raw, 0x1FFFF) == raw[:1] + b"\xff\xff" + raw[3:]
    with pytest.raises(WireError):
        ext.rewrite_dd_frame_number(b"\x00\x01", 3)


# ---- payload descriptors


@pytest.mark.parametrize(
    ("payload", "start", "key", "pid", "tl0", "temporal", "size"),
    [
        pytest.param(b"\x10\x00", True, True, None, None, 0, 1, id="plain-key"),
        pytest.param(b"\x10\x01", True, False, None, None, 0, 1, id="plain-delta"),
        pytest.param(b"\x00\x00", False, False, None, None, 0, 1, id="continuation"),
        pytest.param(b"\x11\x00", False, False, None, None, 0, 1, id="partition-1-is-no-start"),
        pytest.param(b"\x90\x80\x7f\x00", True, True, 127, None, 0, 3, id="7-bit-picture-id"),
        pytest.param(b"\x90\x80\xff\xff\x01", True, False, 32767, None, 0, 4, id="15-bit-picture-id"),
        pytest.param(b"\x90\xe0\x81\x02\xfe\x80\x01", True, False, 258, 254, 2, 6, id="all-fields"),
        pytest.param(b"\x90\x10\x1f\x00", True, True, None, None, 0, 3, id="key-index-only"),
        pytest.param(b"\x80\x80\x05", False, False, 5, None, 0, 3, id="continuation-without-payload"),
    ],
)
def test_vp8(
    payload: bytes, start: bool, key: bool, pid: int | None, tl0: int | None, temporal: int, size: int
) -> None:
    found = parse_vp8(payload)
    assert (found.start, found.key_frame, found.size) == (start, key, size)
    assert (found.picture_id, found.tl0picidx, found.temporal) == (pid, tl0, temporal)


@pytest.mark.parametrize("whole", [b"\x90\xe0\x81\x02\xfe\x80\x01", b"\x90\x80\x7f\x00", b"\x10\x00"])
def test_vp8_cut_anywhere_is_refused(whole: bytes) -> None:
    for size in range(len(whole)):
        with pytest.raises(WireError):
            parse_vp8(whole[:size])


@pytest.mark.parametrize(
    ("payload", "start", "key", "pid", "temporal", "spatial", "tl0"),
    [
        pytest.param(packets.vp9(key=True, pid=300), True, True, 300, 0, 0, 0, id="key"),
        pytest.param(packets.vp9(pid=300, temporal=2, tl0=9), True, False, 300, 2, 0, 9, id="delta"),
        pytest.param(
            packets.vp9(pid=1, spatial=1, inter=False),
            True,
            False,
            1,
            0,
            1,
            0,
            id="upper-layer-of-a-key-frame",
        ),
        pytest.param(b"\x08", True, True, None, 0, 0, None, id="no-fields"),
        pytest.param(b"\x80\x05", False, False, 5, 0, 0, None, id="7-bit-picture-id"),
        pytest.param(b"\xb8\x05\x42", True, True, 5, 2, 1, None, id="flexible-has-no-tl0"),
    ],
)
def test_vp9(
    payload: bytes, start: bool, key: bool, pid: int | None, temporal: int, spatial: int, tl0: int | None
) -> None:
    if spatial:
        key = False
    found = parse_vp9(payload)
    assert (found.start, found.key_frame, found.picture_id) == (start, key, pid)
    assert (found.temporal, found.spatial, found.tl0picidx) == (temporal, spatial, tl0)


def test_vp9_cut_anywhere_is_refused() -> None:
    whole = packets.vp9(pid=300, temporal=1, body=b"")
    for size in range(len(whole)):
        with pytest.raises(WireError):
            parse_vp9(whole[:size])


def test_renumbering_keeps_length_and_everything_else() -> None:
    for whole in (packets.vp8(pid=300, tl0=4, temporal=1), b"\x90\xc0\x05\x06\x01"):
        found = parse_vp8(whole)
        again = parse_vp8(patched := rewrite_vp8(whole, found, 0x7FFF, 0x1FF))
        assert len(patched) == len(whole)
        assert again.picture_id == (0x7FFF if found.picture_id_long else 0x7F)
        assert again.tl0picidx == 0xFF
        assert again.temporal == found.temporal
        assert patched[found.size :] == whole[found.size :]
    whole = packets.vp9(pid=300, tl0=4)
    assert parse_vp9(rewrite_vp9(whole, parse_vp9(whole), 1, None)).picture_id == 1
    assert rewrite_vp8(b"\x10\x01", parse_vp8(b"\x10\x01"), 5, 5) == b"\x10\x01"


@pytest.mark.parametrize(
    ("payload", "key"),
    [
        (packets.av1(key=True), True),
        (packets.av1(), False),
        (packets.av1(key=True, start=False), False),
        (b"\x88", False),
    ],
)
def test_av1(payload: bytes, key: bool) -> None:
    assert av1_key_start(payload) is key


@pytest.mark.parametrize(
    ("payload", "key"),
    [
        pytest.param(b"\x67\x42", True, id="sps"),
        pytest.param(b"\x65\x88", True, id="idr"),
        pytest.param(b"\x41\x9a", False, id="non-idr-slice"),
        pytest.param(b"\x78\x00\x01\x67", True, id="stap-a-with-sps"),
        pytest.param(b"\x78\x00\x01\x41\x00\x01\x65", True, id="stap-a-with-idr-second"),
        pytest.param(b"\x78\x00\x01\x41", False, id="stap-a-without"),
        pytest.param(b"\x78\xff\xff\x41", False, id="stap-a-past-the-end"),
        pytest.param(b"\x78", False, id="stap-a-empty"),
        pytest.param(b"\x7c\x85", True, id="fu-a-start-of-idr"),
        pytest.param(b"\x7c\x05", False, id="fu-a-middle-of-idr"),
    ],
)
def test_h264(payload: bytes, key: bool) -> None:
    assert h264_key_start(payload) is key


def test_empty_payloads_are_refused() -> None:
    for parse in (parse_vp8, parse_vp9, av1_key_start, h264_key_start):
        with pytest.raises(WireError):
            parse(b"")
    with pytest.raises(WireError):
        h264_key_start(b"\x7c")
