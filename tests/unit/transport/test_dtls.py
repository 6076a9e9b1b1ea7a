"""Handshakes of ``DtlsEndpoint`` with aiortc's client: keys, loss, order, close."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest
from aiortc import rtcdtlstransport as library

from sfu.plane.port import SrtpProfile
from sfu.transport.association import HANDSHAKE_DATAGRAMS, MTU_BYTES, QUEUE_DATAGRAMS
from sfu.transport.dtls import DtlsFailure, DtlsFailureReason, DtlsKeys
from sfu.transport.records import records_of
from tests.unit.transport.dtls_client import (
    SERVER,
    Client,
    Pair,
    Wire,
    make_pair,
    new_client_certificate,
)

pytestmark = pytest.mark.asyncio

DEADLINE_S = 10.0
GCM_128, GCM_256, CM_SHA1 = SrtpProfile
SIZES = {
    GCM_128: library.SRTP_AEAD_AES_128_GCM,
    GCM_256: library.SRTP_AEAD_AES_256_GCM,
    CM_SHA1: library.SRTP_AES128_CM_SHA1_80,
}


async def connect(pair: Pair) -> DtlsKeys:
    client = pair.start_client()
    async with asyncio.timeout(DEADLINE_S):
        keys = await pair.endpoint.handshake(DEADLINE_S)
        await client
    assert pair.client.state == "connected"
    return keys


async def end(pair: Pair) -> None:
    await pair.endpoint.close()
    await pair.client.stop()


def keys_of_client(client: Client, profile: SrtpProfile) -> tuple[bytes, bytes]:
    """What the client sends with, and what it receives with (RFC 5764 section 4.2)."""
    sizes = SIZES[profile]
    material = client._ssl.export_keying_material(  # type: ignore[union-attr]  # connected
        b"EXTRACTOR-dtls_srtp", 2 * (sizes.key_length + sizes.salt_length)
    )
    return sizes.get_key_and_salt(material, 0), sizes.get_key_and_salt(material, 1)


@pytest.mark.parametrize("profile", list(SrtpProfile))
async def test_both_ends_hold_the_same_keys(profile: SrtpProfile) -> None:
    pair = make_pair()
    pair.client._srtp_profiles = [SIZES[profile]]
    keys = await connect(pair)
    sends_with, receives_with = keys_of_client(pair.client, profile)
    assert keys.profile is profile
    assert (keys.rx_key, keys.tx_key) == (sends_with, receives_with)
    assert len(keys.rx_key) == SIZES[profile].key_length + SIZES[profile].salt_length
    assert keys.dtls_version == "DTLSv1.2"
    await end(pair)


async def test_we_choose_gcm_128_from_a_browsers_list() -> None:
    pair = make_pair()
    pair.client._srtp_profiles = [SIZES[CM_SHA1], SIZES[GCM_256], SIZES[GCM_128]]
    assert (await connect(pair)).profile is GCM_128
    await end(pair)


async def test_keys_do_not_show_in_repr() -> None:
    pair = make_pair()
    keys = await connect(pair)
    assert keys.rx_key.hex() not in repr(keys) and repr(keys.rx_key) not in repr(keys)
    await end(pair)


async def test_aiortc_holds_no_srtp_session_of_ours() -> None:
    pair = make_pair()
    await connect(pair)
    assert pair.endpoint._association._rx_srtp is None
    assert pair.endpoint._association._tx_srtp is None
    await end(pair)


async def test_all_endpoints_share_one_context() -> None:
    pairs = [make_pair(), make_pair()]
    for pair in pairs:
        await connect(pair)
    first, second = (p.endpoint._association._ssl.get_context() for p in pairs)  # type: ignore[union-attr]  # connected
    assert first is second
    for pair in pairs:
        await end(pair)


async def test_no_srtp_profile_in_common() -> None:
    certificate = new_client_certificate()
    certificate.srtp = False
    pair = make_pair(certificate=certificate)
    client = pair.start_client()
    with pytest.raises(DtlsFailure) as failure:
        await pair.endpoint.handshake(DEADLINE_S)
    assert failure.value.reason is DtlsFailureReason.NO_SRTP_PROFILE
    await client
    await end(pair)


# ---- a client hello in several datagrams, and what networks do to datagrams -----------------------


@pytest.mark.parametrize("backwards", [False, True])
async def test_client_hello_in_two_datagrams_in_either_order(backwards: bool) -> None:
    """As today's browsers send it: the key share of X25519MLKEM768 does not fit in one."""

    def up(datagram: bytes) -> list[bytes]:
        if datagram[13] != 1 or datagram[3:5] != bytes(2):
            return [with_sequence(datagram, sequence_of(datagram) + 1)]
        parts = in_two_fragments(datagram)
        return parts[::-1] if backwards else parts

    pair = make_pair(wire=Wire(up=up))
    assert (await connect(pair)).rx_key
    assert len(pair.wire.seen_up) == 2, "nothing had to be repeated"
    await end(pair)


