"""SRTP and SRTCP of one transport, by libsrtp (RFC 3711, RFC 7714)."""

from __future__ import annotations

from typing import Final

import pylibsrtp
from pylibsrtp import Policy, Session

from sfu.base.errors import PlaneError
from sfu.plane.port import DropReason, SrtpProfile

WINDOW = 1024
"""Replay window in packets. Lower: reordered packets are refused; higher: memory a stream."""

_PROFILES: Final = {
    SrtpProfile.AEAD_AES_128_GCM: Policy.SRTP_PROFILE_AEAD_AES_128_GCM,
    SrtpProfile.AEAD_AES_256_GCM: Policy.SRTP_PROFILE_AEAD_AES_256_GCM,
    SrtpProfile.AES128_CM_HMAC_SHA1_80: Policy.SRTP_PROFILE_AES128_CM_SHA1_80,
}
KEY_BYTES: Final = {
    SrtpProfile.AEAD_AES_128_GCM: 16 + 12,
    SrtpProfile.AEAD_AES_256_GCM: 32 + 12,
    SrtpProfile.AES128_CM_HMAC_SHA1_80: 16 + 14,
}


class SrtpSession:
    """Opens what a transport sends us and seals what we send it."""

    __slots__ = ("_rx", "_tx")

    def __init__(self, profile: SrtpProfile, rx_key: bytes, tx_key: bytes) -> None:
        for key in (rx_key, tx_key):
            if len(key) != KEY_BYTES[profile]:
                raise PlaneError(f"SRTP key of {len(key)} bytes, {profile} wants {KEY_BYTES[profile]}")
        self._rx = _session(profile, rx_key, Policy.SSRC_ANY_INBOUND)
        self._tx = _session(profile, tx_key, Policy.SSRC_ANY_OUTBOUND)

    def open(self, datagram: bytes) -> bytes | DropReason:
        """Authenticate and decrypt an RTP packet."""
        try:
            opened: bytes = self._rx.unprotect(datagram)
        except pylibsrtp.Error as error:
            return _reason(error)
        return opened

    def open_rtcp(self, datagram: bytes) -> bytes | DropReason:
        """Authenticate and decrypt an RTCP packet."""
        try:
            opened: bytes = self._rx.unprotect_rtcp(datagram)
        except pylibsrtp.Error as error:
            return _reason(error)
        return opened

    def seal(self, datagram: bytes) -> bytes:
        """Encrypt an RTP packet.

        Raises:
            pylibsrtp.Error: the packet cannot be sealed (a bug of the caller).
        """
        sealed: bytes = self._tx.protect(datagram)
        return sealed

    def seal_rtcp(self, datagram: bytes) -> bytes:
        """Encrypt an RTCP packet."""
        sealed: bytes = self._tx.protect_rtcp(datagram)
        return sealed


def _session(profile: SrtpProfile, key: bytes, direction: int) -> Session:
    policy = Policy(key=key, ssrc_type=direction, srtp_profile=_PROFILES[profile])
    policy.window_size = WINDOW
    # A packet that is resent as it was (no RTX negotiated) leaves a second time with its number.
    policy.allow_repeat_tx = True
    return Session(policy)


def _reason(error: pylibsrtp.Error) -> DropReason:
    return DropReason.REPLAYED if "replay" in str(error) else DropReason.AUTH_FAILED
