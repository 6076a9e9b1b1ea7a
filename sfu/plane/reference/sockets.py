"""The media port: one UDP socket a configured address, so that answers leave from there.

Plain non-blocking sockets under the loop's ``add_reader``, not datagram transports: those queue what the
system does not take at once, without a bound, and tell nobody when a send fails. Here what does not leave
at once is dropped and counted; media is late a moment later anyway.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Sequence

from sfu.base.errors import PlaneError
from sfu.plane.port import SocketAddress
from sfu.plane.reference.ice import Pair

BUFFER_BYTES = 4 * 1024 * 1024
"""Wanted for each socket. The system's default of 212 kB loses packets in bursts of a few
milliseconds (PERFORMANCE section 5)."""

BURST = 16
"""Datagrams read from one socket before the others, and the timers, have their turn. Lower: more turns of
the loop a packet; higher: a flood at one address holds up the rest for longer (16 cost some 2 ms in
a meeting of four). Frames come as 1 to 7 packets: 16 and 64 were measured to cost the same."""

READ_BYTES = 2048
"""More than any datagram we take: a longer one is cut, and still seen to be too long."""

OnDatagram = Callable[[bytes, Pair], None]


class MediaSockets:
    """Bound sockets, told apart by index."""

    def __init__(self, on_datagram: OnDatagram) -> None:
        self._on_datagram = on_datagram
        self._sockets: list[socket.socket] = []
        self._loop: asyncio.AbstractEventLoop | None = None
        self.small_buffer_bytes: int | None = None
        """What a socket got where it got less than wanted; None when all is well."""

    async def bind(self, addresses: Sequence[SocketAddress]) -> tuple[SocketAddress, ...]:
        """Bind all addresses or none, and read from now on.

        Raises:
            PlaneError: an address cannot be bound.
        """
        self._loop = asyncio.get_running_loop()
        bound = []
        for address in addresses:
            try:
                bound.append(self._bind_one(address))
            except OSError as error:
                self.close()
                where = f"{address.host} port {address.port} (UDP)"
                raise PlaneError(f"cannot bind {where}: {error.strerror or error}") from error
        for index, plain in enumerate(self._sockets):
            self._loop.add_reader(plain.fileno(), self._drain, index, plain)
        return tuple(bound)

    def send(self, datagram: bytes, pair: Pair) -> bool:
        """Send without waiting. False when the system does not take it, or the socket is closed."""
        index, remote = pair
        try:
            self._sockets[index].sendto(datagram, remote)
        except (OSError, IndexError):
            return False
        return True

    def close(self) -> None:
        """Close all. Idempotent; nothing is read after it."""
        for plain in self._sockets:
            if self._loop is not None:
                self._loop.remove_reader(plain.fileno())
            plain.close()
        self._sockets.clear()

    def _drain(self, index: int, plain: socket.socket) -> None:
        for _ in range(BURST):
            try:
                datagram, remote = plain.recvfrom(READ_BYTES)
            except OSError:
                # Nothing more; or closed by what the last datagram caused; or an ICMP error about
                # somebody who went away, which is the consent timer's business.
                return
            self._on_datagram(datagram, (index, remote))

    def _bind_one(self, address: SocketAddress) -> SocketAddress:
        family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
        plain = socket.socket(family, socket.SOCK_DGRAM)
        try:
            plain.setblocking(False)
            if family == socket.AF_INET6:
                plain.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            self._enlarge(plain)
            plain.bind((address.host, address.port))
        except OSError:
            plain.close()
            raise
        self._sockets.append(plain)
        port: int = plain.getsockname()[1]
        return SocketAddress(host=address.host, port=port)

    def _enlarge(self, plain: socket.socket) -> None:
        for option in (socket.SO_RCVBUF, socket.SO_SNDBUF):
            plain.setsockopt(socket.SOL_SOCKET, option, BUFFER_BYTES)
            got = plain.getsockopt(socket.SOL_SOCKET, option) // 2  # Linux reports twice the size
            if got < BUFFER_BYTES:
                self.small_buffer_bytes = min(got, self.small_buffer_bytes or got)
