"""The media port's sockets: what cannot leave is told, what floods in waits its turn."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator

import pytest

from sfu.base.errors import PlaneError
from sfu.base.ids import TransportId
from sfu.plane.port import Count, DropReason, SendDtls, SocketAddress
from sfu.plane.reference.ice import Pair
from sfu.plane.reference.plane import ReferencePlane
from sfu.plane.reference.sockets import BURST, READ_BYTES, MediaSockets
from tests.plane.client import until
from tests.plane.stage import Stage

LOOPBACK = SocketAddress(host="127.0.0.1", port=0)


class Port:
    """Two media sockets, what came to them, and a stranger's socket."""

    def __init__(self) -> None:
        self.came: list[tuple[bytes, Pair]] = []
        self.sockets = MediaSockets(lambda datagram, pair: self.came.append((datagram, pair)))
        self.bound: tuple[SocketAddress, ...] = ()
        self.stranger = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.stranger.bind(("127.0.0.1", 0))
        self.stranger.settimeout(2.0)

    def throw(self, index: int, datagram: bytes) -> None:
        """A datagram for the socket with this index."""
        self.stranger.sendto(datagram, ("127.0.0.1", self.bound[index].port))


@pytest.fixture
async def port() -> AsyncIterator[Port]:
    port = Port()
    port.bound = await port.sockets.bind([LOOPBACK, LOOPBACK])
    yield port
    port.sockets.close()
    port.stranger.close()


async def test_a_datagram_comes_with_its_pair_and_is_answered_from_there(port: Port) -> None:
    port.throw(1, b"hello")
    await until(lambda: port.came)
    ((datagram, pair),) = port.came
    assert (datagram, pair) == (b"hello", (1, port.stranger.getsockname()))
    assert port.sockets.send(b"hello back", pair)
    assert port.stranger.recvfrom(100) == (b"hello back", ("127.0.0.1", port.bound[1].port))


@pytest.mark.parametrize("size", [0, 1, READ_BYTES, READ_BYTES + 1, 60_000])
async def test_datagrams_of_any_size_arrive(port: Port, size: int) -> None:
    port.throw(0, bytes(size))
    await until(lambda: port.came)
    assert len(port.came[0][0]) == min(size, READ_BYTES)


@pytest.mark.parametrize(
    ("datagram", "pair"),
    [
        pytest.param(b"x", (7, ("127.0.0.1", 9)), id="no-such-socket"),
        pytest.param(b"x", (0, ("127.0.0.1", 0)), id="port-0"),
        pytest.param(bytes(66_000), (0, ("127.0.0.1", 9)), id="longer-than-udp"),
        pytest.param(b"x", (0, ("255.255.255.255", 9)), id="broadcast-is-not-allowed"),
    ],
)
async def test_what_the_system_refuses_is_told_and_nothing_raises(
    port: Port, datagram: bytes, pair: Pair
) -> None:
    assert not port.sockets.send(datagram, pair)


async def test_a_flood_at_one_socket_does_not_hold_up_the_other(port: Port) -> None:
    for _ in range(3 * BURST):
        port.throw(0, b"flood")
    port.throw(1, b"call")
    await until(lambda: len(port.came) == 3 * BURST + 1)
    order = [pair[0] for _, pair in port.came]
    assert order.index(1) <= 2 * BURST


async def test_nothing_is_read_or_sent_after_closing(port: Port) -> None:
    port.throw(0, b"early")
    await until(lambda: port.came)
    port.throw(0, b"late")
    port.sockets.close()
    port.sockets.close()
    await asyncio.sleep(0)
    assert len(port.came) == 1
    assert not port.sockets.send(b"x", port.came[0][1])


async def test_closing_while_a_burst_is_read_ends_the_burst(port: Port) -> None:
    came: list[bytes] = []

    def take(datagram: bytes, pair: Pair) -> None:
        came.append(datagram)
        sockets.close()

    sockets = MediaSockets(take)
    (bound,) = await sockets.bind([LOOPBACK])
    for _ in range(5):
        port.stranger.sendto(b"x", (bound.host, bound.port))
    await until(lambda: came)
    await asyncio.sleep(0)
    assert came == [b"x"]


async def test_all_are_bound_or_none(port: Port) -> None:
    sockets = MediaSockets(lambda *_: None)
    with pytest.raises(PlaneError, match=f"127.0.0.1 port {port.bound[0].port} "):
        await sockets.bind([LOOPBACK, port.bound[0]])
    assert not sockets.send(b"x", (0, ("127.0.0.1", 9)))


async def test_what_cannot_be_sent_is_counted_as_that() -> None:
    stage = Stage(ReferencePlane())
    await stage.start()
    client = await stage.join()
    before = stage.count(Count.PACKETS_OUT)
    stage.apply(SendDtls(transport=TransportId(client.transport), datagram=bytes(66_000)))
    assert stage.drops(DropReason.SEND_FAILED) == 1
    assert stage.count(Count.PACKETS_OUT) == before
    await stage.stop()
