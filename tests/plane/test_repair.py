"""RTX to subscribers, NACK and RTX with publishers (SEATS R11, RFC 4585, RFC 4588)."""

from __future__ import annotations

from sfu.base.ids import MediaKind
from sfu.plane.port import Count, DropReason, Extension, PlaneLimits
from sfu.wire.payload import parse_vp8
from sfu.wire.rtcp import Nack, nack
from sfu.wire.rtp import RtpPacket, unwrap_rtx
from tests.plane import packets
from tests.plane.client import until
from tests.plane.conftest import StartStage
from tests.plane.stage import SEAT_PTS, Seat, Stage, Track
from tests.plane.test_switching import gapless

VIDEO = MediaKind.VIDEO


def ask(seat: Seat, *seqs: int, ssrc: int | None = None) -> None:
    """NACK some of a seat's packets."""
    seat.client.send_rtcp(nack(1, seat.ssrc if ssrc is None else ssrc, list(seqs)))


def asked_for(track: Track) -> list[int]:
    """Numbers the plane asked the publisher for, in order, repeats included."""
    found = [r for r in track.one.client.inbox.rtcp if isinstance(r, Nack)]
    assert all(r.media_ssrc == track.one.ssrc for r in found)
    return [seq for r in found for seq in r.lost]


def check_rtx(seat: Seat, rtx: RtpPacket, original: RtpPacket) -> None:
    """RFC 4588 section 4, field by field."""
    seq, payload = unwrap_rtx(rtx.payload)
    assert (seq, payload) == (original.seq, original.payload)
    assert rtx.ssrc == seat.rtx_ssrc
    assert rtx.payload_type == 124
    assert rtx.timestamp == original.timestamp
    assert rtx.marker == original.marker
    assert rtx.extensions == original.extensions


async def test_r11_a_nack_is_answered_with_rtx(stage: Stage) -> None:
    track, seat = await stage.pair(VIDEO)
    track.one.step()
    track.one.send(packets.vp8(pid=3), marker=True, extensions={Extension.VIDEO_ORIENTATION: b"\x01"})
    track.one.frame(count=2)
    got = await seat.wait(4)
    ask(seat, got[1].seq, got[3].seq)
    await until(lambda: len(seat.retransmitted()) == 2)
    first, second = seat.retransmitted()
    check_rtx(seat, first, got[1])
    check_rtx(seat, second, got[3])
    assert second.seq == first.seq + 1
    assert first.seq < 1 << 15
    assert stage.count(Count.RTX_SENT) == 2
    assert stage.count(Count.NACKED_PACKETS_RECEIVED) == 2


async def test_r11_packets_from_before_a_switch_can_be_asked_for(stage: Stage) -> None:
    first, seat = await stage.pair(VIDEO)
    second = stage.publish(await stage.join(), VIDEO)
    stage.route(seat, second)
    second.one.frame(key=True)
    got = await seat.wait(2)
    stage.route(seat, None)
    ask(seat, got[0].seq, got[1].seq)
    await until(lambda: len(seat.retransmitted()) == 2)
    for rtx, original in zip(seat.retransmitted(), got, strict=True):
        check_rtx(seat, rtx, original)
    assert first.one.client.inbox.broken == []


async def test_without_rtx_negotiated_the_packet_itself_is_resent(stage: Stage) -> None:
    publisher, subscriber = await stage.join(), await stage.join()
    plain = tuple(p for p in SEAT_PTS[VIDEO] if p.pt == 120)
    without = (type(plain[0])(codec=plain[0].codec, pt=120),)
    track, seat = stage.publish(publisher, VIDEO), stage.seat(subscriber, VIDEO, payload_types=without)
    stage.route(seat, track)
    track.one.frame(key=True)
    got = await seat.wait(1)
    wire = seat.client.inbox.datagrams
    ask(seat, got[0].seq)
    await until(lambda: seat.client.inbox.datagrams > wire)
    await until(lambda: stage.count(Count.RTX_SENT) == 1)


async def test_what_is_not_there_is_counted_and_not_sent(start_stage: StartStage) -> None:
    stage = await start_stage(PlaneLimits(history_packets=3))
    track, seat = await stage.pair(VIDEO)
    for _ in range(4):
        track.one.frame()
    got = await seat.wait(5)
    ask(seat, got[0].seq, got[1].seq, (got[4].seq + 1) & 0xFFFF)
    await until(lambda: stage.count(Count.RTX_MISSED) == 3)
    ask(seat, got[2].seq)
    await until(lambda: len(seat.retransmitted()) == 1)


async def test_nacks_for_other_people_s_streams_get_nothing(stage: Stage) -> None:
    track, seat = await stage.pair(VIDEO)
    got = await seat.wait(1)
    attacker = await stage.join()
    own = stage.seat(attacker, VIDEO)
    for ssrc in (seat.ssrc, seat.rtx_ssrc, track.one.ssrc, own.ssrc, own.rtx_ssrc):
        ask(own, got[0].seq, ssrc=ssrc)
    await until(lambda: stage.count(Count.NACKS_RECEIVED) == 5)
    assert stage.count(Count.RTX_SENT) == 0
    assert attacker.inbox.rtp == []


async def test_r11_a_nack_storm_stays_within_the_budget(stage: Stage) -> None:
    track, seat = await stage.pair(VIDEO)
    for _ in range(40):
        track.one.frame(count=3)
    got = await seat.wait(121)
    media_bytes = sum(len(packet.payload) + 20 for packet in got)
    for _ in range(400):
        ask(seat, *[packet.seq for packet in got[-17:]])
    await until(lambda: stage.count(Count.NACKS_RECEIVED) == 400)
    await until(lambda: len({unwrap_rtx(rtx.payload)[0] for rtx in seat.retransmitted()}) == 17)
    rtx_bytes = sum(len(rtx.payload) + 20 for rtx in seat.retransmitted())
    assert rtx_bytes <= 15_000 + media_bytes // 4
    assert len(seat.retransmitted()) <= 17 * 6  # each once a round trip, not once a NACK


