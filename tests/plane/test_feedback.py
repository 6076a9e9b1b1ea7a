"""Key-frame requests through one arbiter, and what publishers are told (SEATS R7, SECURITY 0.6, 0.7)."""

from __future__ import annotations

import asyncio
import itertools
import struct
import time
from collections.abc import Callable

import pytest

from sfu.base.ids import MediaKind
from sfu.plane.port import (
    Count,
    DropReason,
    EncodingChanged,
    Extension,
    Feedback,
    PlaneLimits,
    RequestKeyframe,
)
from sfu.wire.rtcp import (
    Pli,
    ReceiverReport,
    Remb,
    ReportBlock,
    SenderReport,
    TransportFeedback,
    ntp_from_unix,
    pli,
    receiver_report,
    remb,
    sender_report,
)
from tests.plane import packets
from tests.plane.client import until
from tests.plane.conftest import StartStage
from tests.plane.stage import Encoder, Seat, Stage, Track
from tests.plane.test_switching import plis

AUDIO, VIDEO = MediaKind.AUDIO, MediaKind.VIDEO


def fir(ssrc: int, number: int) -> bytes:
    """A full intra request (RFC 5104 section 4.3.1)."""
    return struct.pack("!BBHIIIB3x", 0x84, 206, 4, 1, 0, ssrc, number & 0xFF)


def bye(ssrc: int) -> bytes:
    """RFC 3550 section 6.6."""
    return struct.pack("!BBHI", 0x81, 203, 1, ssrc)


async def waiting(stage: Stage, seats: int) -> tuple[Track, list[Seat]]:
    """A track without a key frame so far, and seats that wait for one."""
    track = stage.publish(await stage.join(), VIDEO)
    track.one.frame()
    await until(lambda: stage.drops(DropReason.UNROUTED) == 1)
    waiters = [stage.seat(await stage.join(), VIDEO) for _ in range(seats)]
    for seat in waiters:
        stage.route(seat, track)
    return track, waiters


async def request_times(encoder: Encoder, wanted: int) -> list[float]:
    """When the first ``wanted`` requests came."""
    times: list[float] = []

    def enough() -> bool:
        while len(times) < plis(encoder.client, encoder):
            times.append(time.monotonic())
        return len(times) >= wanted

    await until(enough, deadline_s=4.0)
    return times


async def test_r7_requests_repeat_until_the_key_frame_is_there(stage: Stage) -> None:
    track, (seat,) = await waiting(stage, 1)
    times = await request_times(track.one, 4)
    gaps = [b - a for a, b in itertools.pairwise(times)]
    assert all(0.3 < gap < 0.75 for gap in gaps)
    assert min(gaps) < 0.45  # about every 350 ms
    track.one.frame(key=True)
    await seat.wait(1)
    asked = plis(track.one.client, track.one)
    answered_s = time.monotonic()
    await until(lambda: time.monotonic() - answered_s > 0.5)
    assert plis(track.one.client, track.one) == asked


async def test_r7_many_who_wait_ask_as_one(stage: Stage) -> None:
    track, seats = await waiting(stage, 6)
    for _ in range(5):
        stage.apply(RequestKeyframe(ingress=track.ingress))
    began_s = time.monotonic()
    await request_times(track.one, 3)
    took_s = time.monotonic() - began_s
    assert plis(track.one.client, track.one) <= 1 + took_s / 0.3
    track.one.frame(key=True)
    for seat in seats:
        await seat.wait(1)
    assert stage.count(Count.KEYFRAMES_REQUESTED) == plis(track.one.client, track.one)


async def test_r7_a_retry_time_of_its_own(start_stage: StartStage) -> None:
    stage = await start_stage(PlaneLimits(keyframe_retry_s=0.1, keyframe_interval_s=0.05))
    track, _ = await waiting(stage, 1)
    times = await request_times(track.one, 5)
    assert all(0.08 < b - a < 0.2 for a, b in itertools.pairwise(times))


