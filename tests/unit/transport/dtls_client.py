"""A real DTLS client (aiortc's own transport) joined to a ``DtlsEndpoint`` by two functions.

Nothing here waits for time to pass: datagrams move when they are sent. A ``Wire`` may lose,
repeat, hold back or change what crosses it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

from aiortc.rtcdtlstransport import (
    RTCCertificate,
    RTCDtlsFingerprint,
    RTCDtlsParameters,
    RTCDtlsTransport,
    SRTPProtectionProfile,
)
from OpenSSL import SSL

from sfu.transport.dtls import Certificate, DtlsEndpoint
from sfu.transport.records import datagrams_of

Filter = Callable[[bytes], list[bytes]]


def straight(datagram: bytes) -> list[bytes]:
    """A perfect wire."""
    return [datagram]


@dataclass(slots=True)
class Wire:
    """What happens to datagrams on the way, and what was seen of them."""

    up: Filter = straight
    down: Filter = straight
    seen_up: list[bytes] = field(default_factory=list)
    seen_down: list[bytes] = field(default_factory=list)


class ClientIce:
    """Just enough of an ICE transport for aiortc."""

    role = "controlling"
    state = "completed"

    def __init__(self, send: Callable[[bytes], None]) -> None:
        self.arrived: asyncio.Queue[bytes] = asyncio.Queue()
        self._pass_on = send

    async def _recv(self) -> bytes:
        return await self.arrived.get()

    async def _send(self, datagram: bytes) -> None:
        self._pass_on(datagram)


class ClientCertificate(RTCCertificate):
    """A certificate whose context a test can weaken before it is used."""

    srtp = True
    shown = True

    def _create_ssl_context(self, srtp_profiles: list[SRTPProtectionProfile]) -> SSL.Context:
        if self.shown and self.srtp:
            context = super()._create_ssl_context(srtp_profiles)
        else:
            context = SSL.Context(SSL.DTLS_METHOD)
            context.set_verify(SSL.VERIFY_NONE)
            if self.shown:
                context.use_certificate(self._cert)
                context.use_privatekey(self._key)
            if self.srtp:
                context.set_tlsext_use_srtp(b":".join(p.openssl_profile for p in srtp_profiles))
        context.set_options(SSL.OP_NO_QUERY_MTU)
        return context


class Client(RTCDtlsTransport):
    """aiortc as the DTLS client, with an MTU that a test may make small."""

    mtu_bytes = 1200
    early: bytes | None = None
    """Application bytes to send together with the last flight."""

    async def _do_handshake(self) -> None:
        self._ssl.set_ciphertext_mtu(self.mtu_bytes)  # type: ignore[union-attr]  # made by start()
        await super()._do_handshake()

    async def _write_ssl(self) -> None:
        try:
            written = self._ssl.bio_read(2**16)  # type: ignore[union-attr]  # as above
        except SSL.Error:
            return
        for datagram in datagrams_of(written, self.mtu_bytes):
            await self.transport._send(datagram)


@dataclass(slots=True)
class Pair:
    """Both ends and the wire between them."""

    endpoint: DtlsEndpoint
    client: Client
    wire: Wire
    server_certificate: Certificate

    def start_client(self) -> asyncio.Task[None]:
        """Let the client connect. It verifies our fingerprint, as a browser does."""
        lines = [RTCDtlsFingerprint("sha-256", self.server_certificate.fingerprint)]
        return asyncio.create_task(self.client.start(RTCDtlsParameters(fingerprints=lines)))


def new_client_certificate() -> ClientCertificate:
    """A fresh one."""
    return ClientCertificate.generateCertificate()


def sha256_of(certificate: RTCCertificate) -> str:
    """Its fingerprint as an offer says it."""
    (value,) = (f.value for f in certificate.getFingerprints() if f.algorithm == "sha-256")
    return value


SERVER = Certificate.generate()


def make_pair(
    *,
    certificate: ClientCertificate | None = None,
    fingerprints: tuple[tuple[str, str], ...] | None = None,
    wire: Wire | None = None,
    data_channel_port: int | None = None,
) -> Pair:
    """Two ends that have not begun. By default the offer's fingerprint is the client's."""
    certificate = certificate or new_client_certificate()
    wire = wire or Wire()
    if fingerprints is None:
        fingerprints = (("sha-256", sha256_of(certificate)),)

    def to_client(datagram: bytes) -> None:
        wire.seen_down.append(datagram)
        for each in wire.down(datagram):
            ice.arrived.put_nowait(each)

    def to_server(datagram: bytes) -> None:
        wire.seen_up.append(datagram)
        for each in wire.up(datagram):
            endpoint.receive(each)

    ice = ClientIce(to_server)
    endpoint = DtlsEndpoint(
        certificate=SERVER,
        fingerprints=fingerprints,
        send=to_client,
        data_channel_port=data_channel_port,
    )
    client = Client(ice, [certificate])  # type: ignore[arg-type]  # duck-typed, as in the server
    client._set_role("client")
    return Pair(endpoint=endpoint, client=client, wire=wire, server_certificate=SERVER)
