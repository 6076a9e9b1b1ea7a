"""Who is heard: admission before decryption, authentication before anything moves (SECURITY A, B)."""

from __future__ import annotations

import random

import pylibsrtp
import pytest

from sfu.base.ids import MediaKind
from sfu.plane.port import Count, DropReason, Extension, PlaneLimits
from sfu.wire.rtp import serialize_rtp
from tests.plane import packets
from tests.plane.client import Socket, until
from tests.plane.conftest import StartStage
from tests.plane.stage import IDS, VP8, VP9, Encoder, Stage

AUDIO, VIDEO = MediaKind.AUDIO, MediaKind.VIDEO


def bare(encoder: Encoder, ids: dict[Extension, bytes], *, ssrc: int, pt: int, seq: int = 7) -> bytes:
    """A packet with chosen identity; nothing is added to it."""
    return serialize_rtp(
        payload_type=pt,
        marker=False,
        seq=seq,
        timestamp=encoder.timestamp,
        ssrc=ssrc,
        extensions=[(IDS[name], value) for name, value in ids.items()],
        payload=packets.vp8(key=True),
    )


async def test_a_stranger_s_media_reaches_nobody_and_is_not_answered(stage: Stage) -> None:
    track, seat = await stage.pair(AUDIO)
    stranger = await Socket.open(stage.address)
    for _ in range(20):
        stranger.send(track.one.client.sealer.protect(track.one.build(b"captured")))
    await until(lambda: stage.drops(DropReason.UNKNOWN_ADDRESS) == 20)
    track.one.audio()
    got = await seat.wait(2)
    stranger.close()
    assert stranger.inbox.datagrams == 0
    assert [packet.payload for packet in got] == [packets.SEALED] * 2


async def test_nothing_is_read_before_there_are_keys(stage: Stage) -> None:
    client = stage.add_client()
    await client.connect(stage.address)
    track = stage.publish(client, AUDIO)
    track.one.audio()
    await until(lambda: stage.drops(DropReason.NO_KEYS) == 1)


@pytest.mark.parametrize("attack", ["plain", "zero-tag", "short-tag", "neighbour-tag", "bit-flip"])
async def test_forged_packets_from_the_victim_s_address_go_nowhere(stage: Stage, attack: str) -> None:
    track, seat = await stage.pair(AUDIO)
    encoder = track.one
    plain = encoder.build(b"forged" * 8)
    sealed = encoder.client.sealer.protect(plain)
    neighbour = encoder.client.sealer.protect(encoder.build(b"forged" * 8))
    forged = {
        "plain": plain,
        "zero-tag": sealed[:-16] + bytes(16),
        "short-tag": sealed[:-12],
        "neighbour-tag": sealed[:-16] + neighbour[-16:],
        "bit-flip": sealed[:-20] + bytes((sealed[-20] ^ 1,)) + sealed[-19:],
    }[attack]
    encoder.client.socket.send(forged)
    await until(lambda: stage.drops(DropReason.AUTH_FAILED) == 1)
    encoder.audio()
    got = await seat.wait(2)
    assert got[-1].payload == packets.SEALED
    assert len(got) == 2


async def test_a_forged_header_does_not_lock_the_true_sender_out(stage: Stage) -> None:
    """A packet that fails to authenticate must not claim its SSRC or move its numbers."""
    publisher, subscriber = await stage.join(), await stage.join()
    track, seat = stage.publish(publisher, VIDEO), stage.seat(subscriber, VIDEO)
    stage.route(seat, track)
    other = stage.publish(publisher, VIDEO)
    wrong = bare(
        other.one, other.one.identity(), ssrc=track.one.ssrc, pt=96, seq=(track.one.seq + 30_000) & 0xFFFF
    )
    publisher.socket.send(wrong + bytes(16))
    await until(lambda: stage.drops(DropReason.AUTH_FAILED) == 1)
    track.one.frame(key=True)
    await seat.wait(1)


async def test_replayed_packets_are_counted_and_not_forwarded(stage: Stage) -> None:
    track, seat = await stage.pair(AUDIO)
    wire = [track.one.audio() for _ in range(50)]
    await seat.wait(51)
    for sealed in wire:
        track.one.client.socket.send(sealed)
    await until(lambda: stage.drops(DropReason.REPLAYED) == 50)
    track.one.audio()
    got = await seat.wait(52)
    assert [packet.seq - got[0].seq for packet in got] == list(range(52))


