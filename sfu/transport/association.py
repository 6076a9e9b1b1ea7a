"""aiortc's DTLS transport, cut down to what faces a remote here. Private to ``sfu.transport``.

What is replaced, and why: reading (theirs handles one record a datagram and would take RTP),
writing (theirs sends at most 1500 bytes of a flight), the identity check (theirs wants every
line to match), and the set-up of SRTP (keys leave for the plane; no SRTP session is made here).
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import cast

from aiortc import rtcdtlstransport as library
from aiortc.rtcdtlstransport import RTCDtlsFingerprint, RTCDtlsParameters, State
from aiortc.rtcicetransport import RTCIceTransport
from OpenSSL import SSL

from sfu.base.errors import SfuError
from sfu.plane.port import SrtpProfile
from sfu.transport.certificate import Certificate
from sfu.transport.fingerprints import matches
from sfu.transport.records import datagrams_of, is_client_hello, records_of

QUEUE_DATAGRAMS = 64
# Lower: a burst of data-channel packets is lost while the loop is busy and SCTP sends it again.
# Higher: a flood costs more memory (64 x 2 kB) before it is dropped.

MTU_BYTES = 1200
"""Largest datagram we make: fits IPv6's minimum of 1280 with IP, UDP and TURN headers."""

HANDSHAKE_DATAGRAMS = 256
# An honest handshake takes 4 to 10, with loss and fragments a few dozen. Bounds what a remote can
# make OpenSSL parse and buffer before it has proved anything.

FLIGHT_REPEATS = 8
# OpenSSL sends a lost flight again after 1, 2, 4 s. A browser whose ClientHello goes unanswered
# asks after 50, 100, 200 ms: answering it with the same bytes heals a lost flight in one RTT.

EXPORTER_LABEL = b"EXTRACTOR-dtls_srtp"  # RFC 5764 section 4.2

_PROFILES = {
    SrtpProfile.AEAD_AES_128_GCM: library.SRTP_AEAD_AES_128_GCM,
    SrtpProfile.AEAD_AES_256_GCM: library.SRTP_AEAD_AES_256_GCM,
    SrtpProfile.AES128_CM_HMAC_SHA1_80: library.SRTP_AES128_CM_SHA1_80,
}
"""In our order of preference; as the DTLS server we choose."""


class DtlsFailureReason(StrEnum):
    """Why a handshake gave no keys. Same names in metrics."""

    FINGERPRINT_MISMATCH = "fingerprint_mismatch"
    NO_CERTIFICATE = "no_certificate"
    HANDSHAKE_FAILED = "handshake_failed"
    TIMEOUT = "timeout"
    NO_SRTP_PROFILE = "no_srtp_profile"
    CLOSED = "closed"


class DtlsFailure(SfuError):
    """This participant's handshake failed; the participant must try again from the start."""

    def __init__(self, reason: DtlsFailureReason) -> None:
        super().__init__(f"DTLS: {reason.value}")
        self.reason = reason


@dataclass(frozen=True, slots=True, kw_only=True)
class DtlsKeys:
    """Master key and salt of both directions, as ``SetKeys`` of the plane wants them."""

    profile: SrtpProfile
    rx_key: bytes = field(repr=False)
    """What the participant seals with."""
    tx_key: bytes = field(repr=False)
    dtls_version: str
    """Such as ``DTLSv1.2``."""


