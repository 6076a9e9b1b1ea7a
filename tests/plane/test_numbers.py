"""Sequence numbers, picture ids and frame numbers of a seat (SEATS R1, R8, R9, R13)."""

from __future__ import annotations

import itertools

import pytest

from sfu.base.ids import MediaKind
from sfu.plane.port import Count, DropReason, Extension
from sfu.wire.extensions import parse_dd
from sfu.wire.payload import parse_vp8, parse_vp9
from sfu.wire.rtp import RtpPacket
from tests.plane import packets
from tests.plane.client import until
from tests.plane.stage import SEAT_IDS, VP9, Encoder, Seat, Stage, Track

VIDEO = MediaKind.VIDEO
DD = Extension.DEPENDENCY_DESCRIPTOR


def steps(got: list[RtpPacket]) -> list[int]:
    """Sequence numbers relative to the first."""
    return [(packet.seq - got[0].seq) & 0xFFFF for packet in got]


def picture_ids(got: list[RtpPacket]) -> list[int]:
    """VP8 picture ids, relative to the first."""
    ids = [parse_vp8(packet.payload).picture_id or 0 for packet in got]
    return [(number - ids[0]) % (1 << 15) for number in ids]


async def switch(stage: Stage, seat: Seat, track: Track, before: int) -> list[RtpPacket]:
    """Route to a track and send its key frame; waits until it is through."""
    stage.route(seat, track)
    track.one.frame(key=True)
    return await seat.wait(before + 1)


async def test_r1_padding_only_packets_close_the_gap(stage: Stage) -> None:
    track, seat = await stage.pair(VIDEO)
    for _ in range(5):
        track.one.send(b"", padding_bytes=255)
        track.one.frame()
        track.one.send(b"", padding_bytes=1)
    got = await seat.wait(6)
    assert steps(got) == list(range(6))
    await until(lambda: stage.drops(DropReason.PADDING_ONLY) == 10)


async def test_r1_and_r9_dropped_temporal_layers_leave_no_trace(stage: Stage) -> None:
    publisher, subscriber = await stage.join(), await stage.join()
    track, seat = stage.publish(publisher, VIDEO), stage.seat(subscriber, VIDEO)
    stage.route(seat, track, max_temporal=1)
    track.one.frame(key=True, count=2)
    for temporal in (2, 1, 2, 0, 2, 1, 2, 0):
        track.one.frame(temporal=temporal, count=2)
    got = await seat.wait(10)
    await until(lambda: stage.drops(DropReason.ABOVE_CEILING) == 8)
    assert steps(got) == list(range(10))
    assert picture_ids(got) == [0, 0, 1, 1, 2, 2, 3, 3, 4, 4]
    assert [parse_vp8(packet.payload).temporal for packet in got[::2]] == [0, 1, 0, 1, 0]
    bases = [parse_vp8(packet.payload).tl0picidx or 0 for packet in got[::2]]
    assert [(base - bases[0]) & 0xFF for base in bases] == [0, 0, 1, 1, 2]


async def test_r9_vp9_layers_of_one_picture_count_once(stage: Stage) -> None:
    publisher, subscriber = await stage.join(), await stage.join()
    track, seat = stage.publish(publisher, VIDEO), stage.seat(subscriber, VIDEO)
    stage.route(seat, track, max_temporal=0)
    track.one.pt = VP9
    for pid, temporal in ((500, 0), (501, 1), (502, 0), (503, 1), (504, 0)):
        track.one.step()
        for spatial in range(3):
            key = pid == 500
            track.one.send(
                packets.vp9(key=key, pid=pid, temporal=temporal, spatial=spatial, tl0=pid & 0xFF),
                marker=spatial == 2,
            )
    got = await seat.wait(9)
    ids = [parse_vp9(packet.payload).picture_id or 0 for packet in got]
    assert [number - ids[0] for number in ids] == [0, 0, 0, 1, 1, 1, 2, 2, 2]
    assert steps(got) == list(range(9))


