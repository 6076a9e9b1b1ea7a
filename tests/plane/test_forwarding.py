"""What leaves: fixed SSRCs, mapped payload types, extensions by the subscriber's ids; and what stops."""

from __future__ import annotations

import pytest

from sfu.base.errors import PlaneError
from sfu.base.ids import EgressId, IngressId, MediaKind, Mid, Rid, Ssrc, TransportId
from sfu.plane.port import (
    AddIngress,
    AddSeat,
    Count,
    DropReason,
    EncodingChanged,
    Extension,
    Levels,
    Operation,
    PayloadType,
    RemoveIngress,
    RemoveSeat,
    RemoveTransport,
    RequestKeyframe,
    RestartIce,
    RouteSource,
    SeatSwitched,
    SendDtls,
    SetKeys,
    SetRoute,
    SrtpProfile,
)
from tests.plane import packets
from tests.plane.client import until
from tests.plane.stage import AV1, OPUS, SEAT_IDS, SEAT_PTS, VP8, VP9, Seat, Stage, Track

AUDIO, VIDEO = MediaKind.AUDIO, MediaKind.VIDEO


async def test_audio_field_by_field(stage: Stage) -> None:
    track, seat = await stage.pair(AUDIO)
    track.one.audio(level=17)
    first, second = await seat.wait(2)
    assert first.ssrc == second.ssrc == seat.ssrc
    assert second.payload_type == 109
    assert second.seq == first.seq + 1
    assert (second.timestamp - first.timestamp) & 0xFFFFFFFF == 960
    assert second.extensions == {SEAT_IDS[Extension.AUDIO_LEVEL]: bytes((0x80 | 17,))}
    assert (second.payload, second.padding_bytes, second.csrcs) == (packets.SEALED, 0, ())
    assert stage.events_of(SeatSwitched) == [
        SeatSwitched(egress=seat.egress, ingress=track.ingress, rid=None)
    ]
    assert stage.events_of(EncodingChanged)[0] == EncodingChanged(
        ingress=track.ingress, rid=None, active=True
    )


@pytest.mark.parametrize(
    ("codec", "pt", "key", "delta"),
    [
        pytest.param(VP8, 120, packets.vp8(key=True), packets.vp8(), id="vp8"),
        pytest.param(VP9, 121, packets.vp9(key=True, pid=5), packets.vp9(pid=6), id="vp9"),
        pytest.param(AV1, 122, packets.av1(key=True), packets.av1(), id="av1"),
    ],
)
async def test_video_payload_types_by_codec(
    stage: Stage, codec: PayloadType, pt: int, key: bytes, delta: bytes
) -> None:
    publisher, subscriber = await stage.join(), await stage.join()
    track, seat = stage.publish(publisher, VIDEO), stage.seat(subscriber, VIDEO)
    stage.route(seat, track)
    track.one.pt = codec
    orientation = {Extension.VIDEO_ORIENTATION: b"\x03"}
    track.one.send(delta)  # before the key frame: not for anybody
    track.one.send(key, extensions=orientation)
    track.one.step()
    track.one.send(delta, marker=True)
    first, second = await seat.wait(2)
    assert (first.payload_type, second.payload_type) == (pt, pt)
    assert (first.marker, second.marker) == (False, True)
    assert first.extensions == {SEAT_IDS[Extension.VIDEO_ORIENTATION]: b"\x03"}
    assert second.extensions == {}
    assert first.payload[-40:] == packets.SEALED
    assert (second.timestamp - first.timestamp) & 0xFFFFFFFF == 4500
    assert stage.drops(DropReason.AWAITING_KEYFRAME) == 1


async def test_a_codec_the_subscriber_does_not_have_is_not_sent(stage: Stage) -> None:
    publisher, subscriber = await stage.join(), await stage.join()
    track = stage.publish(publisher, VIDEO)
    seat = stage.seat(subscriber, VIDEO, payload_types=SEAT_PTS[VIDEO][:1])
    stage.route(seat, track)
    track.one.pt = VP9
    track.one.send(packets.vp9(key=True, pid=1))
    await until(lambda: stage.drops(DropReason.CODEC_NOT_NEGOTIATED) == 1)
    track.one.pt = VP8
    track.one.frame(key=True)
    await seat.wait(1)


