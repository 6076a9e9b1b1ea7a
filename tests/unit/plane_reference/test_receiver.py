"""From a datagram to an authenticated packet: whatever comes, it is counted, and strangers move nothing."""

from __future__ import annotations

import os
import random
import struct
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sfu.base.clock import ManualClock
from sfu.base.ids import TransportId
from sfu.plane.port import Count, DropReason, DtlsReceived, Event, PathChanged, PlaneLimits, SrtpProfile
from sfu.plane.reference.counters import Counters
from sfu.plane.reference.forwarder import Forwarder
from sfu.plane.reference.ice import IceFront, Pair
from sfu.plane.reference.receiver import Receiver, well_formed_dtls
from sfu.plane.reference.sockets import MediaSockets
from sfu.plane.reference.srtp import SrtpSession
from sfu.plane.reference.transport import PlaneTransport
from sfu.wire.rtcp import pli
from sfu.wire.rtp import serialize_rtp
from sfu.wire.stun import binding_request
from tests.plane.packets import vp8
from tests.unit.plane_reference.parts import SCREEN, VP8, track, transport_with

HERE: Pair = (0, ("192.0.2.1", 5000))
STRANGER: Pair = (0, ("198.51.100.9", 666))
PASSWORD = b"p" * 24
CLIENT_HELLO = bytes((22, 0xFE, 0xFD)) + bytes(8) + struct.pack("!H", 20) + bytes(20)


class Wire(MediaSockets):
    """Records instead of sending."""

    def __init__(self) -> None:
        super().__init__(lambda *_: None)
        self.sent: list[tuple[bytes, Pair]] = []

    def send(self, datagram: bytes, pair: Pair) -> bool:
        self.sent.append((datagram, pair))
        return True


class Port:
    """A media port with one participant, who shares a screen. Connected and keyed unless told otherwise."""

    def __init__(self, *, connected: bool = True, keyed: bool = True, ssrcs: int = 64) -> None:
        self.wire, self.counters = Wire(), Counters()
        front, clock = IceFront(PlaneLimits(ssrcs=ssrcs)), ManualClock()
        forwarder = Forwarder(self.wire, self.counters, clock)
        self.transport: PlaneTransport = transport_with(track(SCREEN, VP8), ssrcs=ssrcs)
        forwarder.add_transport(self.transport)
        forwarder.add_ingress(self.transport, self.transport.ingresses[track(SCREEN, VP8).mid])
        front.add(self.transport.agent)
        transports = {self.transport.id: self.transport}
        self.receiver = Receiver(front, forwarder, self.counters, transports)
        there, here = os.urandom(28), os.urandom(28)
        self.client = SrtpSession(SrtpProfile.AEAD_AES_128_GCM, here, there)
        if keyed:
            self.transport.srtp = SrtpSession(SrtpProfile.AEAD_AES_128_GCM, there, here)
        if connected:
            self.take(check())
        self.wire.sent.clear()

    def take(self, datagram: bytes, pair: Pair = HERE) -> Event | None:
        return self.receiver.take(datagram, pair, 10.0, 1e9)

    def drops(self) -> dict[DropReason, int]:
        return {reason: count for reason, count in self.counters.drops.items() if count}

    def state(self) -> tuple[object, ...]:
        """What a stranger must not change."""
        agent = self.transport.agent
        pairs = dict(agent.pairs)
        return (
            agent.selected,
            pairs,
            agent.last_check_s,
            set(self.transport.by_ssrc),
            set(self.transport.reporters),
        )

    def media(self, seq: int = 1, ssrc: int = 7, *, mid: bytes = b"3", payload: bytes | None = None) -> bytes:
        return serialize_rtp(
            payload_type=96,
            marker=True,
            seq=seq,
            timestamp=0,
            ssrc=ssrc,
            extensions=[(1, mid)],
            payload=vp8(key=True) if payload is None else payload,
        )