class DatagramFeed:
    """The ICE transport that aiortc believes to be on: a bounded queue in, a callable out."""

    role = "controlled"  # ICE-lite (RFC 8445 section 6.1.1)
    state = "completed"

    def __init__(self, send: Callable[[bytes], None]) -> None:
        self._send_datagram = send
        self._waiting: asyncio.Queue[bytes | None] = asyncio.Queue(QUEUE_DATAGRAMS + 1)
        self._open = True

    def offer(self, datagram: bytes) -> bool:
        """Queue a datagram; False, and it is dropped, when the queue is full or closed."""
        if not self._open or self._waiting.qsize() >= QUEUE_DATAGRAMS:
            return False
        self._waiting.put_nowait(datagram)
        return True

    def close(self) -> None:
        """Nothing more comes or goes."""
        if self._open:
            self._open = False
            self._waiting.put_nowait(None)  # the one place left beyond QUEUE_DATAGRAMS

    def send(self, datagram: bytes) -> None:
        """Pass one datagram out."""
        if self._open:
            self._send_datagram(datagram)

    async def _recv(self) -> bytes:
        datagram = await self._waiting.get()
        if datagram is None:
            raise ConnectionError
        return datagram

    async def _send(self, datagram: bytes) -> None:
        self.send(datagram)


