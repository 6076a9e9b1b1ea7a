"""Checks, pairs and consent. Whoever does not know the password moves nothing."""

from __future__ import annotations

import hashlib
import hmac
import zlib

import pytest

from sfu.base.errors import PlaneError
from sfu.base.ids import MediaKind, TransportId
from sfu.plane.port import (
    AddTransport,
    ConsentLost,
    Count,
    DropReason,
    DtlsReceived,
    PathChanged,
    PlaneLimits,
    RestartIce,
    SendDtls,
    SrtpProfile,
)
from sfu.wire.stun import BINDING_ERROR, ERROR_CODE, parse_binding_success
from tests.plane.client import Socket, until
from tests.plane.conftest import StartStage
from tests.plane.stage import Stage

CLIENT_HELLO = bytes((22, 0xFE, 0xFD)) + bytes(8) + (20).to_bytes(2, "big") + bytes(20)


async def answered(socket: Socket) -> None:
    """Wait for the answer to a socket's only check."""
    await until(lambda: socket.inbox.stun)


async def test_a_right_check_is_answered_with_where_it_came_from(stage: Stage) -> None:
    client = stage.add_client()
    await client.connect(stage.address)
    (answer,) = client.inbox.stun
    assert parse_binding_success(answer, client.pwd.encode()) == client.socket.address
    assert stage.events == [PathChanged(transport=client.transport, first=True)]
    assert stage.count(Count.STUN_CHECKS) == 1


async def test_a_repeated_check_is_answered_and_moves_nothing(stage: Stage) -> None:
    client = stage.add_client()
    await client.connect(stage.address)
    await client.recheck()
    assert len(stage.events_of(PathChanged)) == 1


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        pytest.param({"password": "x" * 24}, DropReason.STUN_BAD_INTEGRITY, id="wrong-integrity"),
        pytest.param({"username": "nobody:cccc"}, DropReason.STUN_UNKNOWN_UFRAG, id="unknown-ufrag"),
        pytest.param({"username": "s001:dddd"}, DropReason.STUN_UNKNOWN_UFRAG, id="wrong-remote-ufrag"),
        pytest.param({"username": "s001"}, DropReason.STUN_UNKNOWN_UFRAG, id="username-of-one-part"),
        pytest.param({"username": ":"}, DropReason.STUN_UNKNOWN_UFRAG, id="username-empty-parts"),
    ],
)
async def test_a_wrong_check_gets_no_answer(
    stage: Stage, changes: dict[str, str], reason: DropReason
) -> None:
    client = stage.add_client()
    stranger = await Socket.open(stage.address)
    stranger.send(client.check(username=changes.get("username"), password=changes.get("password")))
    await until(lambda: stage.drops(reason) == 1)
    await client.connect(stage.address)  # comes after it on the same socket of the plane
    stranger.close()
    assert stranger.inbox.datagrams == 0
    assert [event.transport for event in stage.events_of(PathChanged)] == [client.transport]


async def test_a_bit_flipped_anywhere_in_a_check_gets_no_answer(stage: Stage) -> None:
    client = stage.add_client()
    stranger = await Socket.open(stage.address)
    check = client.check()
    for at in range(len(check)):
        stranger.send(check[:at] + bytes((check[at] ^ 0x40,)) + check[at + 1 :])
    await until(lambda: stage.count(Count.PACKETS_IN) == len(check))
    stranger.close()
    assert stranger.inbox.datagrams == 0
    assert stage.count(Count.STUN_CHECKS) == 0
    assert stage.events == []


async def test_role_conflict_is_answered_with_487(stage: Stage) -> None:
    client = stage.add_client()
    client.socket = await Socket.open(stage.address)
    as_controlled = bytearray(client.check())
    at = as_controlled.find(bytes((0x80, 0x2A, 0, 8)))
    assert at > 0
    client.socket.send(_resealed(bytes(as_controlled), at, client.pwd.encode()))
    await until(lambda: client.inbox.stun)
    answer = client.inbox.stun[0]
    assert int.from_bytes(answer[:2], "big") == BINDING_ERROR
    assert int.from_bytes(answer[20:22], "big") == ERROR_CODE
    assert (answer[26], answer[27]) == (4, 87)
    assert stage.events == []