def check(username: str = "us:them", password: bytes = PASSWORD) -> bytes:
    return binding_request(
        username, password, transaction_id=bytes(12), use_candidate=True, controlling_tiebreaker=1
    )


def mended(datagram: bytes) -> bytes:
    """The header's length made right again after a cut, so that more than the length is looked at."""
    return datagram[:2] + struct.pack("!H", max(0, len(datagram) - 20)) + datagram[4:]


REPLAY = DropReason.REPLAYED
ROWS: list[tuple[str, Callable[[Port], bytes], DropReason, DropReason]] = [
    # what it is, the datagram, why it is dropped from the participant's address, and from a stranger's
    ("empty", lambda p: b"", DropReason.UNCLASSIFIED, DropReason.UNCLASSIFIED),
    ("one byte", lambda p: b"\x80", DropReason.UNCLASSIFIED, DropReason.UNCLASSIFIED),
    ("turn channel", lambda p: b"\x40" + bytes(40), DropReason.UNCLASSIFIED, DropReason.UNCLASSIFIED),
    ("oversize", lambda p: p.client.seal(p.media()).ljust(1501), DropReason.OVERSIZE, DropReason.OVERSIZE),
    ("stun header", lambda p: check()[:20], DropReason.STUN_MALFORMED, DropReason.STUN_MALFORMED),
    ("no integrity", lambda p: mended(check()[:-32]), DropReason.STUN_MALFORMED, DropReason.STUN_MALFORMED),
    ("no fingerprint", lambda p: mended(check()[:-8]), DropReason.STUN_MALFORMED, DropReason.STUN_MALFORMED),
    (
        "wrong key",
        lambda p: check(password=b"x" * 24),
        DropReason.STUN_BAD_INTEGRITY,
        DropReason.STUN_BAD_INTEGRITY,
    ),
    ("wrong ufrag", lambda p: check("no:them"), DropReason.STUN_UNKNOWN_UFRAG, DropReason.STUN_UNKNOWN_UFRAG),
    ("wrong remote", lambda p: check("us:me"), DropReason.STUN_UNKNOWN_UFRAG, DropReason.STUN_UNKNOWN_UFRAG),
    ("one part", lambda p: check("us"), DropReason.STUN_UNKNOWN_UFRAG, DropReason.STUN_UNKNOWN_UFRAG),
    (
        "three parts",
        lambda p: check("us:them:us"),
        DropReason.STUN_UNKNOWN_UFRAG,
        DropReason.STUN_UNKNOWN_UFRAG,
    ),
    ("an answer", lambda p: b"\x01\x01" + check()[2:], DropReason.STUN_MALFORMED, DropReason.STUN_MALFORMED),
    ("hello cut", lambda p: CLIENT_HELLO[:-1], DropReason.DTLS_MALFORMED, DropReason.UNKNOWN_ADDRESS),
    (
        "not DTLS",
        lambda p: b"\x16\x03\x03" + bytes(20),
        DropReason.DTLS_MALFORMED,
        DropReason.UNKNOWN_ADDRESS,
    ),
    ("plain RTP", lambda p: p.media(), DropReason.AUTH_FAILED, DropReason.UNKNOWN_ADDRESS),
    ("zero tag", lambda p: p.media() + bytes(16), DropReason.AUTH_FAILED, DropReason.UNKNOWN_ADDRESS),
    ("tag cut", lambda p: p.client.seal(p.media())[:-4], DropReason.AUTH_FAILED, DropReason.UNKNOWN_ADDRESS),
    (
        "another mid",
        lambda p: p.client.seal(p.media(mid=b"4")),
        DropReason.UNKNOWN_SSRC,
        DropReason.UNKNOWN_ADDRESS,
    ),
    (
        "no mid text",
        lambda p: p.client.seal(p.media(mid=b"\0")),
        DropReason.MALFORMED,
        DropReason.UNKNOWN_ADDRESS,
    ),
    ("plain RTCP", lambda p: pli(1, 2), DropReason.AUTH_FAILED, DropReason.UNKNOWN_ADDRESS),
    (
        "short RTCP",
        lambda p: b"\x81\xce\x00\x01" + bytes(4),
        DropReason.AUTH_FAILED,
        DropReason.UNKNOWN_ADDRESS,
    ),
]


