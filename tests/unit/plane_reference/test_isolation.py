"""A bug met by one participant's packet or timer stays that one's (SECURITY 0.8)."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from sfu.base.ids import MediaKind
from sfu.plane.port import Count, EncodingChanged, Event
from sfu.plane.reference.egress.seat import SeatStream
from sfu.plane.reference.facts import Facts, IngressClock
from sfu.plane.reference.feedback import PublisherFeedback
from sfu.plane.reference.forwarder import Forwarder, Subscription
from sfu.plane.reference.plane import ReferencePlane
from sfu.wire.rtcp import SenderReport
from tests.plane.client import until
from tests.plane.stage import Stage

AUDIO = MediaKind.AUDIO


@pytest.fixture
async def bugs() -> list[BaseException]:
    return []


@pytest.fixture
async def stage(bugs: list[BaseException]) -> AsyncIterator[Stage]:
    stage = Stage(ReferencePlane(on_bug=bugs.append))
    await stage.start()
    yield stage
    await stage.stop()


async def test_a_seat_that_breaks_takes_no_other_along(
    stage: Stage, bugs: list[BaseException], monkeypatch: pytest.MonkeyPatch
) -> None:
    track, broken = await stage.pair(AUDIO)
    other = stage.seat(await stage.join(), AUDIO)
    stage.route(other, track)
    whole = SeatStream.feed

    def feed(self: SeatStream, facts: Facts, clock: IngressClock, now_s: float) -> object:
        if self.add.egress == broken.egress:
            raise RuntimeError("planted")
        return whole(self, facts, clock, now_s)

    monkeypatch.setattr(SeatStream, "feed", feed)
    for _ in range(3):
        track.one.audio()
    await other.wait(3)
    assert len(broken.got()) == 1
    assert [str(bug) for bug in bugs] == ["planted"] * 3


async def test_a_timer_that_breaks_stops_no_other(
    stage: Stage, bugs: list[BaseException], monkeypatch: pytest.MonkeyPatch
) -> None:
    first = await stage.join()
    second = await stage.join()
    track = stage.publish(second, MediaKind.VIDEO)
    whole = PublisherFeedback.tick

    def tick(self: PublisherFeedback, transport: object, counters: object, now_s: float) -> None:
        if getattr(transport, "id", None) == first.transport:
            raise RuntimeError("planted")
        whole(self, transport, counters, now_s)  # type: ignore[arg-type] # passed through untouched

    monkeypatch.setattr(PublisherFeedback, "tick", tick)
    track.one.frame(key=True)
    track.one.frame(send=False)
    track.one.frame()
    await until(lambda: stage.count(Count.NACKS_SENT) > 0)
    assert bugs


async def test_a_seat_s_timer_that_breaks_stops_no_other_s(
    stage: Stage, bugs: list[BaseException], monkeypatch: pytest.MonkeyPatch
) -> None:
    track, broken = await stage.pair(AUDIO)
    other = stage.seat(await stage.join(), AUDIO)
    stage.route(other, track)
    whole = Forwarder._expire_seat

    def expire(self: Forwarder, subscription: Subscription, now_s: float) -> None:
        if subscription.seat.add.egress == broken.egress:
            raise RuntimeError("planted")
        whole(self, subscription, now_s)

    monkeypatch.setattr(Forwarder, "_expire_seat", expire)
    track.one.audio()
    await other.wait(1)

    def reports() -> int:
        return sum(isinstance(packet, SenderReport) for packet in other.client.inbox.rtcp)

    first = reports()  # the one right after the switch
    await until(lambda: reports() > first)
    assert bugs
    assert {str(bug) for bug in bugs} == {"planted"}


async def test_a_listener_that_breaks_costs_its_event_only(bugs: list[BaseException]) -> None:
    def listen(event: Event) -> None:
        if isinstance(event, EncodingChanged):
            raise RuntimeError("planted")

    stage = Stage(ReferencePlane(on_bug=bugs.append))
    (stage.address,) = await stage.plane.start([stage.address], listen)
    track, seat = await stage.pair(AUDIO)
    track.one.audio()
    await seat.wait(2)
    assert stage.count(Count.EVENTS_DROPPED) == 1
    assert [str(bug) for bug in bugs] == ["planted"]
    await stage.stop()