async def test_admission_by_mid_and_rid(stage: Stage) -> None:
    publisher, subscriber = await stage.join(), await stage.join()
    track = stage.publish(publisher, VIDEO, rids=("q", "h"))
    seat = stage.seat(subscriber, VIDEO)
    stage.route(seat, track, rid="q")
    low, high = track.encoders
    high.frame(key=True, count=1)
    low.frame(key=True, count=1)
    await until(lambda: stage.count(Count.KEYFRAMES_IN) == 2)
    low.pid, low.always = 0x1234, {}
    low.send(packets.vp8(pid=0x1234, body=b"low"))
    await until(lambda: any(packet.payload.endswith(b"low") for packet in seat.got()))


@pytest.mark.parametrize(
    ("identity", "pt", "reason"),
    [
        pytest.param({Extension.MID: b"nobody"}, 96, DropReason.UNKNOWN_SSRC, id="mid-nobody-has"),
        pytest.param({Extension.MID: b"\x00"}, 96, DropReason.MALFORMED, id="mid-not-text"),
        pytest.param({}, 96, DropReason.UNKNOWN_SSRC, id="payload-type-of-two-tracks"),
        pytest.param({}, 77, DropReason.UNKNOWN_SSRC, id="payload-type-of-none"),
    ],
)
async def test_unknown_identity_is_not_admitted(
    stage: Stage, identity: dict[Extension, bytes], pt: int, reason: DropReason
) -> None:
    publisher = await stage.join()
    track = stage.publish(publisher, VIDEO)
    stage.publish(publisher, VIDEO)
    publisher.send_rtp(bare(track.one, identity, ssrc=5, pt=pt))
    await until(lambda: stage.drops(reason) == 1)


@pytest.mark.parametrize("rid", [None, b"x", b"f" * 200])
async def test_simulcast_without_a_known_rid_is_not_admitted(stage: Stage, rid: bytes | None) -> None:
    publisher = await stage.join()
    track = stage.publish(publisher, VIDEO, rids=("q", "h"))
    identity = {Extension.MID: track.encoders[0].mid.encode()}
    if rid is not None:
        identity[Extension.RID] = rid
    publisher.send_rtp(bare(track.encoders[0], identity, ssrc=5, pt=96))
    await until(lambda: stage.drops(DropReason.UNKNOWN_SSRC) == 1)


async def test_a_payload_type_that_was_not_negotiated_is_not_admitted(stage: Stage) -> None:
    publisher = await stage.join()
    track = stage.publish(publisher, VIDEO, codecs=(VP8,))
    publisher.send_rtp(bare(track.one, track.one.identity(), ssrc=5, pt=VP9.pt))
    await until(lambda: stage.drops(DropReason.UNKNOWN_PAYLOAD_TYPE) == 1)


async def test_admission_by_announced_ssrc_and_by_lone_payload_type(stage: Stage) -> None:
    publisher, subscriber = await stage.join(), await stage.join()
    stage.publish(publisher, VIDEO)
    announced = stage.publish(publisher, VIDEO, announced=True)
    seat = stage.seat(subscriber, VIDEO)
    stage.route(seat, announced)
    publisher.send_rtp(bare(announced.one, {}, ssrc=announced.one.ssrc, pt=96))
    await seat.wait(1)
    audio = stage.publish(publisher, AUDIO)
    ear = stage.seat(subscriber, AUDIO)
    stage.route(ear, audio)
    publisher.send_rtp(bare(audio.one, {}, ssrc=audio.one.ssrc, pt=111))
    await ear.wait(1)


async def test_another_participant_s_mid_or_ssrc_opens_nothing(stage: Stage) -> None:
    track, seat = await stage.pair(VIDEO)
    attacker = await stage.join()
    own = stage.publish(attacker, AUDIO)
    attacker.send_rtp(bare(track.one, track.one.identity(), ssrc=track.one.ssrc, pt=96))
    await until(lambda: stage.drops(DropReason.UNKNOWN_SSRC) == 1)
    hijack = bare(own.one, own.one.identity(), ssrc=track.one.ssrc, pt=111)
    attacker.send_rtp(hijack)  # the victim's SSRC on the attacker's own track: a stream of its own
    await until(lambda: stage.drops(DropReason.UNROUTED) == 1)
    track.one.frame()
    got = await seat.wait(2)
    assert got[1].seq == got[0].seq + 1
    assert len(got) == 2