class Association(library.RTCDtlsTransport):
    """One DTLS association in the server role."""

    def __init__(
        self,
        *,
        feed: DatagramFeed,
        certificate: Certificate,
        fingerprints: tuple[tuple[str, str], ...],
    ) -> None:
        ice = cast("RTCIceTransport", feed)  # aiortc uses of it only what DatagramFeed has
        super().__init__(ice, [certificate.rtc])
        self._srtp_profiles = list(_PROFILES.values())
        self._set_role("server")
        self._feed = feed
        self._fingerprints = fingerprints
        self._keys: DtlsKeys | None = None
        self._reason: DtlsFailureReason | None = None
        self._handshake_datagrams = 0
        self._flight: list[bytes] = []
        self._flight_repeats = 0
        self.started = False
        self.ended = asyncio.Event()
        """Set when the association failed or was closed, by whichever side."""

    @property
    def connected(self) -> bool:
        """The handshake is done and nobody has closed."""
        return self._state is State.CONNECTED

    async def connect(self) -> DtlsKeys:
        """Do the handshake.

        Raises:
            DtlsFailure: no keys; the remote was told where DTLS has a way to.
        """
        self.started = True
        lines = [RTCDtlsFingerprint(algorithm=a, value=v) for a, v in self._fingerprints]
        if not lines:
            self.fail(DtlsFailureReason.FINGERPRINT_MISMATCH)
        elif self._state is State.NEW:
            await self.start(RTCDtlsParameters(fingerprints=lines))
        if self._keys is None or not self.connected:
            raise DtlsFailure(self._reason or DtlsFailureReason.HANDSHAKE_FAILED)
        keys, self._keys = self._keys, None
        return keys

    def fail(self, reason: DtlsFailureReason) -> None:
        """End without keys. The first reason stands."""
        self._reason = self._reason or reason
        if self._ssl is not None:
            with contextlib.suppress(SSL.Error):  # in mid-handshake there is nothing to shut down
                self._ssl.shutdown()
            self._flush()
        self._set_state(State.FAILED)

    async def stop(self) -> None:
        """Send close_notify and end."""
        if self._state not in (State.FAILED, State.CLOSED):
            self._reason = self._reason or DtlsFailureReason.CLOSED
            await super().stop()
            self._set_state(State.CLOSED)

    # ---- what aiortc calls ------------------------------------------------------------------

    def _set_state(self, state: State) -> None:
        super()._set_state(state)
        if state in (State.FAILED, State.CLOSED):
            self.ended.set()

    async def _do_handshake(self) -> None:
        ssl = _made(self._ssl)
        ssl.set_ciphertext_mtu(MTU_BYTES)
        await super()._do_handshake()

    def _validate_peer_identity(self, remoteParameters: RTCDtlsParameters) -> None:  # noqa: N803, ARG002 (aiortc's name)
        """The one place where an identity is accepted. aiortc calls it before ``_setup_srtp``."""
        certificate = _made(self._ssl).get_peer_certificate(as_cryptography=True)
        if certificate is None:
            self.fail(DtlsFailureReason.NO_CERTIFICATE)
        elif not matches(certificate, self._fingerprints):
            self.fail(DtlsFailureReason.FINGERPRINT_MISMATCH)

    def _setup_srtp(self) -> None:
        ssl = _made(self._ssl)
        selected = ssl.get_selected_srtp_profile()
        for profile, sizes in _PROFILES.items():  # noqa: B007 - both are used below
            if sizes.openssl_profile == selected:
                break
        else:
            self.fail(DtlsFailureReason.NO_SRTP_PROFILE)
            return
        material = ssl.export_keying_material(EXPORTER_LABEL, 2 * (sizes.key_length + sizes.salt_length))
        self._keys = DtlsKeys(
            profile=profile,
            rx_key=sizes.get_key_and_salt(material, 0),  # the client's write key comes first
            tx_key=sizes.get_key_and_salt(material, 1),
            dtls_version=ssl.get_protocol_version_name(),
        )

    async def _recv_next(self) -> None:
        """Wait for one datagram, or for the retransmission timer, and act on it.

        Raises:
            ConnectionError: the association is over. Nothing else leaves.
        """
        ssl = _made(self._ssl)
        try:
            async with asyncio.timeout(ssl.DTLSv1_get_timeout()):
                datagram = await self._feed._recv()
        except TimeoutError:
            self._repeat_by_timer(ssl)
            return
        if not self.encrypted:
            self._admit_to_handshake(datagram)
        ssl.bio_write(datagram)
        await self._read_records(ssl)

    async def _write_ssl(self) -> None:
        self._flush()

    async def _send_data(self, data: bytes) -> None:
        # SCTP's own timers call this from tasks nobody awaits: after the end it must be silent.
        if not self.connected:
            return
        try:
            _made(self._ssl).send(data)
        except SSL.Error:
            self._set_state(State.CLOSED)
            return
        self._flush()

    # ---- parts ------------------------------------------------------------------------------

    async def _read_records(self, ssl: SSL.Connection) -> None:
        """Feed OpenSSL until it wants more: a datagram may hold many records."""
        while True:
            try:
                plain = ssl.recv(2**14)
            except SSL.WantReadError:
                self._flush()
                return
            except SSL.ZeroReturnError:
                self._flush()
                raise ConnectionError from None
            except SSL.Error as error:
                self._reason = self._reason or _reason_of(error)
                self._flush()  # the alert that says so
                raise ConnectionError from None
            if self._data_receiver is not None and self.connected:
                await self._data_receiver._handle_data(plain)

    def _admit_to_handshake(self, datagram: bytes) -> None:
        self._handshake_datagrams += 1
        if self._handshake_datagrams > HANDSHAKE_DATAGRAMS:
            raise ConnectionError
        first = records_of(datagram)[0]
        asked_again = is_client_hello(datagram, first) and self._flight
        if asked_again and self._flight_repeats < FLIGHT_REPEATS:
            self._flight_repeats += 1
            for sent in self._flight:
                self._feed.send(sent)

    def _repeat_by_timer(self, ssl: SSL.Connection) -> None:
        try:
            ssl.DTLSv1_handle_timeout()
        except SSL.Error as error:
            self._reason = self._reason or _reason_of(error)
            raise ConnectionError from None
        self._flush()

    def _flush(self) -> None:
        try:
            written = _made(self._ssl).bio_read(2**16)
        except SSL.WantReadError:
            return
        flight = list(datagrams_of(written, MTU_BYTES))
        if not self.encrypted:
            self._flight = flight
        for datagram in flight:
            self._feed.send(datagram)


def _made(ssl: SSL.Connection | None) -> SSL.Connection:
    """aiortc makes the connection in ``start``, before it calls anything here."""
    if ssl is None:
        raise ConnectionError
    return ssl


def _reason_of(error: SSL.Error) -> DtlsFailureReason:
    """OpenSSL's error queue is a list of (library, function, reason)."""
    queue = error.args[0] if error.args and isinstance(error.args[0], list) else []
    reasons = {str(entry[-1]) for entry in queue if entry}
    if "peer did not return a certificate" in reasons:
        return DtlsFailureReason.NO_CERTIFICATE
    return DtlsFailureReason.HANDSHAKE_FAILED
