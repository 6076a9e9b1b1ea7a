"""UDP sockets of the media port: one a configured address, so that answers leave from there."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Sequence

from sfu.base.errors import PlaneError
from sfu.plane.port import SocketAddress
from sfu.plane.reference.ice import Pair, Remote

BUFFER_BYTES = 4 * 1024 * 1024
"""Wanted for each socket. The system's default of 212 kB loses packets in bursts of a few
milliseconds (PERFORMANCE section 5)."""

OnDatagram = Callable[[bytes, Pair], None]


class _Receiver(asyncio.DatagramProtocol):
    def __init__(self, index: int, on_datagram: OnDatagram) -> None:
        self._index = index
        self._on_datagram = on_datagram

    def datagram_received(self, data: bytes, addr: Remote) -> None:
        self._on_datagram(data, (self._index, addr))

    def error_received(self, exc: Exception) -> None:
        """ICMP errors about somebody who went away; the consent timer deals with them."""


class MediaSockets:
    """Bound sockets, told apart by index."""

    def __init__(self, on_datagram: OnDatagram) -> None:
        self._on_datagram = on_datagram
        self._transports: list[asyncio.DatagramTransport] = []
        self.small_buffer_bytes: int | None = None
        """What a socket got where it got less than wanted; None when all is well."""

    async def bind(self, addresses: Sequence[SocketAddress]) -> tuple[SocketAddress, ...]:
        """Bind all addresses or none.

        Raises:
            PlaneError: an address cannot be bound.
        """
        bound = []
        for index, address in enumerate(addresses):
            try:
                bound.append(await self._bind_one(index, address))
            except OSError as error:
                self.close()
                where = f"{address.host} port {address.port} (UDP)"
                raise PlaneError(f"cannot bind {where}: {error.strerror or error}") from error
        return tuple(bound)

    def send(self, datagram: bytes, pair: Pair) -> bool:
        """Send without waiting. False when the socket is closed or refuses."""
        index, remote = pair
        transport = self._transports[index] if index < len(self._transports) else None
        if transport is None or transport.is_closing():
            return False
        try:
            transport.sendto(datagram, remote)
        except OSError:
            return False
        return True

    def close(self) -> None:
        """Close all. Idempotent."""
        for transport in self._transports:
            transport.close()
        self._transports.clear()

    async def _bind_one(self, index: int, address: SocketAddress) -> SocketAddress:
        family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
        plain = socket.socket(family, socket.SOCK_DGRAM)
        plain.setblocking(False)
        try:
            if family == socket.AF_INET6:
                plain.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            self._enlarge(plain)
            plain.bind((address.host, address.port))
        except OSError:
            plain.close()
            raise
        loop = asyncio.get_running_loop()
        transport, _ = await loop.create_datagram_endpoint(
            lambda: _Receiver(index, self._on_datagram), sock=plain
        )
        self._transports.append(transport)
        port: int = plain.getsockname()[1]
        return SocketAddress(host=address.host, port=port)

    def _enlarge(self, plain: socket.socket) -> None:
        for option in (socket.SO_RCVBUF, socket.SO_SNDBUF):
            plain.setsockopt(socket.SOL_SOCKET, option, BUFFER_BYTES)
            got = plain.getsockopt(socket.SOL_SOCKET, option) // 2  # Linux reports twice the size
            if got < BUFFER_BYTES:
                self.small_buffer_bytes = min(got, self.small_buffer_bytes or got)