def sequence_of(datagram: bytes) -> int:
    return int.from_bytes(datagram[5:11], "big")


def with_sequence(datagram: bytes, sequence: int) -> bytes:
    """Renumber the clear records of a datagram from ``sequence`` on; sealed ones stay."""
    out = b""
    for record in records_of(datagram):
        octets = datagram[record.start : record.end]
        if record.epoch == 0:
            octets = octets[:5] + sequence.to_bytes(6, "big") + octets[11:]
            sequence += 1
        out += octets
    return out


def in_two_fragments(hello: bytes) -> list[bytes]:
    """One ClientHello record as two handshake fragments (RFC 6347 section 4.2.3)."""
    head, message, body = hello[:11], hello[13:25], hello[25:]
    middle = len(body) // 2
    parts = []
    for start, part in ((0, body[:middle]), (middle, body[middle:])):
        offset = start.to_bytes(3, "big") + len(part).to_bytes(3, "big")
        fragment = message[:6] + offset + part
        record = head + len(fragment).to_bytes(2, "big") + fragment
        parts.append(with_sequence(record, 0 if start == 0 else 1))
    return parts


def losing(number: int) -> Callable[[bytes], list[bytes]]:
    seen = 0

    def lose(datagram: bytes) -> list[bytes]:
        nonlocal seen
        seen += 1
        return [] if seen == number else [datagram]

    return lose


async def test_each_lost_datagram_heals() -> None:
    """The client's ClientHello and last flight, our flight and our last one. About a second each:
    OpenSSL's first timer, on whichever side has to repeat; so all at once."""
    wires = [Wire(up=losing(n)) for n in (1, 2)] + [Wire(down=losing(n)) for n in (1, 2)]
    pairs = [make_pair(wire=wire) for wire in wires]
    found = await asyncio.gather(*(connect(pair) for pair in pairs))
    assert all(keys.rx_key for keys in found)
    assert [len(w.seen_up) for w in wires] == [3, 3, 3, 3], "each repeated exactly once"
    for pair in pairs:
        await end(pair)


async def test_our_own_timer_heals_a_lost_flight() -> None:
    """The client says its hello once and then only waits, so ours is the timer that must fire."""
    pair = make_pair(wire=Wire(down=losing(1)))
    client = pair.start_client()
    async with asyncio.timeout(DEADLINE_S):
        waiting = asyncio.create_task(pair.endpoint.handshake(DEADLINE_S))
        while not pair.wire.seen_up:
            await asyncio.sleep(0)
        pair.wire.up = lambda d: [] if d[13] == 1 else [d]
        keys = await waiting
        await client
    assert keys.rx_key
    await end(pair)


async def test_a_repeated_hello_is_answered_at_once_with_the_same_bytes() -> None:
    pair = make_pair(wire=Wire(down=lambda d: []))
    client = pair.start_client()
    handshake = asyncio.create_task(pair.endpoint.handshake(DEADLINE_S))
    await until(lambda: len(pair.wire.seen_down) == 1)
    hello, flight = pair.wire.seen_up[0], pair.wire.seen_down[0]
    for _ in range(20):
        pair.endpoint.receive(hello)
    await until(lambda: len(pair.wire.seen_down) >= 9)
    await pair.endpoint.close()
    with pytest.raises(DtlsFailure):
        await handshake
    repeats = [d for d in pair.wire.seen_down[1:] if d == flight]
    assert len(repeats) == 8, "as many as FLIGHT_REPEATS, however often it is asked"
    client.cancel()


async def test_reordered_and_doubled_datagrams() -> None:
    held: list[bytes] = []

    def late_by_one(datagram: bytes) -> list[bytes]:
        held.append(datagram)
        if len(held) % 2:
            return []
        return [datagram, datagram, held[-2]]

    pair = make_pair(wire=Wire(up=late_by_one))
    pair.client.mtu_bytes = 300
    assert (await connect(pair)).rx_key
    await end(pair)


async def test_our_datagrams_fit_the_smallest_mtu_and_hold_whole_records() -> None:
    pair = make_pair()
    await connect(pair)
    for datagram in pair.wire.seen_down:
        assert len(datagram) <= MTU_BYTES
        assert records_of(datagram)
    await end(pair)


# ---- endings --------------------------------------------------------------------------------------


async def test_timeout_when_nobody_comes() -> None:
    pair = make_pair()
    with pytest.raises(DtlsFailure) as failure:
        await pair.endpoint.handshake(0.01)
    assert failure.value.reason is DtlsFailureReason.TIMEOUT
    assert pair.wire.seen_down == [], "the passive side says nothing first"
    await pair.endpoint.close()


async def test_timeout_in_the_middle() -> None:
    pair = make_pair(wire=Wire(down=lambda d: []))
    client = pair.start_client()
    with pytest.raises(DtlsFailure) as failure:
        await pair.endpoint.handshake(0.1)
    assert failure.value.reason is DtlsFailureReason.TIMEOUT
    client.cancel()
    await pair.endpoint.close()