async def test_the_ssrc_cap_holds_before_decryption(start_stage: StartStage) -> None:
    stage = await start_stage(PlaneLimits(ssrcs=3))
    publisher = await stage.join()
    track = stage.publish(publisher, VIDEO)
    for ssrc in range(10, 40):  # forged: they must not use up the table
        publisher.socket.send(bare(track.one, track.one.identity(), ssrc=ssrc, pt=96) + bytes(16))
    await until(lambda: stage.drops(DropReason.AUTH_FAILED) == 30)
    for ssrc in range(100, 110):
        publisher.send_rtp(bare(track.one, track.one.identity(), ssrc=ssrc, pt=96))
    await until(lambda: stage.drops(DropReason.SSRC_LIMIT) == 7)
    publisher.socket.send(bare(track.one, track.one.identity(), ssrc=999, pt=96) + bytes(16))
    await until(lambda: stage.drops(DropReason.SSRC_LIMIT) == 8)  # not AUTH_FAILED: never decrypted
    assert stage.drops(DropReason.AUTH_FAILED) == 30


async def test_mid_and_rid_flipped_mid_stream_change_nothing(stage: Stage) -> None:
    publisher, subscriber = await stage.join(), await stage.join()
    one, two = stage.publish(publisher, VIDEO), stage.publish(publisher, VIDEO)
    seat_one, seat_two = stage.seat(subscriber, VIDEO), stage.seat(subscriber, VIDEO)
    stage.route(seat_one, one)
    stage.route(seat_two, two)
    one.one.frame(key=True)
    two.one.frame(key=True)
    await seat_one.wait(1)
    await seat_two.wait(1)
    one.one.send(packets.vp8(key=True, body=b"flip"), extensions={Extension.MID: two.one.mid.encode()})
    got = await seat_one.wait(2)
    assert got[-1].payload.endswith(b"flip")
    two.one.frame()
    await seat_two.wait(2)
    assert not any(packet.payload.endswith(b"flip") for packet in seat_two.got())


ONE_BYTE = bytes((0xBE, 0xDE))
LIES: list[tuple[int, bytes]] = [
    (0x8F, b""),  # fifteen CSRCs, none there
    (0x90, ONE_BYTE + b"\xff\xff" + bytes(60)),  # extension past the end
    (0x90, ONE_BYTE + bytes((0, 1, 0x1F, 1, 2, 3))),  # element past its block
    (0x90, ONE_BYTE),  # half an extension header
    (0xA0, packets.SEALED + b"\xff"),  # padding longer than the packet
    (0xA0, packets.SEALED + b"\x00"),  # padding of zero
]
"""First byte and what follows the fixed header: headers that lie (SECURITY B)."""


async def test_lying_headers_are_dropped_and_the_stream_survives(stage: Stage) -> None:
    track, seat = await stage.pair(VIDEO)
    encoder = track.one
    for first, rest in LIES:
        plain = bytes((first,)) + encoder.build(b"")[1:12] + rest
        try:
            encoder.client.send_rtp(plain)
        except pylibsrtp.Error:  # libsrtp will not seal it: it goes as it is
            encoder.client.socket.send(plain + bytes(16))
    refused = (DropReason.MALFORMED, DropReason.AUTH_FAILED)
    await until(lambda: sum(stage.drops(reason) for reason in refused) == len(LIES))
    encoder.frame(key=True)
    await seat.wait(2)
    assert len(seat.got()) == 2
    assert seat.client.inbox.broken == []


async def test_short_and_mutated_datagrams_change_nothing_for_a_flowing_stream(stage: Stage) -> None:
    track, seat = await stage.pair(AUDIO)
    encoder, rng = track.one, random.Random(5)
    wire = [encoder.audio() for _ in range(4)]
    await seat.wait(5)
    stranger = await Socket.open(stage.address)
    sent = 0
    for round_number in range(12):
        for _ in range(60):
            if rng.random() < 0.5:
                datagram = rng.randbytes(rng.randrange(65))
            else:
                mutated = bytearray(rng.choice(wire))
                mutated[rng.randrange(12, len(mutated))] ^= 1 << rng.randrange(8)
                datagram = bytes(mutated[: rng.randrange(1, len(mutated) + 1)])
            (stranger if rng.random() < 0.5 else encoder.client.socket).send(datagram)
            sent += 1
        encoder.audio()
        await seat.wait(6 + round_number)
    got = seat.got()
    stranger.close()
    assert [(packet.seq - got[0].seq, packet.payload) for packet in got] == [
        (number, packets.SEALED) for number in range(17)
    ]
    assert stranger.inbox.datagrams == 0
    assert seat.client.inbox.broken == []


async def test_oversize_datagrams_are_dropped(stage: Stage) -> None:
    track, seat = await stage.pair(AUDIO)
    for size in (1501, 9000):
        track.one.client.socket.send(bytes((0x80, 111)) + bytes(size - 2))
    await until(lambda: stage.drops(DropReason.OVERSIZE) == 2)
    track.one.audio()
    await seat.wait(2)