async def test_extensions_the_subscriber_does_not_have_are_left_out(stage: Stage) -> None:
    publisher, subscriber = await stage.join(), await stage.join()
    track, seat = stage.publish(publisher, AUDIO), stage.seat(subscriber, AUDIO, extensions={})
    stage.route(seat, track)
    track.one.audio()
    (packet,) = await seat.wait(1)
    assert packet.extensions == {}


@pytest.mark.parametrize(
    ("name", "raw", "out"),
    [
        (Extension.AUDIO_LEVEL, b"\x9e" + b"smuggled" * 20, b"\x9e"),
        (Extension.AUDIO_LEVEL, b"", None),
        (Extension.VIDEO_ORIENTATION, b"\x02smuggled", b"\x02"),
    ],
)
async def test_extensions_carry_what_they_are_for(
    stage: Stage, name: Extension, raw: bytes, out: bytes | None
) -> None:
    track, seat = await stage.pair(AUDIO)
    track.one.step()
    track.one.send(packets.SEALED, extensions={name: raw})
    got = await seat.wait(2)
    assert got[1].extensions == ({} if out is None else {SEAT_IDS[name]: out})


async def test_padding_behind_a_payload_is_not_passed_on(stage: Stage) -> None:
    track, seat = await stage.pair(VIDEO)
    track.one.send(packets.vp8(pid=3), padding_bytes=200)
    got = await seat.wait(2)
    assert got[-1].padding_bytes == 0
    assert got[-1].payload[-40:] == packets.SEALED


async def test_one_publisher_to_many_subscribers(stage: Stage) -> None:
    publisher = await stage.join()
    track = stage.publish(publisher, AUDIO)
    seats = [stage.seat(await stage.join(), AUDIO) for _ in range(6)]
    for seat in seats:
        stage.route(seat, track)
    for _ in range(10):
        track.one.audio()
    for seat in seats:
        got = await seat.wait(10)
        assert [packet.seq - got[0].seq for packet in got] == list(range(10))
        assert got[0].seq < 1 << 15
    assert len({seat.got()[0].seq for seat in seats}) > 1


async def test_unrouted_media_is_counted_and_goes_nowhere(stage: Stage) -> None:
    publisher, subscriber = await stage.join(), await stage.join()
    track = stage.publish(publisher, AUDIO)
    seat = stage.seat(subscriber, AUDIO)
    track.one.audio()
    await until(lambda: stage.drops(DropReason.UNROUTED) == 1)
    assert stage.count(Count.PACKETS_OUT) == 0
    assert seat.got() == []


async def test_a_subscriber_without_path_or_keys_gets_nothing(stage: Stage) -> None:
    publisher = await stage.join()
    track = stage.publish(publisher, AUDIO)
    bare = stage.add_client()
    seat = stage.seat(bare, AUDIO)
    stage.route(seat, track)
    track.one.audio()
    await until(lambda: stage.drops(DropReason.NO_KEYS) == 1)
    stage.set_keys(bare)
    track.one.audio()
    await until(lambda: stage.drops(DropReason.NO_PATH) >= 1)
    await bare.connect(stage.address)
    track.one.audio()
    await seat.wait(1)


async def test_levels_are_reported_for_who_sent(stage: Stage) -> None:
    publisher, quiet = await stage.join(), await stage.join()
    track = stage.publish(publisher, AUDIO)
    stage.publish(quiet, AUDIO)
    for level in (20, 40):
        track.one.audio(level=level)
    await until(lambda: stage.events_of(Levels))
    assert {ingress for event in stage.events_of(Levels) for ingress, _ in event.levels} == {track.ingress}
    heard = [level for event in stage.events_of(Levels) for _, level in event.levels]
    assert all(20 <= level <= 40 for level in heard)


