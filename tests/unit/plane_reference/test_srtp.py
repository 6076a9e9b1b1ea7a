"""SRTP of one transport: sizes, reasons, what is forgotten."""

from __future__ import annotations

import os

import pytest

from sfu.base.errors import PlaneError
from sfu.plane.port import DropReason, SrtpProfile
from sfu.plane.reference.srtp import KEY_BYTES, WINDOW, SrtpSession
from sfu.wire.rtcp import pli
from sfu.wire.rtp import serialize_rtp


def ends(profile: SrtpProfile = SrtpProfile.AEAD_AES_128_GCM) -> tuple[SrtpSession, SrtpSession]:
    """A publisher's session and ours."""
    there, here = (os.urandom(KEY_BYTES[profile]) for _ in range(2))
    return SrtpSession(profile, here, there), SrtpSession(profile, there, here)


def packet(seq: int = 5, size: int = 100, ssrc: int = 7) -> bytes:
    return serialize_rtp(
        payload_type=96, marker=False, seq=seq & 0xFFFF, timestamp=0, ssrc=ssrc, payload=bytes(size - 12)
    )


@pytest.mark.parametrize("profile", SrtpProfile)
@pytest.mark.parametrize("size", [12, 13, 1200, 1356, 1357, 1400, 1480])
def test_what_is_sealed_opens_at_every_size_that_fits_a_datagram(profile: SrtpProfile, size: int) -> None:
    them, us = ends(profile)
    plain = packet(size=size)
    assert us.open(them.seal(plain)) == plain


@pytest.mark.parametrize("profile", SrtpProfile)
@pytest.mark.parametrize("words", [2, 300, 368])
def test_feedback_too(profile: SrtpProfile, words: int) -> None:
    them, us = ends(profile)
    plain = pli(1, 2) + b"\x80\xcc" + (words - 1).to_bytes(2, "big") + bytes(4 * words - 4)
    assert us.open_rtcp(them.seal_rtcp(plain)) == plain


@pytest.mark.parametrize("profile", SrtpProfile)
def test_replayed_and_forged_are_told_apart(profile: SrtpProfile) -> None:
    them, us = ends(profile)
    first, newest = them.seal(packet(1)), them.seal(packet(1 + 2 * WINDOW))
    inside = them.seal(packet(2 + WINDOW + 10))
    assert us.open(first) == packet(1)
    assert us.open(first) is DropReason.REPLAYED
    assert us.open(newest) == packet(1 + 2 * WINDOW)
    assert us.open(inside) == packet(2 + WINDOW + 10)
    assert us.open(first) is DropReason.REPLAYED  # older than the window
    forged = bytearray(them.seal(packet(3000)))
    forged[-1] ^= 1
    assert us.open(bytes(forged)) is DropReason.AUTH_FAILED
    report = them.seal_rtcp(pli(1, 2))
    assert us.open_rtcp(report) == pli(1, 2)
    assert us.open_rtcp(report) is DropReason.REPLAYED
    fresh = bytearray(them.seal_rtcp(pli(1, 3)))
    fresh[-1] ^= 1
    assert us.open_rtcp(bytes(fresh)) is DropReason.AUTH_FAILED


@pytest.mark.parametrize("size", range(65))
def test_short_and_random_bytes_do_not_authenticate(size: int) -> None:
    _, us = ends()
    for first in (b"\x80\x60", b"\x80\xc8", b"\x9f\x60", b"\xbf\xe0", b"\x00\x00"):
        datagram = (first + os.urandom(64))[:size]
        assert us.open(datagram) is DropReason.AUTH_FAILED
        assert us.open_rtcp(datagram) is DropReason.AUTH_FAILED


def test_feedback_that_claims_not_to_be_encrypted_is_refused() -> None:
    """libsrtp#817: SRTCP with E bit 0 under GCM, at every size."""
    them, us = ends()
    for size in range(8, 1500, 4):
        body = b"\x80\xc9" + (size // 4 - 1).to_bytes(2, "big") + bytes(size - 4)
        assert us.open_rtcp((body + bytes(4))[:1500]) is DropReason.AUTH_FAILED
    assert us.open_rtcp(them.seal_rtcp(pli(1, 2))) == pli(1, 2)


def test_an_unauthentic_packet_far_ahead_moves_no_window() -> None:
    them, us = ends()
    assert us.open(them.seal(packet(100))) == packet(100)
    for seq in (20_000, 40_000, 60_000):
        assert us.open(packet(seq) + bytes(16)) is DropReason.AUTH_FAILED
    assert us.open(them.seal(packet(101))) == packet(101)


def test_a_forgotten_ssrc_starts_anew_and_a_strange_one_is_no_error() -> None:
    them, us = ends()
    sealed = them.seal(packet(1))
    us.open(sealed)
    us.forget(7)
    assert us.open(sealed) == packet(1)
    us.forget(12_345)


@pytest.mark.parametrize("profile", SrtpProfile)
@pytest.mark.parametrize("off", [-1, 1])
def test_keys_of_a_wrong_length_are_refused_and_not_told(profile: SrtpProfile, off: int) -> None:
    right, wrong = bytes(KEY_BYTES[profile]), b"\x99" * (KEY_BYTES[profile] + off)
    for keys in ((right, wrong), (wrong, right)):
        with pytest.raises(PlaneError) as raised:
            SrtpSession(profile, *keys)
        assert "99" not in str(raised.value)
