"""Make before break, layers, fall-back and stalls (SEATS R6, section 4)."""

from __future__ import annotations

import itertools
import struct
import time

from sfu.base.ids import MediaKind, Rid
from sfu.plane.port import Count, DropReason, EncodingChanged, RemoveIngress, SeatStalled, SeatSwitched
from sfu.wire.rtcp import Pli
from sfu.wire.rtp import RtpPacket
from tests.plane import packets
from tests.plane.client import Client, until
from tests.plane.stage import AV1, VP9, Encoder, Seat, Stage, Track

VIDEO = MediaKind.VIDEO


def plis(client: Client, encoder: Encoder) -> int:
    """Key-frame requests that an encoder's client got for it."""
    return sum(isinstance(r, Pli) and r.media_ssrc == encoder.ssrc for r in client.inbox.rtcp)


def gapless(got: list[RtpPacket]) -> bool:
    """Whether sequence numbers rise by one."""
    return all((b.seq - a.seq) & 0xFFFF == 1 for a, b in itertools.pairwise(got))


def bodies(seat: Seat) -> list[bytes]:
    """The last byte of each payload: what the tests mark packets with."""
    return [packet.payload[-1:] for packet in seat.got()]


def marked(encoder: Encoder, mark: bytes, *, key: bool = False) -> None:
    """A one-packet frame whose last byte is a mark."""
    encoder.step()
    encoder.pid = (encoder.pid + 1) & 0x7FFF
    encoder.send(packets.vp8(key=key, pid=encoder.pid, body=mark), marker=True)


async def simulcast(stage: Stage, *, wanted: str) -> tuple[Track, Seat]:
    """A publisher of q, h and f, all being sent, and a seat that wants one of them."""
    track = stage.publish(await stage.join(), VIDEO, rids=("q", "h", "f"))
    seat = stage.seat(await stage.join(), VIDEO)
    for encoder in track.encoders:
        marked(encoder, b"0", key=True)
    await until(lambda: len(stage.events_of(EncodingChanged)) == 3)
    stage.route(seat, track, rid=wanted)
    return track, seat


async def test_r6_the_old_source_flows_until_the_new_one_s_key_frame(stage: Stage) -> None:
    first, seat = await stage.pair(VIDEO)
    second = stage.publish(await stage.join(), VIDEO)
    marked(second.one, b"x", key=True)  # known, but nobody looks yet
    await until(lambda: stage.drops(DropReason.UNROUTED) == 1)
    stage.route(seat, second)
    await until(lambda: plis(second.one.client, second.one) == 1)
    for _ in range(3):
        marked(first.one, b"A")
        marked(second.one, b"x")
    await seat.wait(4)
    await until(lambda: stage.drops(DropReason.AWAITING_KEYFRAME) == 3)
    marked(second.one, b"B", key=True)
    await seat.wait(5)
    marked(first.one, b"x")
    marked(second.one, b"B")
    got = await seat.wait(6)
    assert bodies(seat)[1:] == [b"A", b"A", b"A", b"B", b"B"]
    assert gapless(got)
    assert [event.ingress for event in stage.events_of(SeatSwitched)] == [first.ingress, second.ingress]


async def test_r6_cut_stops_the_old_source_at_once(stage: Stage) -> None:
    first, seat = await stage.pair(VIDEO)
    second = stage.publish(await stage.join(), VIDEO)
    marked(first.one, b"A")
    await seat.wait(2)
    stage.route(seat, second, cut=True)
    marked(first.one, b"x")
    await until(lambda: stage.drops(DropReason.UNROUTED) == 1)
    marked(second.one, b"B", key=True)
    got = await seat.wait(3)
    assert bodies(seat)[1:] == [b"A", b"B"]
    assert gapless(got)


async def test_a_route_set_again_changes_nothing(stage: Stage) -> None:
    track, seat = await stage.pair(VIDEO)
    for cut in (False, True):
        stage.route(seat, track, cut=cut)
        marked(track.one, b"A")
    got = await seat.wait(3)
    assert gapless(got)
    assert stage.count(Count.SWITCHES) == 1
    assert stage.count(Count.KEYFRAMES_REQUESTED) == 0


async def test_a_route_taken_back_while_waiting_keeps_the_old_source(stage: Stage) -> None:
    first, seat = await stage.pair(VIDEO)
    second = stage.publish(await stage.join(), VIDEO)
    stage.route(seat, second)
    stage.route(seat, first)
    marked(second.one, b"x", key=True)
    await until(lambda: stage.drops(DropReason.UNROUTED) == 1)
    marked(first.one, b"A")
    got = await seat.wait(2)
    assert bodies(seat)[1] == b"A"
    assert gapless(got)


async def test_codecs_may_change_at_a_switch(stage: Stage) -> None:
    seat = stage.seat(await stage.join(), VIDEO)
    expected = []
    for codec, pt, payload in (
        (VP9, 121, packets.vp9(key=True, pid=9)),
        (AV1, 122, packets.av1(key=True)),
        (VP9, 121, packets.vp9(key=True, pid=1)),
    ):
        track = stage.publish(await stage.join(), VIDEO)
        track.one.pt = codec
        stage.route(seat, track)
        track.one.send(payload)
        expected.append(pt)
        await seat.wait(len(expected))
    assert [packet.payload_type for packet in seat.got()] == expected
    assert gapless(seat.got())