def _resealed(check: bytes, role_at: int, password: bytes) -> bytes:
    """The same check as controlled agent, with right integrity and fingerprint."""
    body = check[:role_at] + bytes((0x80, 0x29)) + check[role_at + 2 : -32]
    covered = body[:2] + (len(body) - 20 + 24).to_bytes(2, "big") + body[4:]
    sealed = body + bytes((0, 8, 0, 20)) + hmac.new(password, covered, hashlib.sha1).digest()
    whole = sealed[:2] + (len(sealed) - 20 + 8).to_bytes(2, "big") + sealed[4:]
    return whole + bytes((0x80, 0x28, 0, 4)) + (zlib.crc32(whole) ^ 0x5354554E).to_bytes(4, "big")


async def test_more_pairs_than_allowed_drops_the_oldest_and_never_the_selected(
    start_stage: StartStage,
) -> None:
    stage = await start_stage(PlaneLimits(address_pairs=3))
    client = stage.add_client()
    first = await client.connect(stage.address)
    others = []
    for _ in range(4):
        other = await Socket.open(stage.address)
        others.append(other)
        other.send(client.check(nominate=False))
        await answered(other)
    assert stage.drops(DropReason.STUN_TOO_MANY_PAIRS) == 2
    others[0].send(CLIENT_HELLO)
    await until(lambda: stage.drops(DropReason.UNKNOWN_ADDRESS) == 1)
    first.send(CLIENT_HELLO)
    await until(lambda: stage.events_of(DtlsReceived))
    for other in others:
        other.close()


async def test_a_check_without_use_candidate_does_not_move_the_path(stage: Stage) -> None:
    client = stage.add_client()
    first = await client.connect(stage.address)
    other = await Socket.open(stage.address)
    other.send(client.check(nominate=False))
    await until(lambda: other.inbox.stun)
    stage.apply(SendDtls(transport=client.transport, datagram=CLIENT_HELLO))
    await until(lambda: first.inbox.dtls == [CLIENT_HELLO])
    other.close()
    assert other.inbox.dtls == []


@pytest.mark.parametrize("profile", list(SrtpProfile))
async def test_nomination_moves_the_path_and_media_follows(stage: Stage, profile: SrtpProfile) -> None:
    publisher, subscriber = await stage.join(profile), await stage.join(profile)
    track = stage.publish(publisher, MediaKind.AUDIO)
    seat = stage.seat(subscriber, MediaKind.AUDIO)
    stage.route(seat, track)
    track.one.audio()
    before = (await seat.wait(1))[0]
    old = subscriber.socket
    await subscriber.connect(stage.address)
    await until(lambda: PathChanged(transport=subscriber.transport, first=False) in stage.events)
    got_on_old = len(old.inbox.rtp)
    track.one.audio()
    after = (await seat.wait(1))[0]
    old.close()
    assert after.seq == before.seq + 1  # same stream, same SRTP state
    assert len(old.inbox.rtp) == got_on_old


async def test_a_publisher_that_moves_is_heard_from_both_pairs(stage: Stage) -> None:
    track, seat = await stage.pair(MediaKind.AUDIO)
    publisher = track.one.client
    old = publisher.socket
    await publisher.connect(stage.address)
    track.one.audio()
    await seat.wait(2)
    late = publisher.sealer.protect(track.one.build(b"late"))
    old.send(late)
    got = await seat.wait(3)
    old.close()
    assert got[-1].payload == b"late"


