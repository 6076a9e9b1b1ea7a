"""The participant's one data channel: aiortc's SCTP over the DTLS association, with bounds.

In this version the channel opens and carries nothing of ours: what arrives is counted and, without
a receiver, dropped. ``on_message`` and ``send`` are the seam for what comes later.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Mapping

from aiortc.rtcdatachannel import RTCDataChannel
from aiortc.rtcsctptransport import (
    Chunk,
    DataChunk,
    ForwardTsnChunk,
    InitChunk,
    RTCSctpCapabilities,
    RTCSctpTransport,
    SackChunk,
)

from sfu.transport.association import Association
from sfu.transport.sctp_guard import is_sound

LABEL = "sotto"
"""The channel that clients open in their first offer (DESIGN section 5)."""

MAX_MESSAGE_BYTES = 65_536
"""Also what the answer says (``a=max-message-size``), so an honest client never sends more."""

MAX_STREAMS = 16
# SCTP streams either way. A client has one channel; a few more cost nothing, 65535 cost megabytes.

MAX_UNFINISHED_BYTES = 262_144
MAX_UNFINISHED_CHUNKS = 512
# What may wait for missing fragments, per participant: four full messages. The library inserts and
# sorts in lists of this length for each packet, so it also bounds the work.

MAX_TSN_AHEAD = 4096
MAX_QUEUED_BYTES = 262_144
# Waiting to be sent to a slow reader. Beyond it the reader loses messages; nobody else does.

_DCEP = 50  # payload protocol id of RFC 8832 section 8.1
_DCEP_OPEN, _DCEP_ACK = 3, 2
_DCEP_OPEN_BYTES = 12
_TEXT_OR_BINARY = frozenset((51, 53, 56, 57))  # RFC 8831 section 8


class DataChannel:
    """Start, use and stop SCTP for one association."""

    def __init__(
        self,
        association: Association,
        remote_port: int,
        on_message: Callable[[bytes], None] | None,
    ) -> None:
        self._counters: Counter[str] = Counter()
        self._on_message = on_message
        self._channel: RTCDataChannel | None = None
        self._remote_port = remote_port
        self._sctp = BoundedSctp(association, self._counters)
        self._sctp.on("datachannel", self._opened)

    @property
    def counters(self) -> Mapping[str, int]:
        """What was dropped, by reason, and ``data_messages`` that arrived."""
        return self._counters

    @property
    def is_open(self) -> bool:
        """The client has opened it and it is not closed."""
        return self._channel is not None and self._channel.readyState == "open"

    async def start(self) -> None:
        """Begin the association. The client opens the channel (RFC 8832)."""
        capabilities = RTCSctpCapabilities(maxMessageSize=MAX_MESSAGE_BYTES)
        await self._sctp.start(capabilities, self._remote_port)

    async def stop(self) -> None:
        """Abort the association if it lives. Idempotent."""
        await self._sctp.stop()

    def send(self, message: bytes) -> bool:
        """Queue a message; False, counted, when it cannot be taken."""
        channel = self._channel
        if channel is None or channel.readyState != "open":
            self._counters["data_not_open"] += 1
            return False
        if len(message) > MAX_MESSAGE_BYTES:
            self._counters["data_too_large"] += 1
            return False
        if channel.bufferedAmount + len(message) > MAX_QUEUED_BYTES:
            self._counters["data_slow_reader"] += 1
            return False
        channel.send(message)
        return True

    def _opened(self, channel: RTCDataChannel) -> None:
        self._channel = channel
        channel.on("message", self._arrived)

    def _arrived(self, message: bytes | str) -> None:
        octets = message.encode() if isinstance(message, str) else message
        self._counters["data_messages"] += 1
        if self._on_message is None:
            self._counters["data_unclaimed"] += 1
        else:
            self._on_message(octets)


class BoundedSctp(RTCSctpTransport):
    """aiortc's SCTP, which trusts its remote, behind checks of what arrives."""

    def __init__(self, association: Association, counters: Counter[str]) -> None:
        super().__init__(association)
        self._counters = counters
        self._inbound_streams_max = MAX_STREAMS
        self._outbound_streams_count = MAX_STREAMS
        self._advertised_rwnd = MAX_UNFINISHED_BYTES

    async def _handle_data(self, data: bytes) -> None:
        if not is_sound(data):
            self._counters["sctp_malformed"] += 1
            return
        try:
            await super()._handle_data(data)
        except Exception:  # noqa: BLE001 - the edge of a library that asserts on what a remote sent
            # Its state is unknown now. The channel ends; media and the association do not.
            self._counters["sctp_failed"] += 1
            logging.getLogger(__name__).debug("sctp.failed")
            await self.stop()

    async def _receive_chunk(self, chunk: Chunk) -> None:
        established = self._association_state == self.State.ESTABLISHED
        if isinstance(chunk, InitChunk) and established:
            self._counters["sctp_restart"] += 1  # RFC 9260 section 5.2.2; no client of ours does it
        elif isinstance(chunk, DataChunk | ForwardTsnChunk | SackChunk) and not established:
            self._counters["sctp_early"] += 1
        else:
            await super()._receive_chunk(chunk)

    async def _receive_data_chunk(self, chunk: DataChunk) -> None:
        ahead = (chunk.tsn - (self._last_received_tsn or 0)) % 2**32
        late = ahead >= 2**31 or ahead == 0
        if chunk.stream_id >= MAX_STREAMS:
            self._counters["sctp_stream_limit"] += 1
        elif late or (ahead <= MAX_TSN_AHEAD and self._has_room(chunk, ahead)):
            await super()._receive_data_chunk(chunk)
        else:
            self._counters["sctp_window_overrun"] += 1

    async def _receive_forward_tsn_chunk(self, chunk: ForwardTsnChunk) -> None:
        chunk.streams = [(s, n) for s, n in chunk.streams if s < MAX_STREAMS]
        await super()._receive_forward_tsn_chunk(chunk)

    async def _data_channel_receive(self, stream_id: int, pp_id: int, data: bytes) -> None:
        if pp_id == _DCEP:
            if self._dcep_is_fine(stream_id, data):
                await super()._data_channel_receive(stream_id, pp_id, data)
            else:
                self._counters["data_channel_refused"] += 1
        elif len(data) > MAX_MESSAGE_BYTES:
            self._counters["data_too_large"] += 1
        elif pp_id not in _TEXT_OR_BINARY or stream_id not in self._data_channels:
            self._counters["data_unknown"] += 1
        elif pp_id == 51 and not _is_text(data):
            self._counters["data_not_text"] += 1
        else:
            await super()._data_channel_receive(stream_id, pp_id, data)

    def _has_room(self, chunk: DataChunk, ahead: int) -> bool:
        waiting = sum(len(s.reassembly) for s in self._inbound_streams.values())
        if ahead == 1:  # next in order: what waits behind it cannot leave otherwise
            return waiting < 2 * MAX_UNFINISHED_CHUNKS and self._advertised_rwnd > 0
        return (
            waiting < MAX_UNFINISHED_CHUNKS
            and len(self._sack_misordered) < MAX_UNFINISHED_CHUNKS
            and self._advertised_rwnd >= len(chunk.user_data)
        )

    def _dcep_is_fine(self, stream_id: int, data: bytes) -> bool:
        """Only the client's own channel, once, with a name that ends where it says."""
        if not data:
            return False
        if data[0] == _DCEP_ACK:
            return stream_id in self._data_channels
        if data[0] != _DCEP_OPEN or len(data) < _DCEP_OPEN_BYTES or self._data_channels:
            return False
        label_bytes = int.from_bytes(data[8:10], "big")
        protocol_bytes = int.from_bytes(data[10:12], "big")
        label = data[_DCEP_OPEN_BYTES : _DCEP_OPEN_BYTES + label_bytes]
        whole = len(data) == _DCEP_OPEN_BYTES + label_bytes + protocol_bytes
        return whole and protocol_bytes == 0 and label == LABEL.encode()


def _is_text(data: bytes) -> bool:
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True
