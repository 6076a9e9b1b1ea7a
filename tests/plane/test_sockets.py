"""Binding, several addresses, stopping; and SRTP over the wrap of sequence numbers (SECURITY B, ROC)."""

from __future__ import annotations

import itertools
import socket

import pytest

from sfu.base.errors import PlaneError
from sfu.base.ids import MediaKind
from sfu.plane.port import PlaneLimits, SocketAddress
from sfu.wire.stun import parse_binding_success
from tests.plane.client import until
from tests.plane.conftest import StartStage
from tests.plane.stage import Stage

AUDIO = MediaKind.AUDIO


def has_ipv6() -> bool:
    """Whether this machine can bind ::1."""
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as probe:
            probe.bind(("::1", 0))
    except OSError:
        return False
    return True


async def test_an_address_in_use_is_named(stage: Stage, start_stage: StartStage) -> None:
    other = await start_stage(PlaneLimits())
    await other.plane.stop()
    with pytest.raises(PlaneError, match=str(stage.address.port)):
        await other.plane.start([stage.address], other.events.append)
    track, seat = await stage.pair(AUDIO)  # the plane that has it goes on
    track.one.audio()
    await seat.wait(2)


async def test_an_address_that_is_not_ours_is_named(start_stage: StartStage) -> None:
    other = await start_stage(PlaneLimits())
    await other.plane.stop()
    with pytest.raises(PlaneError, match=r"192\.0\.2\.1"):
        await other.plane.start([SocketAddress(host="192.0.2.1", port=0)], other.events.append)


async def test_stopping_twice_and_after_that_nothing_is_answered(stage: Stage) -> None:
    client = stage.add_client()
    await client.connect(stage.address)
    answered = len(client.inbox.stun)
    await stage.plane.stop()
    await stage.plane.stop()
    client.socket.send(client.check())
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as again:
        again.bind((stage.address.host, stage.address.port))  # the port is free
    assert len(client.inbox.stun) == answered


@pytest.mark.skipif(not has_ipv6(), reason="no IPv6 on this machine")
async def test_two_addresses_and_each_answers_for_itself(start_stage: StartStage) -> None:
    stage = await start_stage(PlaneLimits())
    await stage.plane.stop()
    wanted = [SocketAddress(host="127.0.0.1", port=0), SocketAddress(host="::1", port=0)]
    four, six = await stage.plane.start(wanted, stage.events.append)
    assert (four.host, six.host) == ("127.0.0.1", "::1")
    assert min(four.port, six.port) > 0
    publisher, subscriber = stage.add_client(), stage.add_client()
    stage.set_keys(publisher)
    stage.set_keys(subscriber)
    await publisher.connect(six)  # a connected socket hears only the address it asked
    await subscriber.connect(four)
    (answer,) = publisher.inbox.stun
    assert parse_binding_success(answer, publisher.pwd.encode())[0] == "::1"
    track, seat = stage.publish(publisher, AUDIO), stage.seat(subscriber, AUDIO)
    stage.route(seat, track)
    track.one.audio()
    await seat.wait(1)
    await subscriber.connect(six)
    track.one.audio()
    await until(lambda: len(seat.got()) == 1)  # on the new socket


async def test_a_publisher_may_wrap_many_times_with_reordering(stage: Stage) -> None:
    track, seat = await stage.pair(AUDIO)
    encoder = track.one
    for number in range(40):
        encoder.seq = (encoder.seq + 12_000) & 0xFFFF
        late = encoder.build(b"late")
        encoder.audio()
        if number % 2:
            encoder.client.send_rtp(late)
    got = await seat.wait(61)
    assert seat.client.inbox.broken == []
    steps = [((b.seq - a.seq + 0x8000) & 0xFFFF) - 0x8000 for a, b in itertools.pairwise(got)]
    assert all(step in (12_002, 12_003, 12_001, -1) for step in steps)
    assert steps.count(-1) == 20


async def test_a_subscriber_that_joins_late_decrypts_all(stage: Stage) -> None:
    track, first = await stage.pair(AUDIO)
    for _ in range(12):
        track.one.seq = (track.one.seq + 20_000) & 0xFFFF
        track.one.audio()
    await first.wait(13)
    late = stage.seat(await stage.join(), AUDIO)
    stage.route(late, track)
    for _ in range(3):
        track.one.audio()
    got = await late.wait(3)
    assert [packet.seq - got[0].seq for packet in got] == [0, 1, 2]
    assert got[0].seq < 1 << 15
    assert late.client.inbox.broken == []