async def test_counters_are_whole_and_plausible(stage: Stage) -> None:
    track, seat = await stage.pair(VIDEO)
    snapshot = stage.plane.counters()
    assert set(snapshot.counts) == set(Count)
    assert set(snapshot.drops) == set(DropReason)
    assert (snapshot.transports, snapshot.ingresses, snapshot.seats) == (2, 1, 1)
    before = stage.count(Count.BYTES_IN), stage.count(Count.PACKETS_IN)
    wire = track.one.frame()[0]
    await seat.wait(2)
    assert stage.count(Count.BYTES_IN) - before[0] == len(wire)
    assert stage.count(Count.PACKETS_IN) - before[1] == 1
    assert snapshot.counts[Count.KEYFRAMES_IN] == 1
    assert snapshot.counts[Count.SWITCHES] == 1


async def removal_stops_everything(stage: Stage, track: Track, seat: Seat, operation: Operation) -> None:
    """After ``apply`` returned no packet of the pair may leave, not even one that is waiting."""
    for _ in range(5):
        track.one.audio()  # in the socket's buffer while the operation runs
    stage.apply(operation)
    sent = stage.count(Count.PACKETS_OUT)  # a plane with a thread of its own may have been quicker
    witness_track, witness = await stage.pair(AUDIO)
    track.one.audio()
    witness_track.one.audio()
    await witness.wait(2)
    got = len(seat.got())
    assert got <= sent
    for _ in range(5):
        track.one.audio()
        witness_track.one.audio()
    await witness.wait(7)
    assert len(seat.got()) == got
    assert stage.count(Count.PACKETS_OUT) - sent >= 2


@pytest.mark.parametrize("what", ["subscriber", "publisher", "ingress", "seat", "route"])
async def test_removal_stops_packets_at_once(stage: Stage, what: str) -> None:
    track, seat = await stage.pair(AUDIO)
    operations: dict[str, Operation] = {
        "subscriber": RemoveTransport(transport=seat.client.transport),
        "publisher": RemoveTransport(transport=track.one.client.transport),
        "ingress": RemoveIngress(ingress=track.ingress),
        "seat": RemoveSeat(egress=seat.egress),
        "route": SetRoute(egress=seat.egress, source=None),
    }
    await removal_stops_everything(stage, track, seat, operations[what])


async def test_a_removed_transport_is_forgotten_whole(stage: Stage) -> None:
    track, seat = await stage.pair(AUDIO)
    gone = track.one.client
    stage.apply(RemoveTransport(transport=gone.transport))
    snapshot = stage.plane.counters()
    assert (snapshot.transports, snapshot.ingresses, snapshot.seats) == (1, 0, 1)
    gone.socket.send(gone.check())
    await until(lambda: stage.drops(DropReason.STUN_UNKNOWN_UFRAG) == 1)
    track.one.audio()
    await until(lambda: stage.drops(DropReason.UNKNOWN_ADDRESS) == 1)
    with pytest.raises(PlaneError):
        stage.apply(SetRoute(egress=seat.egress, source=RouteSource(ingress=track.ingress)))


async def test_levels_of_a_removed_track_are_not_reported(stage: Stage) -> None:
    publisher, witness = await stage.join(), await stage.join()
    gone, stays = stage.publish(publisher, AUDIO), stage.publish(witness, AUDIO)
    stays.one.audio()
    await until(lambda: stage.events_of(Levels))  # the next interval has just begun
    gone.one.audio()
    await until(lambda: stage.drops(DropReason.UNROUTED) == 2)
    stage.apply(RemoveIngress(ingress=gone.ingress))
    known = len(stage.events)
    stays.one.audio()
    await until(lambda: any(isinstance(event, Levels) for event in stage.events[known:]))
    later = [event for event in stage.events[known:] if isinstance(event, Levels)]
    assert all(ingress != gone.ingress for event in later for ingress, _ in event.levels)


