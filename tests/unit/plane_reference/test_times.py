"""The whole plane on real sockets, its clock moved by hand: consent, silence, good-byes, unwatched loss."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from sfu.base.clock import ManualClock
from sfu.base.errors import PlaneError
from sfu.base.ids import EgressId, MediaKind, Mid, Ssrc
from sfu.plane.port import (
    AddSeat,
    ConsentLost,
    Count,
    DropReason,
    EncodingChanged,
    PathChanged,
    PlaneLimits,
    SendDtls,
)
from sfu.plane.reference.forwarder import BYE_EVERY_S
from sfu.plane.reference.ingress import SILENT_AFTER_S
from sfu.plane.reference.nack import MAX_MISSING
from sfu.plane.reference.plane import ReferencePlane
from tests.plane.client import until
from tests.plane.stage import SEAT_PTS, Stage
from tests.plane.test_feedback import bye

AUDIO, VIDEO = MediaKind.AUDIO, MediaKind.VIDEO


@pytest.fixture
async def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
async def stage(clock: ManualClock) -> AsyncIterator[Stage]:
    bugs: list[BaseException] = []
    stage = Stage(ReferencePlane(PlaneLimits(), clock, seed=1, on_bug=bugs.append))
    await stage.start()
    yield stage
    await stage.stop()
    assert bugs == []


async def test_without_consent_nothing_is_sent_until_the_next_check(stage: Stage, clock: ManualClock) -> None:
    track, seat = await stage.pair(AUDIO)
    clock.advance(14.0)
    await track.one.client.recheck()
    clock.advance(2.0)
    await until(lambda: stage.events_of(ConsentLost))
    assert stage.events_of(ConsentLost) == [ConsentLost(transport=seat.client.transport)]
    sent = stage.count(Count.PACKETS_OUT)
    stage.apply(SendDtls(transport=seat.client.transport, datagram=b"\x16" + bytes(20)))
    track.one.audio()
    await until(lambda: stage.drops(DropReason.NO_PATH) >= 2)
    assert stage.count(Count.PACKETS_OUT) == sent
    await seat.client.recheck()
    again = PathChanged(transport=seat.client.transport, first=False)
    await until(lambda: stage.events_of(PathChanged)[2:] == [again])
    track.one.audio()
    await seat.wait(2)
    assert len(stage.events_of(ConsentLost)) == 1


async def test_padding_alone_does_not_keep_an_encoding_awake(stage: Stage, clock: ManualClock) -> None:
    track, _ = await stage.pair(VIDEO)
    clock.advance(SILENT_AFTER_S - 0.1)
    track.one.send(b"", padding_bytes=200)
    await until(lambda: stage.drops(DropReason.PADDING_ONLY) == 1)
    assert len(stage.events_of(EncodingChanged)) == 1
    clock.advance(0.2)
    await until(lambda: len(stage.events_of(EncodingChanged)) == 2)
    assert not stage.events_of(EncodingChanged)[1].active


async def test_good_byes_at_the_rate_of_packets_are_not_acted_on(stage: Stage, clock: ManualClock) -> None:
    """Each would make two events, and a look at every seat of the track."""
    track, seat = await stage.pair(VIDEO)
    for _ in range(20):
        track.one.client.send_rtcp(bye(track.one.ssrc))
        track.one.frame()
    await until(lambda: stage.count(Count.RTCP_IN) == 20)
    got = await seat.wait(21)
    assert [packet.seq - got[0].seq for packet in got] == list(range(21))
    assert len(stage.events_of(EncodingChanged)) == 3  # began, the first good-bye, began again
    clock.advance(BYE_EVERY_S)
    track.one.client.send_rtcp(bye(track.one.ssrc))
    await until(lambda: len(stage.events_of(EncodingChanged)) == 4)


async def test_a_good_bye_of_an_ssrc_no_longer_in_use_ends_nothing(stage: Stage) -> None:
    track, seat = await stage.pair(VIDEO)
    old = track.one.ssrc
    track.one.ssrc = old ^ 1
    track.one.frame(key=True)
    await seat.wait(2)
    track.one.client.send_rtcp(bye(old))
    await until(lambda: stage.count(Count.RTCP_IN) == 1)
    track.one.frame()
    await seat.wait(3)
    assert len(stage.events_of(EncodingChanged)) == 1


@pytest.mark.parametrize("watched", [True, False])
async def test_a_gap_too_large_costs_a_key_frame_only_where_somebody_watches(
    stage: Stage, clock: ManualClock, watched: bool
) -> None:
    track, seat = await stage.pair(VIDEO)
    if not watched:
        stage.route(seat, None)
    taken, before = stage.count(Count.PACKETS_IN), stage.count(Count.KEYFRAMES_REQUESTED)
    track.one.seq += MAX_MISSING + 2
    track.one.frame()
    track.one.frame(send=False)
    track.one.frame()
    await until(lambda: stage.count(Count.PACKETS_IN) == taken + 2)
    clock.advance(0.05)
    await until(lambda: stage.count(Count.NACKS_SENT) == 1)  # the tick that asks has seen the gap too
    assert stage.count(Count.KEYFRAMES_REQUESTED) - before == (1 if watched else 0)


async def test_two_seats_of_one_subscriber_never_share_a_number(stage: Stage) -> None:
    client = await stage.join()
    stage.seat(client, VIDEO)
    taken = stage.seat(client, VIDEO)
    for ssrc, rtx_ssrc in (
        (taken.ssrc, 5),
        (taken.rtx_ssrc, 5),
        (5, taken.ssrc),
        (5, taken.rtx_ssrc),
    ):
        add = AddSeat(
            egress=EgressId(999),
            transport=client.transport,
            mid=Mid("x"),
            kind=VIDEO,
            ssrc=Ssrc(ssrc),
            rtx_ssrc=Ssrc(rtx_ssrc),
            payload_types=SEAT_PTS[VIDEO],
            extensions={},
            cname="sotto",
        )
        with pytest.raises(PlaneError, match="SSRC"):
            stage.apply(add)
    assert stage.plane.counters().seats == 2