async def test_big_packets_run_out_of_budget(stage: Stage) -> None:
    track, seat = await stage.pair(VIDEO)
    for number in range(40):
        track.one.step()
        track.one.send(packets.vp8(pid=number, body=bytes(1100)))
    got = await seat.wait(41)
    ask(seat, *[packet.seq for packet in got[1:]])
    await until(lambda: stage.count(Count.RTX_OVER_BUDGET) > 0)
    sent = sum(len(rtx.payload) for rtx in seat.retransmitted())
    assert sent <= 15_000 + 40 * 1200 // 4
    assert len(seat.retransmitted()) >= 10


async def test_a_gap_is_asked_for_and_filled(stage: Stage) -> None:
    track, seat = await stage.pair(VIDEO)
    lost = [track.one.frame(send=False) for _ in range(3)]
    seqs = [int.from_bytes(plain[2:4], "big") for (plain,) in lost]
    track.one.frame()
    await until(lambda: asked_for(track)[:3] == seqs)
    for seq in seqs:
        track.one.rtx(seq)
    got = await seat.wait(5)
    base = got[0].seq
    assert [packet.seq - base for packet in got] == [0, 4, 1, 2, 3]
    assert stage.count(Count.RTX_RECEIVED) == 3
    assert stage.count(Count.RTX_RECOVERED) == 3
    pids = [parse_vp8(packet.payload).picture_id or 0 for packet in got]
    assert [(pid - pids[0]) & 0x7FFF for pid in pids] == [0, 4, 1, 2, 3]


async def test_what_does_not_come_is_asked_for_again(stage: Stage) -> None:
    track, _ = await stage.pair(VIDEO)
    ((plain,),) = [track.one.frame(send=False)]
    seq = int.from_bytes(plain[2:4], "big")
    track.one.frame()
    await until(lambda: asked_for(track).count(seq) >= 2)
    track.one.client.send_rtp(plain)
    await until(lambda: asked_for(track).count(seq) <= 10)


async def test_the_rest_of_a_lost_key_frame_is_still_asked_for(stage: Stage) -> None:
    """The key frame's first packet comes back first; what follows it is needed all the more."""
    track, seat = await stage.pair(VIDEO)
    lost = track.one.frame(key=True, count=3, send=False)
    seqs = [int.from_bytes(plain[2:4], "big") for plain in lost]
    track.one.frame()
    await until(lambda: set(asked_for(track)) == set(seqs))
    track.one.rtx(seqs[0])
    await seat.wait(3)
    asked = len(asked_for(track))
    await until(lambda: set(asked_for(track)[asked:]) >= set(seqs[1:]))
    for seq in seqs[1:]:
        track.one.rtx(seq)
    await seat.wait(5)
    assert stage.count(Count.RTX_RECOVERED) == 3


async def test_a_retransmission_of_what_came_is_not_forwarded_twice(stage: Stage) -> None:
    track, seat = await stage.pair(VIDEO)
    seq = track.one.seq
    track.one.frame()
    track.one.rtx(seq)
    await until(lambda: stage.drops(DropReason.REPLAYED) == 1)
    track.one.frame()
    got = await seat.wait(3)
    assert gapless(got)


async def test_short_and_empty_retransmissions_are_dropped(stage: Stage) -> None:
    track, seat = await stage.pair(VIDEO)
    encoder = track.one
    for payload, reason in ((b"\x01", DropReason.MALFORMED), (b"", DropReason.PADDING_ONLY)):
        plain = bytearray(encoder.build(payload))
        plain[1] = encoder.pt.rtx_pt or 0
        plain[8:12] = encoder.rtx_ssrc.to_bytes(4, "big")
        encoder.client.send_rtp(bytes(plain))
        await until(lambda reason=reason: stage.drops(reason) == 1)  # type: ignore[misc] # binds the loop's value
    encoder.seq -= 2
    encoder.frame()
    got = await seat.wait(2)
    assert gapless(got)


async def test_a_simulcast_retransmission_finds_its_encoding(stage: Stage) -> None:
    publisher, subscriber = await stage.join(), await stage.join()
    track = stage.publish(publisher, VIDEO, rids=("q", "h"))
    seat = stage.seat(subscriber, VIDEO)
    low, high = track.encoders
    stage.route(seat, track, rid="h")
    high.frame(key=True)
    await seat.wait(1)
    low.frame(key=True)
    (plain,) = high.frame(send=False)
    high.frame()
    await seat.wait(2)
    high.rtx(int.from_bytes(plain[2:4], "big"))
    got = await seat.wait(3)
    assert [packet.seq - got[0].seq for packet in got] == [0, 2, 1]


async def test_microphones_are_not_asked_again(stage: Stage) -> None:
    track, seat = await stage.pair(MediaKind.AUDIO)
    track.one.build(b"lost")
    track.one.audio()
    got = await seat.wait(2)
    assert got[1].seq == got[0].seq + 2  # the subscriber conceals it
    picture = stage.publish(track.one.client, VIDEO)
    picture.one.frame(key=True)
    picture.one.build(b"lost")
    picture.one.frame()
    await until(lambda: asked_for(picture))
    assert all(seq == (picture.one.seq - 2) & 0xFFFF for seq in asked_for(picture))