NOBODY = TransportId(999)


def a_seat(transport: TransportId, egress: int = 77, ssrc: int = 4711) -> AddSeat:
    return AddSeat(
        egress=EgressId(egress),
        transport=transport,
        mid=Mid("x"),
        kind=AUDIO,
        ssrc=Ssrc(ssrc),
        rtx_ssrc=None,
        payload_types=SEAT_PTS[AUDIO],
        extensions={},
        cname="c",
    )


def an_ingress(transport: TransportId, ingress: int = 88, mid: str = "x") -> AddIngress:
    return AddIngress(
        ingress=IngressId(ingress),
        transport=transport,
        mid=Mid(mid),
        kind=AUDIO,
        payload_types=(OPUS,),
        extensions={},
    )


UNKNOWN: list[Operation] = [
    RestartIce(transport=NOBODY, ufrag="u", pwd="p" * 24, remote_ufrag="r"),
    SetKeys(transport=NOBODY, profile=SrtpProfile.AEAD_AES_128_GCM, rx_key=bytes(28), tx_key=bytes(28)),
    SendDtls(transport=NOBODY, datagram=b""),
    RemoveTransport(transport=NOBODY),
    an_ingress(NOBODY),
    RemoveIngress(ingress=IngressId(999)),
    a_seat(NOBODY),
    RemoveSeat(egress=EgressId(999)),
    SetRoute(egress=EgressId(999), source=None),
    RequestKeyframe(ingress=IngressId(999)),
]


@pytest.mark.parametrize("operation", UNKNOWN, ids=lambda operation: type(operation).__name__)
async def test_an_unknown_id_is_an_error(stage: Stage, operation: Operation) -> None:
    with pytest.raises(PlaneError):
        stage.apply(operation)


def wrong_operations(track: Track, seat: Seat) -> dict[str, Operation]:
    """Operations that name what is there already, or what does not fit."""
    publisher, subscriber = track.one.client.transport, seat.client.transport
    nothing = RouteSource(ingress=IngressId(999))
    short = bytes(28)
    return {
        "egress-again": a_seat(subscriber, egress=seat.egress),
        "seat-ssrc-again": a_seat(subscriber, ssrc=seat.ssrc),
        "ingress-again": an_ingress(publisher, ingress=track.ingress),
        "mid-again": an_ingress(publisher, mid=track.one.mid),
        "route-from-nothing": SetRoute(egress=seat.egress, source=nothing),
        "rid-of-nobody": RequestKeyframe(ingress=track.ingress, rid=Rid("x")),
        "key-too-short": SetKeys(
            transport=subscriber, profile=SrtpProfile.AEAD_AES_256_GCM, rx_key=short, tx_key=short
        ),
    }


async def test_a_wrong_operation_is_an_error_and_media_goes_on(stage: Stage) -> None:
    track, seat = await stage.pair(AUDIO)
    for number, operation in enumerate(wrong_operations(track, seat).values()):
        with pytest.raises(PlaneError):
            stage.apply(operation)
        track.one.audio()
        await seat.wait(2 + number)


async def test_audio_cannot_feed_a_video_seat(stage: Stage) -> None:
    publisher, subscriber = await stage.join(), await stage.join()
    track, seat = stage.publish(publisher, AUDIO), stage.seat(subscriber, VIDEO)
    with pytest.raises(PlaneError):
        stage.route(seat, track)


async def test_operations_before_a_wrong_one_hold_and_those_after_do_not(stage: Stage) -> None:
    client = await stage.join()
    with pytest.raises(PlaneError):
        stage.apply(
            a_seat(client.transport, egress=901, ssrc=1),
            RemoveSeat(egress=EgressId(999)),
            a_seat(client.transport, egress=902, ssrc=2),
        )
    stage.apply(RemoveSeat(egress=EgressId(901)))
    with pytest.raises(PlaneError):
        stage.apply(RemoveSeat(egress=EgressId(902)))