async def test_a_subscriber_s_pli_reaches_the_source_it_sees(stage: Stage) -> None:
    track, seat = await stage.pair(VIDEO)
    seat.client.send_rtcp(pli(1, seat.ssrc))
    await until(lambda: plis(track.one.client, track.one) == 1)
    assert stage.count(Count.PLI_RECEIVED) == 1
    (request,) = [r for r in track.one.client.inbox.rtcp if isinstance(r, Pli)]
    assert request.sender_ssrc not in (1, seat.ssrc)  # ours: the subscriber's RTCP ends here


@pytest.mark.parametrize("build", [lambda ssrc, _: pli(1, ssrc), fir], ids=["pli", "fir"])
async def test_a_flood_of_requests_is_held_to_the_budget(
    stage: Stage, build: Callable[[int, int], bytes]
) -> None:
    track, seat = await stage.pair(VIDEO)
    for number in range(200):
        seat.client.send_rtcp(build(seat.ssrc, number))
        track.one.frame(key=True)  # every request is answered at once
    await until(lambda: stage.count(Count.PLI_RECEIVED) == 200)
    await seat.wait(100)
    assert plis(track.one.client, track.one) <= 2
    assert stage.count(Count.KEYFRAMES_REQUESTED) <= 2


async def test_a_subscriber_s_budget_is_three_in_its_window(start_stage: StartStage) -> None:
    stage = await start_stage(PlaneLimits(keyframe_interval_s=0.05, keyframe_retry_s=0.05))
    track, seat = await stage.pair(VIDEO)

    def flood(until_suppressed: int) -> bool:
        seat.client.send_rtcp(pli(1, seat.ssrc))
        track.one.frame(key=True)
        return stage.count(Count.PLI_SUPPRESSED) >= until_suppressed

    await until(lambda: flood(20))
    assert plis(track.one.client, track.one) == stage.count(Count.KEYFRAMES_REQUESTED) == 3


async def test_repeated_requests_of_one_need_are_paid_once(start_stage: StartStage) -> None:
    """A receiver repeats its PLI until it is served; that must not use up what it may ask later."""
    stage = await start_stage(PlaneLimits(keyframe_interval_s=0.2, keyframe_retry_s=0.2, seat_keyframes=2))
    track, seat = await stage.pair(VIDEO)
    for _ in range(10):
        seat.client.send_rtcp(pli(1, seat.ssrc))
    await until(lambda: stage.count(Count.PLI_RECEIVED) == 10)
    assert stage.count(Count.KEYFRAMES_REQUESTED) == 1
    asked_s = time.monotonic()
    await until(lambda: time.monotonic() - asked_s > 0.25)
    seat.client.send_rtcp(pli(1, seat.ssrc))
    await until(lambda: plis(track.one.client, track.one) == 2)


async def test_the_interval_holds_for_who_does_not_wait_for_a_switch(stage: Stage) -> None:
    track, seat = await stage.pair(VIDEO)

    def keep_asking() -> bool:
        seat.client.send_rtcp(pli(1, seat.ssrc))
        stage.apply(RequestKeyframe(ingress=track.ingress))
        track.one.frame(key=True)
        return plis(track.one.client, track.one) >= 3

    began_s = time.monotonic()
    await until(keep_asking)
    assert time.monotonic() - began_s > 0.95


async def test_twenty_who_flood_get_two_a_second_between_them(stage: Stage) -> None:
    publisher = await stage.join()
    track = stage.publish(publisher, VIDEO)
    seats = [stage.seat(await stage.join(), VIDEO) for _ in range(20)]
    for seat in seats:
        stage.route(seat, track)
    track.one.frame(key=True)
    for seat in seats:
        await seat.wait(1)
    before, began_s = plis(publisher, track.one), time.monotonic()
    while time.monotonic() - began_s < 1.0:
        for seat in seats:
            seat.client.send_rtcp(pli(1, seat.ssrc))
        track.one.frame(key=True)
        await asyncio.sleep(0.01)  # the rate of the flood
    assert plis(publisher, track.one) - before <= 4