async def test_layers_switch_up_and_down_at_key_frames(stage: Stage) -> None:
    track, seat = await simulcast(stage, wanted="q")
    low, middle, high = track.encoders
    await until(lambda: plis(low.client, low) >= 1)
    marked(low, b"q", key=True)
    await seat.wait(1)
    stage.route(seat, track, rid="f")
    await until(lambda: plis(high.client, high) >= 1)
    marked(low, b"q")
    marked(middle, b"x", key=True)
    marked(high, b"f", key=True)
    marked(low, b"x")
    await seat.wait(3)
    stage.route(seat, track, rid="h")
    marked(middle, b"h", key=True)
    marked(high, b"x")
    marked(middle, b"h")
    got = await seat.wait(5)
    assert bodies(seat) == [b"q", b"q", b"f", b"h", b"h"]
    assert gapless(got)
    assert [event.rid for event in stage.events_of(SeatSwitched)] == ["q", "f", "h"]


async def test_the_best_lower_encoding_serves_until_the_wanted_one_comes(stage: Stage) -> None:
    track = stage.publish(await stage.join(), VIDEO, rids=("q", "h", "f"))
    seat = stage.seat(await stage.join(), VIDEO)
    stage.route(seat, track, rid="f")
    low, middle, high = track.encoders
    marked(low, b"q", key=True)
    await seat.wait(1)
    marked(middle, b"h", key=True)
    marked(low, b"x")
    await seat.wait(2)
    marked(high, b"f", key=True)
    await seat.wait(3)
    assert bodies(seat) == [b"q", b"h", b"f"]


async def test_a_ceiling_is_not_exceeded(stage: Stage) -> None:
    track, seat = await simulcast(stage, wanted="h")
    low, middle, high = track.encoders
    marked(high, b"x", key=True)
    marked(low, b"x", key=True)
    marked(middle, b"h", key=True)
    await seat.wait(1)
    marked(high, b"x", key=True)
    marked(middle, b"h")
    await seat.wait(2)
    assert bodies(seat) == [b"h", b"h"]


async def test_an_encoding_that_stops_is_replaced_and_comes_back(stage: Stage) -> None:
    track, seat = await simulcast(stage, wanted="f")
    low, _, high = track.encoders
    marked(high, b"f", key=True)
    await seat.wait(1)

    def silent(rid: str) -> bool:
        change = EncodingChanged(ingress=track.ingress, rid=Rid(rid), active=False)
        return change in stage.events

    def keep_low_alive() -> bool:
        marked(low, b"q")
        return silent("f")

    await until(keep_low_alive, deadline_s=5.0)
    assert not silent("q")
    await until(lambda: plis(low.client, low) >= 1)
    marked(low, b"Q", key=True)
    await until(lambda: b"Q" in bodies(seat))
    marked(high, b"F", key=True)
    await until(lambda: b"F" in bodies(seat))
    assert bodies(seat) == [b"f", b"Q", b"F"]
    assert gapless(seat.got())


async def test_a_switch_without_a_key_frame_stalls_and_keeps_the_old_picture(stage: Stage) -> None:
    first, seat = await stage.pair(VIDEO)
    second = stage.publish(await stage.join(), VIDEO)
    marked(second.one, b"x")
    await until(lambda: stage.drops(DropReason.UNROUTED) == 1)
    stage.route(seat, second)
    await until(lambda: stage.events_of(SeatStalled), deadline_s=5.0)
    assert stage.events_of(SeatStalled) == [SeatStalled(egress=seat.egress, ingress=second.ingress, rid=None)]
    assert stage.count(Count.SWITCHES_STALLED) == 1
    assert plis(second.one.client, second.one) >= 4
    marked(first.one, b"A")
    await seat.wait(2)
    marked(second.one, b"B", key=True)
    await seat.wait(3)
    assert bodies(seat)[1:] == [b"A", b"B"]


async def test_a_muted_camera_is_not_asked_for_ever(stage: Stage) -> None:
    track = stage.publish(await stage.join(), VIDEO)
    seat = stage.seat(await stage.join(), VIDEO)
    marked(track.one, b"x", key=True)
    track.one.client.send_rtcp(struct.pack("!BBHI", 0x81, 203, 1, track.one.ssrc))  # BYE: it sleeps
    await until(lambda: len(stage.events_of(EncodingChanged)) == 2)
    stage.route(seat, track)
    await until(lambda: stage.events_of(SeatStalled), deadline_s=5.0)
    asked = stage.count(Count.KEYFRAMES_REQUESTED)
    assert asked >= 4
    stalled_s = time.monotonic()
    await until(lambda: time.monotonic() - stalled_s > 0.9)
    assert stage.count(Count.KEYFRAMES_REQUESTED) == asked
    marked(track.one, b"x")  # awake, but not with a key frame
    await until(lambda: stage.count(Count.KEYFRAMES_REQUESTED) == asked + 1)
    marked(track.one, b"A", key=True)
    await seat.wait(1)
    assert bodies(seat) == [b"A"]


async def test_a_seat_that_waits_survives_the_end_of_what_it_waits_for(stage: Stage) -> None:
    first, seat = await stage.pair(VIDEO)
    second = stage.publish(await stage.join(), VIDEO)
    stage.route(seat, second)
    stage.apply(RemoveIngress(ingress=second.ingress))
    stage.route(seat, first)
    marked(first.one, b"A", key=True)
    got = await seat.wait(2)
    assert gapless(got)