async def test_close_ends_a_handshake_under_way() -> None:
    pair = make_pair()
    handshake = asyncio.create_task(pair.endpoint.handshake(DEADLINE_S))
    await asyncio.sleep(0)
    await pair.endpoint.close()
    with pytest.raises(DtlsFailure) as failure:
        await handshake
    assert failure.value.reason is DtlsFailureReason.CLOSED


async def test_close_before_and_handshake_after() -> None:
    pair = make_pair()
    await pair.endpoint.close()
    await pair.endpoint.close()
    with pytest.raises(DtlsFailure) as failure:
        await pair.endpoint.handshake(DEADLINE_S)
    assert failure.value.reason is DtlsFailureReason.CLOSED


async def test_a_second_handshake_gives_no_keys() -> None:
    pair = make_pair()
    await connect(pair)
    with pytest.raises(DtlsFailure):
        await pair.endpoint.handshake(DEADLINE_S)
    await end(pair)


async def test_close_tells_the_client() -> None:
    pair = make_pair()
    await connect(pair)
    before = len(pair.wire.seen_down)
    await pair.endpoint.close()
    (goodbye,) = pair.wire.seen_down[before:]
    assert goodbye[0] == 21, "an alert: close_notify"
    await until(lambda: pair.client.state == "closed")


async def test_run_data_returns_when_the_client_leaves() -> None:
    pair = make_pair()
    await connect(pair)
    async with asyncio.timeout(DEADLINE_S):
        running = asyncio.create_task(pair.endpoint.run_data())
        await pair.client.stop()
        await running
    await pair.endpoint.close()


async def test_run_data_returns_when_we_close() -> None:
    pair = make_pair()
    await connect(pair)
    running = asyncio.create_task(pair.endpoint.run_data())
    await asyncio.sleep(0)
    await pair.endpoint.close()
    async with asyncio.timeout(DEADLINE_S):
        await running
    await pair.client.stop()


async def test_nothing_is_sent_after_close() -> None:
    pair = make_pair()
    await connect(pair)
    await end(pair)
    before = len(pair.wire.seen_down)
    pair.endpoint.receive(pair.wire.seen_up[-1])
    assert pair.endpoint.send_data(b"late") is False
    assert len(pair.wire.seen_down) == before


# ---- bounds ---------------------------------------------------------------------------------------


async def test_queue_is_bounded() -> None:
    pair = make_pair()
    record = bytes([22, 0xFE, 0xFD, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1])
    for _ in range(QUEUE_DATAGRAMS + 5):
        pair.endpoint.receive(record)
    assert pair.endpoint.counters == {"dtls_queue_full": 5}
    await pair.endpoint.close()


@pytest.mark.parametrize(
    "datagram",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"\x16", id="one-byte"),
        pytest.param(bytes(13), id="zeroes"),
        pytest.param(bytes([128, 96]) + bytes(30), id="rtp"),
        pytest.param(bytes([0, 1]) + bytes(18), id="stun"),
        pytest.param(bytes([22, 3, 3]) + bytes(8) + bytes([0, 1, 1]), id="tls-not-dtls"),
        pytest.param(bytes([22, 254, 253]) + bytes(8) + bytes([0, 2, 1]), id="cut-short"),
        pytest.param(bytes([22, 254, 253]) + bytes(8) + bytes([0, 1, 1, 0]), id="tail"),
        pytest.param(bytes([22, 254, 253]) + bytes(8) + bytes([0, 0]), id="no-payload"),
        pytest.param(bytes([22, 254, 253]) + bytes(8) + bytes([8, 0]) + bytes(2048), id="oversize"),
        pytest.param(bytes([24, 254, 253]) + bytes(8) + bytes([0, 1, 1]), id="heartbeat"),
    ],
)
async def test_what_is_not_dtls_never_reaches_the_library(datagram: bytes) -> None:
    pair = make_pair()
    pair.endpoint.receive(datagram)
    assert pair.endpoint.counters == {"dtls_malformed": 1}
    assert pair.endpoint._feed._waiting.empty()
    await pair.endpoint.close()


async def test_a_handshake_that_never_gets_anywhere_is_cut() -> None:
    pair = make_pair()
    handshake = asyncio.create_task(pair.endpoint.handshake(DEADLINE_S))
    record = bytes([22, 0xFE, 0xFD]) + bytes(8) + bytes([0, 12, 2]) + bytes(11)
    for _ in range(HANDSHAKE_DATAGRAMS + 1):
        pair.endpoint.receive(record)
        await asyncio.sleep(0)
    with pytest.raises(DtlsFailure) as failure:
        await handshake
    assert failure.value.reason is DtlsFailureReason.HANDSHAKE_FAILED
    await pair.endpoint.close()


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(DEADLINE_S):
        while not condition():
            await asyncio.sleep(0.001)


async def test_server_certificate_is_p256_and_fresh() -> None:
    other = type(SERVER).generate()
    assert other.fingerprint != SERVER.fingerprint
    assert SERVER.rtc._key.curve.name == "secp256r1"