async def test_requests_of_strangers_and_empty_seats_are_ignored(stage: Stage) -> None:
    track, seat = await stage.pair(VIDEO)
    attacker = await stage.join()
    empty = stage.seat(attacker, VIDEO)
    for ssrc in (seat.ssrc, seat.rtx_ssrc, track.one.ssrc, empty.ssrc, empty.rtx_ssrc, 0, 0xFFFFFFFF):
        attacker.send_rtcp(pli(1, ssrc))
        attacker.send_rtcp(fir(ssrc, 1))
    await until(lambda: stage.count(Count.PLI_SUPPRESSED) == 14)
    stage.route(seat, None)
    seat.client.send_rtcp(pli(1, seat.ssrc))
    await until(lambda: stage.count(Count.PLI_SUPPRESSED) == 15)
    assert stage.count(Count.KEYFRAMES_REQUESTED) == 0
    assert plis(track.one.client, track.one) == 0


async def test_microphones_are_not_asked_for_key_frames(stage: Stage) -> None:
    track, seat = await stage.pair(AUDIO)
    seat.client.send_rtcp(pli(1, seat.ssrc))
    seat.client.send_rtcp(fir(seat.ssrc, 1))
    stage.apply(RequestKeyframe(ingress=track.ingress))
    await until(lambda: stage.count(Count.PLI_RECEIVED) == 2)
    track.one.audio()
    await seat.wait(2)
    assert stage.count(Count.KEYFRAMES_REQUESTED) == 0


async def test_subscribers_reports_go_no_further(stage: Stage) -> None:
    track, seat = await stage.pair(VIDEO)
    lie = ReportBlock(
        ssrc=seat.ssrc,
        fraction_lost=255,
        packets_lost=9999,
        highest_seq=1,
        jitter_ticks=9,
        last_sr=1,
        delay_since_last_sr=1,
    )
    seat.client.send_rtcp(receiver_report(1, [lie]))
    seat.client.send_rtcp(remb(1, 1000, [seat.ssrc, track.one.ssrc]))
    await until(lambda: stage.count(Count.RTCP_IN) == 2)
    await until(lambda: blocks(track))
    assert all(block.fraction_lost == 0 for block in blocks(track))
    assert not any(isinstance(r, Remb) for r in track.one.client.inbox.rtcp)


@pytest.mark.parametrize("bad", [b"\x80\xc8\x00\x01\x00\x00\x00\x01", b"\x81\xce\xff\xff", b"\x00" * 8])
async def test_a_bad_member_ends_a_compound_and_nothing_else(stage: Stage, bad: bytes) -> None:
    track, seat = await stage.pair(VIDEO)
    seat.client.send_rtcp(pli(1, seat.ssrc) + bad + pli(1, seat.ssrc))
    await until(lambda: stage.count(Count.RTCP_MALFORMED) == 1)
    assert stage.count(Count.PLI_RECEIVED) == 1
    track.one.frame()
    await seat.wait(2)


async def test_a_bye_ends_one_s_own_stream_only(stage: Stage) -> None:
    track, seat = await stage.pair(VIDEO)
    attacker = await stage.join()
    attacker.send_rtcp(bye(track.one.ssrc))
    await until(lambda: stage.count(Count.RTCP_IN) == 1)
    track.one.frame()
    await seat.wait(2)
    began = EncodingChanged(ingress=track.ingress, rid=None, active=True)
    assert stage.events_of(EncodingChanged) == [began]
    track.one.client.send_rtcp(bye(track.one.ssrc))
    await until(lambda: len(stage.events_of(EncodingChanged)) == 2)
    assert not stage.events_of(EncodingChanged)[1].active
    track.one.frame(key=True)
    await until(lambda: stage.events_of(EncodingChanged)[2:] == [began])


async def test_rtcp_of_ever_new_senders_is_bounded(start_stage: StartStage) -> None:
    stage = await start_stage(PlaneLimits(ssrcs=8))
    track, seat = await stage.pair(VIDEO)
    for ssrc in range(100, 150):
        seat.client.send_rtcp(pli(ssrc, seat.ssrc))
    await until(lambda: stage.count(Count.RTCP_IN) + stage.drops(DropReason.SSRC_LIMIT) == 50)
    assert stage.drops(DropReason.SSRC_LIMIT) >= 42
    known = stage.count(Count.RTCP_IN)
    seat.client.send_rtcp(pli(100, seat.ssrc))
    await until(lambda: stage.count(Count.RTCP_IN) == known + 1)
    track.one.frame()
    await seat.wait(2)


# ---- to publishers