async def test_r1_a_lost_packet_leaves_its_number_free_and_a_late_one_takes_it(stage: Stage) -> None:
    track, seat = await stage.pair(VIDEO)
    (late,) = track.one.frame(send=False)
    track.one.frame()
    track.one.send(b"", padding_bytes=9)
    track.one.frame()
    got = await seat.wait(3)
    assert steps(got) == [0, 2, 3]
    track.one.client.send_rtp(late)
    got = await seat.wait(4)
    assert steps(got) == [0, 2, 3, 1]
    assert picture_ids(got) == [0, 2, 3, 1]


async def test_r1_late_packets_from_before_a_switch_go_nowhere(stage: Stage) -> None:
    first, seat = await stage.pair(VIDEO)
    second = stage.publish(await stage.join(), VIDEO)
    (late_of_old,) = first.one.frame(send=False)
    first.one.frame()
    await seat.wait(2)
    (late_of_new,) = second.one.frame(send=False)
    got = await switch(stage, seat, second, 2)
    assert steps(got) == [0, 2, 3]  # the old one's gap stays: its packet is not coming
    second.one.client.send_rtp(late_of_new)
    await until(lambda: stage.drops(DropReason.BEFORE_SWITCH) == 1)
    first.one.client.send_rtp(late_of_old)
    second.one.frame()
    got = await seat.wait(4)
    assert steps(got) == [0, 2, 3, 4]


async def test_numbers_go_on_across_the_16_bit_wrap_of_a_publisher(stage: Stage) -> None:
    publisher, subscriber = await stage.join(), await stage.join()
    track, seat = stage.publish(publisher, VIDEO), stage.seat(subscriber, VIDEO)
    track.one.seq, track.one.pid = 65_530, (1 << 15) - 5
    stage.route(seat, track)
    track.one.frame(key=True)
    held: list[bytes] = []
    for number in range(12):
        if number == 5:
            held = track.one.frame(send=False)
        else:
            track.one.frame()
    await seat.wait(12)
    publisher.send_rtp(held[0])
    got = await seat.wait(13)
    assert steps(got) == [0, 1, 2, 3, 4, 5, 7, 8, 9, 10, 11, 12, 6]
    assert picture_ids(got) == steps(got)


async def test_r9_picture_ids_continue_across_switches(stage: Stage) -> None:
    first, seat = await stage.pair(VIDEO)
    second = stage.publish(await stage.join(), VIDEO)
    first.one.frame()
    await seat.wait(2)
    await switch(stage, seat, second, 2)
    second.one.frame()
    await seat.wait(4)
    got = await switch(stage, seat, first, 4)
    assert steps(got) == picture_ids(got) == [0, 1, 2, 3, 4]
    bases = [parse_vp8(packet.payload).tl0picidx or 0 for packet in got]
    assert [(base - bases[0]) & 0xFF for base in bases] == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("numbers", [(40_000, 3), (3, 40_000), (65_534, 65_535)])
async def test_r8_frame_numbers_continue_across_switches(stage: Stage, numbers: tuple[int, int]) -> None:
    subscriber = await stage.join()
    seat = stage.seat(subscriber, VIDEO)
    tracks = [stage.publish(await stage.join(), VIDEO) for _ in numbers]
    for track, number in zip(tracks, numbers, strict=True):
        track.one.frame_number = number
    sent = 0
    for track in itertools.islice(itertools.cycle(tracks), 4):
        stage.route(seat, track)
        for key in (True, False, False):
            await described(track.one, key=key)
            sent += 1
            await seat.wait(sent)
    got = seat.got()
    raw = [packet.extensions[SEAT_IDS[DD]] for packet in got]
    found = [parse_dd(descriptor) for descriptor in raw]
    first = found[0].frame_number
    assert [(d.frame_number - first) & 0xFFFF for d in found] == list(range(12))
    assert [d.structure is not None for d in found] == [True, False, False] * 4
    assert raw[3][3:] == packets.dd(0, layers=packets.L1T3)[3:]  # nothing else changes


