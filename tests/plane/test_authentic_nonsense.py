"""Participants who hold keys and send nonsense: their own stream suffers, nobody else's (SECURITY B)."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable

import pylibsrtp
import pytest

from sfu.base.ids import MediaKind
from sfu.plane.port import Count, DropReason, Extension, SeatSwitched
from sfu.wire import rtcp
from sfu.wire.extensions import parse_dd
from sfu.wire.sequence import ts_delta
from tests.fuzz.wire import mutate, seeds
from tests.plane import packets
from tests.plane.client import until
from tests.plane.stage import AV1, SEAT_IDS, VP9, Encoder, Stage, Track
from tests.plane.test_switching import gapless

VIDEO = MediaKind.VIDEO
DD = Extension.DEPENDENCY_DESCRIPTOR
L3T3 = tuple((spatial, temporal) for spatial in range(3) for temporal in range(3))
ROUNDS = 25
PER_ROUND = 12


def vp8_nonsense(encoder: Encoder, rng: random.Random) -> bytes:
    """A VP8 packet with a mutated payload."""
    whole = packets.vp8(key=rng.random() < 0.3, pid=rng.randrange(1 << 15), temporal=rng.randrange(3))
    return encoder.build(mutate(rng, whole, 1200), marker=rng.random() < 0.5)


def layered_nonsense(encoder: Encoder, rng: random.Random) -> bytes:
    """VP9 or AV1 with a mutated payload and a mutated descriptor."""
    encoder.pt = rng.choice((VP9, AV1))
    whole = packets.vp9(key=rng.random() < 0.3, pid=1) if encoder.pt is VP9 else packets.av1(key=True)
    descriptor = packets.dd(rng.randrange(1 << 16), layers=rng.choice((None, L3T3)))
    extensions = {DD: mutate(rng, descriptor, 200) or b"\x00"}
    return encoder.build(mutate(rng, whole, 1000), extensions=extensions)


def header_nonsense(encoder: Encoder, rng: random.Random) -> bytes:
    """Any header bits behind a right SSRC."""
    encoder.timestamp = rng.getrandbits(32)
    encoder.seq = (encoder.seq + rng.choice((0, 1, 2, 500, 20_000))) & 0xFFFF
    plain = bytearray(mutate(rng, encoder.build(packets.vp8(pid=1)), 1300))
    whole = bytes(plain).ljust(12, b"\x80")
    return bytes((0x80 | whole[0] & 0x3F,)) + whole[1:8] + encoder.ssrc.to_bytes(4, "big") + whole[12:]


def rtcp_nonsense(encoder: Encoder, rng: random.Random) -> bytes:
    """A mutated compound; its first header stays, so that it is sealed at all."""
    whole = mutate(rng, rng.choice(seeds()["rtcp"]), 1200).ljust(8, b"\x00")
    return bytes((0x80 | whole[0] & 0x3F, 201)) + whole[2:4] + bytes(4) + whole[8:]


def send(track: Track, plain: bytes, *, is_rtcp: bool) -> bool:
    """Seal and send; False where libsrtp refuses to."""
    try:
        if is_rtcp:
            track.one.client.send_rtcp(plain)
        else:
            track.one.client.send_rtp(plain)
    except pylibsrtp.Error:
        return False
    return True


@pytest.mark.parametrize(
    "nonsense", [vp8_nonsense, layered_nonsense, header_nonsense, rtcp_nonsense], ids=lambda f: f.__name__
)
async def test_nonsense_under_right_keys_stays_its_sender_s_own(
    stage: Stage, nonsense: Callable[[Encoder, random.Random], bytes]
) -> None:
    """``start_stage`` checks afterwards that nothing broke inside the plane."""
    rng = random.Random(17)
    good, seat = await stage.pair(VIDEO)
    bad = stage.publish(await stage.join(), VIDEO)
    victim = stage.seat(seat.client, VIDEO)
    stage.route(victim, bad)
    bad.one.frame(key=True)
    await victim.wait(1)
    sent = 0
    for number in range(ROUNDS):
        for _ in range(PER_ROUND):
            sent += send(bad, nonsense(bad.one, rng), is_rtcp=nonsense is rtcp_nonsense)
        good.one.frame()
        await seat.wait(2 + number)
    assert sent > ROUNDS * PER_ROUND // 4
    got = seat.got()
    assert gapless(got)
    assert all(ts_delta(b.timestamp, a.timestamp) == 4500 for a, b in itertools.pairwise(got))
    assert seat.client.inbox.broken == []  # what is forwarded parses: SECURITY B, padding and extensions
    stage.route(victim, good)
    good.one.frame(key=True)
    taken = SeatSwitched(egress=victim.egress, ingress=good.ingress, rid=None)
    await until(lambda: stage.events_of(SeatSwitched)[-1] == taken)
    known = len(victim.got())
    good.one.frame()
    await victim.wait(known + 1)


async def test_descriptors_longer_than_16_bytes_need_the_two_byte_form(stage: Stage) -> None:
    track, seat = await stage.pair(VIDEO)
    raw = packets.dd(9, layers=L3T3)
    assert len(raw) > 16
    track.one.send(packets.vp8(key=True, pid=7), extensions={DD: raw})
    got = await seat.wait(2)
    out = got[1].extensions[SEAT_IDS[DD]]
    assert out[3:] == raw[3:]
    structure = parse_dd(out).structure
    assert structure is not None
    assert structure.layers == L3T3


async def test_a_publisher_that_drops_temporal_layers_under_attack_keeps_bounds(stage: Stage) -> None:
    """Thousands of dropped packets: what is remembered of closed gaps stays bounded, numbers right."""
    publisher, subscriber = await stage.join(), await stage.join()
    track, seat = stage.publish(publisher, VIDEO), stage.seat(subscriber, VIDEO)
    stage.route(seat, track, max_temporal=0)
    track.one.frame(key=True)
    for number in range(20):
        for _ in range(30):
            track.one.frame(temporal=1)
        track.one.frame()
        await seat.wait(2 + number)
    assert gapless(seat.got())
    assert stage.drops(DropReason.ABOVE_CEILING) == 600


async def test_a_compound_of_everything_is_acted_on_in_order(stage: Stage) -> None:
    _track, seat = await stage.pair(VIDEO)
    seat.client.send_rtcp(
        rtcp.receiver_report(1, [])
        + rtcp.nack(1, seat.ssrc, [seat.got()[0].seq])
        + rtcp.pli(1, seat.ssrc)
        + rtcp.remb(1, 1000, [seat.ssrc])
    )
    await until(lambda: len(seat.retransmitted()) == 1)
    assert stage.count(Count.PLI_RECEIVED) == 1
    assert stage.count(Count.RTCP_MALFORMED) == 0
