"""A client over a real UDP socket: answers nothing by itself, records all that comes."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import cast

import pylibsrtp

from sfu.base.ids import TransportId
from sfu.plane.port import SocketAddress, SrtpProfile
from sfu.wire.demux import DatagramKind, classify
from sfu.wire.rtcp import RtcpPacket, parse_compound
from sfu.wire.rtp import RtpPacket, parse_rtp
from sfu.wire.stun import binding_request

DEADLINE_S = 3.0
POLL_S = 0.002

PROFILES = {
    SrtpProfile.AEAD_AES_128_GCM: (pylibsrtp.Policy.SRTP_PROFILE_AEAD_AES_128_GCM, 28),
    SrtpProfile.AEAD_AES_256_GCM: (pylibsrtp.Policy.SRTP_PROFILE_AEAD_AES_256_GCM, 44),
    SrtpProfile.AES128_CM_HMAC_SHA1_80: (pylibsrtp.Policy.SRTP_PROFILE_AES128_CM_SHA1_80, 30),
}


async def until(condition: Callable[[], object], deadline_s: float = DEADLINE_S) -> None:
    """Let the loop run until the condition holds; fail when it does not in time."""
    end_s = time.monotonic() + deadline_s
    while not condition():
        if time.monotonic() > end_s:
            raise AssertionError(f"not within {deadline_s} s")
        await asyncio.sleep(POLL_S)


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrived:
    """One RTP packet that the plane sent us, decrypted."""

    packet: RtpPacket
    at_s: float


@dataclass(slots=True, kw_only=True)
class Inbox:
    """What one socket got, by kind, in order."""

    rtp: list[Arrived] = field(default_factory=list)
    rtcp: list[RtcpPacket] = field(default_factory=list)
    stun: list[bytes] = field(default_factory=list)
    dtls: list[bytes] = field(default_factory=list)
    broken: list[bytes] = field(default_factory=list)
    datagrams: int = 0


class Socket(asyncio.DatagramProtocol):
    """A socket that belongs to a client, or to a stranger when it has no keys."""

    def __init__(self, session: pylibsrtp.Session | None) -> None:
        self.inbox = Inbox()
        self._session = session
        self._transport: asyncio.DatagramTransport | None = None

    @staticmethod
    async def open(plane: SocketAddress, session: pylibsrtp.Session | None = None) -> Socket:
        """Bind a free port, aimed at the plane."""
        loop = asyncio.get_running_loop()
        _, protocol = await loop.create_datagram_endpoint(
            lambda: Socket(session), remote_addr=(plane.host, plane.port)
        )
        return protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.DatagramTransport", transport)  # it is a datagram endpoint

    def send(self, datagram: bytes) -> None:
        """Send bytes as they are."""
        assert self._transport is not None
        self._transport.sendto(datagram)

    def close(self) -> None:
        """Close it."""
        if self._transport is not None:
            self._transport.close()

    @property
    def address(self) -> tuple[str, int]:
        """Our address, as the plane sees it on loopback."""
        assert self._transport is not None
        host, port = self._transport.get_extra_info("sockname")[:2]
        return host, port

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self.inbox.datagrams += 1
        kind = classify(data)
        if kind is DatagramKind.STUN:
            self.inbox.stun.append(data)
        elif kind is DatagramKind.DTLS:
            self.inbox.dtls.append(data)
        elif self._session is None:
            self.inbox.broken.append(data)
        else:
            self._open(data, kind)

    def _open(self, datagram: bytes, kind: DatagramKind) -> None:
        assert self._session is not None
        try:
            if kind is DatagramKind.RTP:
                packet = parse_rtp(self._session.unprotect(datagram))
                self.inbox.rtp.append(Arrived(packet=packet, at_s=time.monotonic()))
                return
            packets, bad = parse_compound(self._session.unprotect_rtcp(datagram))
        except pylibsrtp.Error:
            self.inbox.broken.append(datagram)
            return
        self.inbox.rtcp.extend(packets)
        if bad:
            self.inbox.broken.append(datagram)


class Client:
    """One participant's transport, seen from outside."""

    def __init__(self, transport: TransportId, profile: SrtpProfile) -> None:
        number, size = PROFILES[profile]
        self.transport = transport
        self.profile = profile
        self.ufrag, self.pwd, self.remote_ufrag = f"s{transport:03d}", "p" * 21 + f"{transport:03d}", "cccc"
        self.to_plane, self.from_plane = os.urandom(size), os.urandom(size)
        self.sealer = self._session(number, self.to_plane, pylibsrtp.Policy.SSRC_ANY_OUTBOUND)
        self.opener = self._session(number, self.from_plane, pylibsrtp.Policy.SSRC_ANY_INBOUND)
        self.socket = Socket(None)

    @staticmethod
    def _session(profile: int, key: bytes, direction: int) -> pylibsrtp.Session:
        policy = pylibsrtp.Policy(key=key, ssrc_type=direction, srtp_profile=profile)
        policy.allow_repeat_tx = True
        policy.window_size = 1024
        return pylibsrtp.Session(policy)

    @property
    def inbox(self) -> Inbox:
        """What came to the socket in use."""
        return self.socket.inbox

    def check(
        self,
        *,
        username: str | None = None,
        password: str | None = None,
        nominate: bool = True,
        controlling: int | None = 7,
    ) -> bytes:
        """A connectivity check; right unless told otherwise."""
        return binding_request(
            username or f"{self.ufrag}:{self.remote_ufrag}",
            (password or self.pwd).encode(),
            transaction_id=os.urandom(12),
            use_candidate=nominate,
            controlling_tiebreaker=controlling,
        )

    async def connect(self, plane: SocketAddress) -> Socket:
        """Open a socket, nominate it, wait for the answer; media leaves from here afterwards."""
        self.socket = await Socket.open(plane, self.opener)
        await self.recheck()
        return self.socket

    async def recheck(self) -> None:
        """Send a right check on the socket in use and wait for its answer."""
        answered = len(self.inbox.stun)
        self.socket.send(self.check())
        await until(lambda: len(self.inbox.stun) > answered)

    def send_rtp(self, datagram: bytes) -> bytes:
        """Seal and send; returns what went over the wire."""
        sealed: bytes = self.sealer.protect(datagram)
        self.socket.send(sealed)
        return sealed

    def send_rtcp(self, datagram: bytes) -> bytes:
        """Seal and send a (compound) RTCP datagram."""
        sealed: bytes = self.sealer.protect_rtcp(datagram)
        self.socket.send(sealed)
        return sealed

    def rtp(self, ssrc: int) -> list[RtpPacket]:
        """The packets that came on one SSRC, in order of arrival."""
        return [arrived.packet for arrived in self.inbox.rtp if arrived.packet.ssrc == ssrc]