async def described(encoder: Encoder, *, key: bool) -> None:
    """One VP8 frame as Chromium sends it with DD: no picture id."""
    encoder.step()
    descriptor = packets.dd(encoder.frame_number, layers=packets.L1T3 if key else None)
    encoder.frame_number = (encoder.frame_number + 1) & 0xFFFF
    encoder.send(packets.vp8(key=key), marker=True, extensions={DD: descriptor})


async def test_temporal_layers_are_read_from_the_descriptor_when_the_payload_has_none(stage: Stage) -> None:
    publisher, subscriber = await stage.join(), await stage.join()
    track, seat = stage.publish(publisher, VIDEO), stage.seat(subscriber, VIDEO)
    stage.route(seat, track, max_temporal=1)
    await described(track.one, key=True)
    for template in (2, 1, 2, 0):
        track.one.step()
        descriptor = packets.dd(track.one.frame_number, template=template)
        track.one.frame_number = (track.one.frame_number + 1) & 0xFFFF
        track.one.send(packets.vp8(), extensions={DD: descriptor})
    got = await seat.wait(3)
    await until(lambda: stage.drops(DropReason.ABOVE_CEILING) == 2)
    found = [parse_dd(packet.extensions[SEAT_IDS[DD]]) for packet in got]
    assert steps(got) == [0, 1, 2]
    assert [d.template_id for d in found] == [0, 1, 0]
    first = found[0].frame_number
    assert [(d.frame_number - first) & 0xFFFF for d in found] == [0, 2, 4]  # R8: gaps stay


async def test_a_descriptor_is_left_out_for_who_did_not_negotiate_it(stage: Stage) -> None:
    publisher, subscriber = await stage.join(), await stage.join()
    track, seat = stage.publish(publisher, VIDEO), stage.seat(subscriber, VIDEO, extensions={})
    stage.route(seat, track)
    await described(track.one, key=True)
    (packet,) = await seat.wait(1)
    assert packet.extensions == {}


@pytest.mark.parametrize(
    "raw", [b"\x80", b"\x80\x00", b"\x80\x00\x01\x80", b"\x80\x00\x01" + b"\x80" + b"\x55" * 30]
)
async def test_a_hostile_descriptor_is_dropped_or_passed_whole(stage: Stage, raw: bytes) -> None:
    track, seat = await stage.pair(VIDEO)
    track.one.send(packets.vp8(pid=1, body=b"hostile"), extensions={DD: raw})
    track.one.frame(key=True)
    await until(lambda: picture_ids(seat.got())[-1] > 0)
    for packet in seat.got()[1:]:
        descriptor = packet.extensions.get(SEAT_IDS[DD])
        assert descriptor is None or len(descriptor) == len(raw)
    assert seat.client.inbox.broken == []


async def test_r13_numbers_live_on_while_the_seat_is_empty(stage: Stage) -> None:
    first, seat = await stage.pair(VIDEO)
    assert seat.got()[0].seq < 1 << 15
    stage.route(seat, None)
    first.one.frame(key=True)
    await until(lambda: stage.drops(DropReason.UNROUTED) == 1)
    second = stage.publish(await stage.join(), VIDEO)
    got = await switch(stage, seat, second, 1)
    assert steps(got) == picture_ids(got) == [0, 1]
    assert 0 < (got[1].timestamp - got[0].timestamp) & 0xFFFFFFFF < 5 * 90_000
    assert stage.count(Count.SWITCHES) == 2


async def test_r13_first_numbers_are_low_and_differ(stage: Stage) -> None:
    publisher = await stage.join()
    track = stage.publish(publisher, MediaKind.AUDIO)
    subscriber = await stage.join()
    seats = [stage.seat(subscriber, MediaKind.AUDIO) for _ in range(40)]
    for seat in seats:
        stage.route(seat, track)
    track.one.audio()
    firsts = [(await seat.wait(1))[0].seq for seat in seats]
    assert max(firsts) < 1 << 15
    assert len(set(firsts)) > 30