@pytest.mark.parametrize(("build", "own", "strangers"), [pytest.param(*row[1:], id=row[0]) for row in ROWS])
def test_hostile_datagrams_move_nothing_and_are_not_answered(
    build: Callable[[Port], bytes], own: DropReason, strangers: DropReason
) -> None:
    for pair, reason in ((HERE, own), (STRANGER, strangers)):
        port = Port()
        before = port.state()
        assert port.take(build(port), pair) is None
        assert port.drops() == {reason: 1}
        assert port.state() == before
        assert port.wire.sent == []


@given(st.binary(max_size=64), st.booleans(), st.booleans())
def test_any_datagram_of_up_to_64_bytes(datagram: bytes, connected: bool, stranger: bool) -> None:
    port = Port(connected=connected)
    before = port.state()
    assert port.take(datagram, STRANGER if stranger else HERE) is None
    assert sum(port.drops().values()) == 1
    assert (port.state(), port.wire.sent) == (before, [])


def test_all_sizes_and_first_bytes() -> None:
    port, rng = Port(), random.Random(9)
    before = port.state()
    for size in range(65):
        for first in range(256):
            datagram = (bytes((first,)) + rng.randbytes(64))[:size]
            for pair in (HERE, STRANGER):
                assert port.take(datagram, pair) is None
    assert sum(port.drops().values()) == 65 * 256 * 2
    assert (port.state(), port.wire.sent) == (before, [])