def blocks(track: Track) -> list[ReportBlock]:
    """Report blocks about a track's SSRC so far."""
    reports = [r for r in track.one.client.inbox.rtcp if isinstance(r, ReceiverReport)]
    return [b for report in reports for b in report.reports if b.ssrc == track.one.ssrc]


async def test_receiver_reports_tell_the_loss(stage: Stage) -> None:
    track = stage.publish(await stage.join(), AUDIO)
    first = track.one.seq
    track.one.audio()
    await until(lambda: len(blocks(track)) == 1)
    for number in range(40):
        if number % 4 == 3:
            track.one.build(b"lost")
        else:
            track.one.audio()
    track.one.audio()
    ntp = ntp_from_unix(1_800_000_000.25)
    track.one.client.send_rtcp(
        sender_report(
            SenderReport(
                ssrc=track.one.ssrc,
                ntp_time=ntp,
                rtp_timestamp=track.one.timestamp,
                packet_count=31,
                octet_count=1000,
            )
        )
    )
    await until(lambda: len(blocks(track)) >= 2)
    block = blocks(track)[1]
    assert block.packets_lost == 10
    assert block.fraction_lost == 256 * 10 // 41
    assert block.highest_seq & 0xFFFF == (first + 41) & 0xFFFF
    assert block.last_sr == ntp >> 16 & 0xFFFFFFFF
    assert 0 < block.delay_since_last_sr < 2 * 65536


async def test_transport_wide_feedback_tells_what_came_and_when(stage: Stage) -> None:
    publisher = await stage.join()
    track = stage.publish(publisher, VIDEO, feedback=Feedback.TRANSPORT_CC)
    sent_s: dict[int, float] = {}
    for number in range(65_530, 65_550):
        if number % 5 == 3:
            continue
        track.one.step()
        sent_s[number & 0xFFFF] = time.monotonic()
        track.one.send(
            packets.vp8(), extensions={Extension.TRANSPORT_CC: (number & 0xFFFF).to_bytes(2, "big")}
        )
        await asyncio.sleep(0.005)  # so that arrivals differ

    def told() -> dict[int, float | None]:
        found: dict[int, float | None] = {}
        for report in [r for r in publisher.inbox.rtcp if isinstance(r, TransportFeedback)]:
            for index, arrival_s in enumerate(report.arrivals):
                found[(report.base_seq + index) & 0xFFFF] = arrival_s
        return found

    await until(lambda: set(sent_s) <= set(told()))
    arrivals = told()
    assert {number for number, arrival_s in arrivals.items() if arrival_s is None} == {
        number & 0xFFFF for number in range(65_530, 65_550) if number % 5 == 3
    }
    firsts = min(sent_s)
    for number, at_s in sent_s.items():
        arrived_s, first_s = arrivals[number], arrivals[firsts]
        assert arrived_s is not None
        assert first_s is not None
        assert abs((arrived_s - first_s) - (at_s - sent_s[firsts])) < 0.05
    counts = [r.feedback_count for r in publisher.inbox.rtcp if isinstance(r, TransportFeedback)]
    assert counts == list(range(len(counts)))


@pytest.mark.parametrize(
    ("kind", "hears_remb", "hears_tcc"),
    [
        (Feedback.REMB, True, False),
        (Feedback.TRANSPORT_CC, False, True),
        (Feedback.NONE, False, False),
    ],
)
async def test_only_the_feedback_that_was_negotiated(
    stage: Stage, kind: Feedback, hears_remb: bool, hears_tcc: bool
) -> None:
    publisher = await stage.join()
    track = stage.publish(publisher, VIDEO, feedback=kind)
    track.one.always[Extension.TRANSPORT_CC] = b"\x00\x01"
    track.one.frame(key=True)
    await until(lambda: blocks(track))  # about a second: any feedback was due before it
    heard = publisher.inbox.rtcp
    remb_found = [r for r in heard if isinstance(r, Remb)]
    assert bool(remb_found) is hears_remb
    assert any(isinstance(r, TransportFeedback) for r in heard) is hears_tcc
    for report in remb_found:
        assert report.ssrcs == (track.one.ssrc,)
        assert report.bitrate_bps >= 150_000
