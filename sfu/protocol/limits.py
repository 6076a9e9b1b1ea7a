"""Figures of the protocol that client and server must agree on (DESIGN section 8)."""

from __future__ import annotations

FIRST_MESSAGE_S = 5.0
"""From connecting to the first message. Lower hurts slow links, higher feeds idle strangers."""

MAX_MESSAGE_BYTES = 64 * 1024
"""UTF-8 bytes of one message of any type that is not listed in ``LARGE_MESSAGE_TYPES``."""

MAX_LARGE_MESSAGE_BYTES = 256 * 1024
LARGE_MESSAGE_TYPES = ("join", "offer")
"""They carry SDP: nine seats are about 25 kB, 49 seats from an untrimmed browser about 230 kB."""

MESSAGE_BURST = 200
MESSAGES_PER_S = 20.0
"""Token bucket of one connection. Over it, messages are dropped unread and answered once a second
with ``rate_limited``; as many again as the burst and the connection is closed."""

PING_INTERVAL_S = 10.0
"""Server to client, once joined."""

DEAD_AFTER_S = 15.0
"""Nothing heard from the client for so long: the socket is closed; the session waits for resume."""


def max_message_bytes(message_type: str) -> int:
    """Largest UTF-8 size of a client's message with this ``type``."""
    return MAX_LARGE_MESSAGE_BYTES if message_type in LARGE_MESSAGE_TYPES else MAX_MESSAGE_BYTES