async def test_consent_is_lost_once_and_comes_back(start_stage: StartStage) -> None:
    stage = await start_stage(PlaneLimits(consent_s=0.3))
    client = stage.add_client()
    await client.connect(stage.address)
    await until(lambda: stage.events_of(ConsentLost))
    await client.recheck()
    await until(lambda: len(stage.events_of(PathChanged)) == 2)
    await until(lambda: len(stage.events_of(ConsentLost)) == 2)
    kinds = [type(event) for event in stage.events]
    assert kinds == [PathChanged, ConsentLost, PathChanged, ConsentLost]


async def test_restart_keeps_media_and_the_old_ufrag_until_the_new_is_used(stage: Stage) -> None:
    track, seat = await stage.pair(MediaKind.AUDIO)
    client = seat.client
    old_check = client.check
    stage.apply(RestartIce(transport=client.transport, ufrag="fresh", pwd="n" * 24, remote_ufrag="rrrr"))
    await client.recheck()  # with the old credentials
    track.one.audio()
    await seat.wait(2)
    answered = len(client.inbox.stun)
    client.socket.send(old_check(username="fresh:rrrr", password="n" * 24))
    await until(lambda: len(client.inbox.stun) > answered)
    client.socket.send(old_check())
    await until(lambda: stage.drops(DropReason.STUN_UNKNOWN_UFRAG) == 1)
    track.one.audio()
    got = await seat.wait(3)
    assert [packet.seq - got[0].seq for packet in got] == [0, 1, 2]


async def test_a_thousand_wrong_checks_end_nothing(stage: Stage) -> None:
    track, seat = await stage.pair(MediaKind.AUDIO)
    stranger = await Socket.open(stage.address)
    for index in range(1000):
        stranger.send(seat.client.check(password="w" * 24))
        if index % 50 == 0:
            await seat.client.recheck()  # lets the plane keep up
    await until(
        lambda: stage.drops(DropReason.STUN_BAD_INTEGRITY) + stage.drops(DropReason.STUN_RATE_LIMITED) == 1000
    )
    await seat.client.recheck()
    track.one.audio()
    await seat.wait(2)
    stranger.close()
    assert stage.drops(DropReason.STUN_RATE_LIMITED) > 0
    assert stranger.inbox.datagrams == 0


@pytest.mark.parametrize(
    "datagram",
    [
        pytest.param(bytes((22, 0xFE, 0xFD)) + bytes(9) + b"\xff" + bytes(20), id="record-too-long"),
        pytest.param(bytes((27, 0xFE, 0xFD)) + bytes(10), id="content-type-27"),
        pytest.param(bytes((22, 0x03, 0x03)) + bytes(10), id="tls-not-dtls"),
        pytest.param(CLIENT_HELLO + b"\x16", id="tail"),
    ],
)
async def test_malformed_dtls_is_not_passed_up(stage: Stage, datagram: bytes) -> None:
    client = stage.add_client()
    await client.connect(stage.address)
    client.socket.send(datagram)
    await until(lambda: stage.drops(DropReason.DTLS_MALFORMED) == 1)
    client.socket.send(CLIENT_HELLO)
    await until(lambda: stage.events_of(DtlsReceived))
    assert stage.events_of(DtlsReceived) == [DtlsReceived(transport=client.transport, datagram=CLIENT_HELLO)]


async def test_dtls_of_a_stranger_is_dropped_and_without_a_path_nothing_is_sent(stage: Stage) -> None:
    client = stage.add_client()
    stage.apply(SendDtls(transport=client.transport, datagram=CLIENT_HELLO))
    assert stage.drops(DropReason.NO_PATH) == 1
    stranger = await Socket.open(stage.address)
    stranger.send(CLIENT_HELLO)
    await until(lambda: stage.drops(DropReason.UNKNOWN_ADDRESS) == 1)
    stranger.close()
    assert stage.events == []


async def test_two_transports_cannot_share_a_ufrag(stage: Stage) -> None:
    client = stage.add_client()
    with pytest.raises(PlaneError):
        stage.apply(
            AddTransport(transport=TransportId(99), ufrag=client.ufrag, pwd="p" * 24, remote_ufrag="x")
        )
    assert stage.plane.counters().transports == 1
