"""SRTP and SRTCP of one transport, by libsrtp (RFC 3711, RFC 7714)."""

from __future__ import annotations

import contextlib
from typing import Final

import pylibsrtp
from pylibsrtp import Policy, Session
from pylibsrtp._binding import ffi

from sfu.base.errors import PlaneError
from sfu.plane.port import DropReason, SrtpProfile

WINDOW = 1024
"""Replay window in packets. Lower: reordered packets are refused; higher: memory a stream."""

SCRATCH_BYTES = 2048
"""pylibsrtp works in 1500 bytes of its own and sets 148 of them aside, so it refuses to seal more than 1356:
less than some clients send. A datagram of 1500 and the longest trailer fit here."""

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

    def forget(self, ssrc: int) -> None:
        """Give back what libsrtp keeps for an incoming SSRC. Its old packets would be taken again."""
        with contextlib.suppress(pylibsrtp.Error):  # never opened
            self._rx.remove_stream(ssrc)

    def seal(self, datagram: bytes) -> bytes:
        """Encrypt an RTP packet of at most ``SCRATCH_BYTES`` with its trailer.

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
    session = Session(policy)
    # Private names: there is no public way. A test seals 1480 bytes, and fails if they change.
    session._cdata = ffi.new("char[]", SCRATCH_BYTES)
    session._buffer = ffi.buffer(session._cdata)
    return session


def _reason(error: pylibsrtp.Error) -> DropReason:
    return DropReason.REPLAYED if "replay" in str(error) else DropReason.AUTH_FAILED