def test_every_bit_of_a_check_is_guarded() -> None:
    port, right = Port(connected=False), check()
    before = port.state()
    for bit in range(8 * len(right)):
        flipped = bytearray(right)
        flipped[bit // 8] ^= 1 << bit % 8
        assert port.take(bytes(flipped), STRANGER) is None
    assert (port.state(), port.wire.sent) == (before, [])
    assert port.take(right, STRANGER) == PathChanged(transport=TransportId(1), first=True)
    assert [pair for _, pair in port.wire.sent] == [STRANGER]


def test_nothing_is_opened_before_there_are_keys() -> None:
    port = Port(keyed=False)
    for datagram in (port.client.seal(port.media()), port.client.seal_rtcp(pli(1, 2))):
        assert port.take(datagram) is None
    assert port.drops() == {DropReason.NO_KEYS: 2}


def test_a_row_of_records_goes_up_as_it_came() -> None:
    port = Port()
    event = port.take(CLIENT_HELLO * 3)
    assert event == DtlsReceived(transport=TransportId(1), datagram=CLIENT_HELLO * 3)
    assert port.counters.counts[Count.DTLS_IN] == 1


@pytest.mark.parametrize(
    ("datagram", "well_formed"),
    [
        pytest.param(b"", False, id="empty"),
        pytest.param(CLIENT_HELLO, True, id="one"),
        pytest.param(CLIENT_HELLO + b"\x16", False, id="tail"),
        pytest.param(CLIENT_HELLO[:12], False, id="header-cut"),
        pytest.param(b"\x14\xfe\xff" + bytes(10), True, id="empty-record-of-1.0"),
        pytest.param(b"\x13\xfe\xfd" + bytes(10), False, id="content-type-19"),
        pytest.param(b"\x1a\xfe\xfd" + bytes(10), False, id="content-type-26"),
        pytest.param(b"\x17\xfe\xfd" + bytes(8) + b"\xff\xff" + bytes(99), False, id="longer-than-it-is"),
    ],
)
def test_what_counts_as_records(datagram: bytes, well_formed: bool) -> None:
    assert well_formed_dtls(datagram) is well_formed


def test_ssrcs_that_do_not_authenticate_take_no_place() -> None:
    """20 000 forged SSRCs from the participant's own address, with its MID: none is kept."""
    port, rng = Port(ssrcs=4), random.Random(3)
    for _ in range(20_000):
        port.take(port.media(ssrc=rng.randrange(1 << 32)) + bytes(16))
    assert port.drops() == {DropReason.AUTH_FAILED: 20_000}
    assert port.transport.by_ssrc == {}
    assert port.take(port.client.seal(port.media())) is None
    assert list(port.transport.by_ssrc) == [7]


def test_ssrcs_that_do_authenticate_are_capped_before_they_are_opened() -> None:
    port = Port(ssrcs=4)
    for ssrc in range(1, 2000):
        port.take(port.client.seal(port.media(ssrc=ssrc)))
    assert len(port.transport.by_ssrc) == 4
    assert port.drops()[DropReason.SSRC_LIMIT] == 1999 - 4
    in_use = port.client.seal(port.media(seq=2, ssrc=4))
    before = port.drops().get(DropReason.UNROUTED, 0)
    port.take(in_use)
    assert port.drops()[DropReason.UNROUTED] == before + 1  # the stream in use goes on
    port.take(in_use)
    assert port.drops()[REPLAY] == 1


def test_an_admitted_ssrc_stays_what_it_was() -> None:
    """MID flipped mid-stream, to nobody's and to nonsense: ignored; nothing is looked up again."""
    port = Port()
    for seq, mid in enumerate((b"3", b"4", b"\0", b"3"), start=1):
        port.take(port.client.seal(port.media(seq=seq, mid=mid)))
    assert port.drops() == {DropReason.UNROUTED: 4}
    (admitted,) = port.transport.by_ssrc.values()
    assert admitted.ingress.id == SCREEN


@pytest.mark.parametrize(
    ("plain", "reason"),
    [
        pytest.param(
            b"\xa0\x60\x00\x02" + bytes(4) + b"\0\0\0\x07" + bytes(7) + b"\xff",
            DropReason.MALFORMED,
            id="padding-255",
        ),
        pytest.param(
            b"\xa0\x60\x00\x02" + bytes(4) + b"\0\0\0\x07" + bytes(8), DropReason.MALFORMED, id="padding-0"
        ),
        pytest.param(b"\x80\x60\x00\x02" + bytes(4) + b"\0\0\0\x07\x90", DropReason.MALFORMED, id="vp8-cut"),
        pytest.param(
            b"\x80\x61\x00\x02" + bytes(4) + b"\0\0\0\x07\x01", DropReason.MALFORMED, id="rtx-of-one-byte"
        ),
        pytest.param(
            b"\x80\x61\x00\x02" + bytes(4) + b"\0\0\0\x07", DropReason.PADDING_ONLY, id="rtx-of-none"
        ),
        pytest.param(
            b"\x80\x62\x00\x02" + bytes(4) + b"\0\0\0\x07\x10\x00",
            DropReason.UNKNOWN_PAYLOAD_TYPE,
            id="payload-type-not-negotiated",
        ),
    ],
)
def test_nonsense_that_authenticates_is_dropped_and_the_stream_goes_on(
    plain: bytes, reason: DropReason
) -> None:
    port = Port()
    port.take(port.client.seal(port.media(seq=1)))
    port.take(port.client.seal(plain))
    port.take(port.client.seal(port.media(seq=3)))
    assert port.drops() == {DropReason.UNROUTED: 2, reason: 1}


def test_consent_is_looked_at_now_and_then() -> None:
    port = Port()
    assert port.receiver.expire(24.0) == []
    assert port.receiver.expire(24.1) == []
    (lost,) = port.receiver.expire(25.0)
    assert lost.transport == TransportId(1)  # type: ignore[union-attr] # it is a ConsentLost
    assert port.receiver.expire(30.0) == []
