"""DTLS with one participant, as the passive side, over datagrams that the plane hands us.

aiortc's ``RTCDtlsTransport`` does the handshake behind a duck-typed ICE transport. It never sees
RTP, and only sees well-formed records of a validated pair. SRTP keys come out; media does not
come in. Whatever a remote sends can end this endpoint and nothing else.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping

from sfu.transport.association import (
    Association,
    DatagramFeed,
    DtlsFailure,
    DtlsFailureReason,
    DtlsKeys,
)
from sfu.transport.certificate import Certificate
from sfu.transport.data_channel import DataChannel
from sfu.transport.library import check_aiortc
from sfu.transport.records import APPLICATION, records_of

MAX_DATAGRAM_BYTES = 2048
# Above any path's MTU. Browsers stay below 1400, SCTP packets below 1250.


class DtlsEndpoint:
    """One association. ``handshake`` once, then ``run_data`` until it ends, then ``close``."""

    def __init__(
        self,
        *,
        certificate: Certificate,
        fingerprints: tuple[tuple[str, str], ...],
        send: Callable[[bytes], None],
        data_channel_port: int | None,
    ) -> None:
        """Build it; nothing is sent before the remote's first datagram.

        Args:
            certificate: ours.
            fingerprints: (hash name, value) lines of the offer.
            send: takes one datagram for the participant; must not block.
            data_channel_port: the offer's ``a=sctp-port``, None without a data channel.
        """
        self._counters: Counter[str] = Counter()
        self._feed = DatagramFeed(send)
        self._association = Association(feed=self._feed, certificate=certificate, fingerprints=fingerprints)
        self._data_channel_port = data_channel_port
        self._channel: DataChannel | None = None
        self._closed = False

    @property
    def counters(self) -> Mapping[str, int]:
        """Datagrams and messages thrown away, by reason. Names are fixed, values only grow."""
        channel = self._channel.counters if self._channel is not None else {}
        return {**self._counters, **channel}

    def receive(self, datagram: bytes) -> None:
        """Take one datagram of the participant. Never raises; what is not DTLS is counted."""
        records = records_of(datagram) if len(datagram) <= MAX_DATAGRAM_BYTES else ()
        if not records:
            self._counters["dtls_malformed"] += 1
        elif any(r.content_type == APPLICATION and r.epoch == 0 for r in records):
            # Application bytes in the clear have no honest sender (CVE-2019-20786).
            self._counters["dtls_clear_application"] += 1
        elif not self._feed.offer(datagram):
            self._counters["dtls_queue_full"] += 1

    async def handshake(self, timeout_s: float) -> DtlsKeys:
        """Wait for the participant's handshake, check who it is, and export the SRTP keys.

        Raises:
            DtlsFailure: with the reason; no key was exported. Also when called twice.
        """
        if self._closed or self._association.started:
            raise DtlsFailure(DtlsFailureReason.CLOSED)
        try:
            async with asyncio.timeout(timeout_s):
                return await self._association.connect()
        except TimeoutError:
            self._association.fail(DtlsFailureReason.TIMEOUT)
            raise DtlsFailure(DtlsFailureReason.TIMEOUT) from None

    async def run_data(self, on_message: Callable[[bytes], None] | None = None) -> None:
        """Serve the data channel until the association ends, from either side. Never raises.

        Without ``on_message`` the channel opens and messages are counted and dropped.
        """
        if self._data_channel_port is not None and self._association.connected:
            self._channel = DataChannel(self._association, self._data_channel_port, on_message)
            await self._channel.start()
        try:
            await self._association.ended.wait()
        finally:
            if self._channel is not None:
                await self._channel.stop()

    def send_data(self, message: bytes) -> bool:
        """Queue one message on the participant's channel.

        Returns:
            False if there is no open channel, the message is too large, or too much is waiting:
            the slow reader loses messages, nobody else does (counted).
        """
        return self._channel is not None and self._channel.send(message)

    async def close(self) -> None:
        """Say goodbye (close_notify) and end. Idempotent; also ends a handshake under way."""
        if self._closed:
            return
        self._closed = True
        if self._channel is not None:
            await self._channel.stop()
        await self._association.stop()
        self._feed.close()


__all__ = [
    "Certificate",
    "DtlsEndpoint",
    "DtlsFailure",
    "DtlsFailureReason",
    "DtlsKeys",
    "check_aiortc",
]
