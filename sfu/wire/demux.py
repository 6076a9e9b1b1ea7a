"""Which protocol a datagram belongs to (RFC 7983)."""

from __future__ import annotations

from enum import Enum

MIN_STUN_BYTES = 20  # RFC 8489 section 5: fixed header
MIN_DTLS_BYTES = 13  # RFC 6347 section 4.1: DTLS 1.2 record header
MIN_RTP_BYTES = 12  # RFC 3550 section 5.1: fixed header
MIN_RTCP_BYTES = 8  # RFC 3550 section 6.4: common header plus sender SSRC
RTCP_TYPES = range(192, 224)  # second byte, RFC 5761 section 4


class DatagramKind(Enum):
    """Where a datagram goes next."""

    STUN = "stun"
    DTLS = "dtls"
    RTP = "rtp"
    RTCP = "rtcp"
    UNKNOWN = "unknown"


def classify(datagram: bytes | memoryview) -> DatagramKind:
    """Tell which protocol a datagram belongs to, from its first two bytes and length.

    Total: every input, the empty one included, has an answer and none raises. It is the first
    code a stranger reaches, so anything not clearly ours is ``UNKNOWN``; the caller counts it
    and forgets it.

    Args:
        datagram: one UDP payload, any length in bytes. Read, never kept.

    Returns:
        The kind by byte range (RFC 7983 section 7). The answer is a route, not a verdict: a
        datagram that looks like STUN may still fail to parse.
    """
    size = len(datagram)
    if size < MIN_RTCP_BYTES:
        return DatagramKind.UNKNOWN
    first = datagram[0]
    if first <= 3:
        return DatagramKind.STUN if size >= MIN_STUN_BYTES else DatagramKind.UNKNOWN
    if 20 <= first <= 63:
        return DatagramKind.DTLS if size >= MIN_DTLS_BYTES else DatagramKind.UNKNOWN
    if 128 <= first <= 191:
        if datagram[1] in RTCP_TYPES:
            return DatagramKind.RTCP
        return DatagramKind.RTP if size >= MIN_RTP_BYTES else DatagramKind.UNKNOWN
    return DatagramKind.UNKNOWN
