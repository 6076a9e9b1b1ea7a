"""What a packet is admitted as, before it is decrypted; and that nothing grows (SECURITY 0.4, B)."""

from __future__ import annotations

import os

import pytest

from sfu.base.errors import WireError
from sfu.base.ids import IngressId, Mid
from sfu.plane.port import DropReason, Feedback, PlaneLimits, SrtpProfile
from sfu.plane.reference.ingress import Ingress
from sfu.plane.reference.srtp import SrtpSession
from sfu.plane.reference.transport import STREAMS_PER_SSRC, Admitted
from sfu.wire.rtp import serialize_rtp
from tests.unit.plane_reference.parts import (
    CAMERA,
    MICROPHONE,
    OPUS,
    SCREEN,
    VP8,
    Given,
    admit,
    room,
    track,
    transport_with,
)


@pytest.mark.parametrize(
    ("given", "payload_type", "ssrc", "ingress", "rid", "rtx"),
    [
        pytest.param({1: b"1"}, 111, 500, MICROPHONE, None, False, id="by-mid"),
        pytest.param({}, 111, 10, MICROPHONE, None, False, id="by-announced-ssrc"),
        pytest.param({}, 111, 500, MICROPHONE, None, False, id="by-lone-payload-type"),
        pytest.param({1: b"2", 2: b"q"}, 96, 500, CAMERA, "q", False, id="by-mid-and-rid"),
        pytest.param({1: b"2", 2: b"f"}, 98, 500, CAMERA, "f", False, id="second-codec"),
        pytest.param({1: b"2", 3: b"f"}, 97, 500, CAMERA, "f", True, id="rtx-by-repaired-rid"),
        pytest.param({1: b"3"}, 96, 500, SCREEN, None, False, id="mid-decides-where-the-type-is-shared"),
        pytest.param({1: b"3"}, 97, 500, SCREEN, None, True, id="rtx-without-rid"),
        pytest.param({}, 97, 31, SCREEN, None, True, id="rtx-by-announced-ssrc"),
        pytest.param({1: b"3", 9: b"junk"}, 96, 500, SCREEN, None, False, id="an-id-not-negotiated"),
        pytest.param({1: b"1"}, 111, 30, MICROPHONE, None, False, id="mid-beats-announced-ssrc"),
    ],
)
def test_admission(
    given: Given, payload_type: int, ssrc: int, ingress: IngressId, rid: str | None, rtx: bool
) -> None:
    transport = room()
    admitted = admit(transport, given, payload_type, ssrc)
    assert isinstance(admitted, Admitted)
    assert (admitted.ingress.id, admitted.encoding.encoding, admitted.rtx) == (ingress, (ingress, rid), rtx)
    assert not transport.by_ssrc  # nothing is kept before the packet authenticates


@pytest.mark.parametrize(
    ("given", "payload_type", "reason"),
    [
        pytest.param({1: b"9"}, 96, DropReason.UNKNOWN_SSRC, id="mid-nobody-has"),
        pytest.param({}, 96, DropReason.UNKNOWN_SSRC, id="payload-type-of-two-tracks"),
        pytest.param({}, 50, DropReason.UNKNOWN_SSRC, id="payload-type-of-none"),
        pytest.param({1: b"2"}, 96, DropReason.UNKNOWN_SSRC, id="simulcast-without-rid"),
        pytest.param({1: b"2", 2: b"h"}, 96, DropReason.UNKNOWN_SSRC, id="rid-not-negotiated"),
        pytest.param({1: b"2", 3: b"q"}, 96, DropReason.UNKNOWN_SSRC, id="media-with-a-repaired-rid-only"),
        pytest.param({1: b"2", 2: b"q"}, 97, DropReason.UNKNOWN_SSRC, id="rtx-with-a-rid-only"),
        pytest.param({1: b"1"}, 96, DropReason.UNKNOWN_PAYLOAD_TYPE, id="video-type-on-the-microphone"),
        pytest.param({1: b"3"}, 98, DropReason.UNKNOWN_PAYLOAD_TYPE, id="codec-of-another-track"),
    ],
)
def test_no_admission(given: Given, payload_type: int, reason: DropReason) -> None:
    assert admit(room(), given, payload_type) is reason


@pytest.mark.parametrize("text", [b"\x00", b"\xff\xff", b" 1", b"1\n"])
@pytest.mark.parametrize("number", [1, 2])
def test_names_that_are_no_text_are_malformed(number: int, text: bytes) -> None:
    with pytest.raises(WireError):
        admit(room(), {1: b"2", number: text}, 96)


def test_the_cap_counts_retired_ones_and_looks_before_anything_else() -> None:
    transport = transport_with(track(SCREEN, VP8), ssrcs=3)
    for ssrc in (1, 2, 3):
        admitted = admit(transport, {1: b"3"}, 96, ssrc)
        assert isinstance(admitted, Admitted)
        admitted.retired = ssrc < 3
        transport.begin(ssrc, admitted)
    assert transport.admit(b"not even RTP", 96, 4) is DropReason.SSRC_LIMIT


def test_a_withdrawn_track_leaves_no_ssrc_behind() -> None:
    transport = room()
    for ssrc, given in ((500, {1: b"1"}), (501, {1: b"2", 2: b"q"}), (502, {1: b"2", 2: b"f"})):
        admitted = admit(transport, given, 111 if ssrc == 500 else 96, ssrc)
        assert isinstance(admitted, Admitted)
        transport.begin(ssrc, admitted)
    transport.remove_ingress(transport.ingresses[Mid("2")])
    assert list(transport.by_ssrc) == [500]
    assert admit(transport, {1: b"2", 2: b"q"}, 96, 501) is DropReason.UNKNOWN_SSRC


def sealed(session: SrtpSession, ssrc: int) -> bytes:
    plain = serialize_rtp(payload_type=96, marker=False, seq=1, timestamp=0, ssrc=ssrc, payload=b"x")
    return session.seal(plain)


def test_who_publishes_and_withdraws_for_ever_does_not_make_libsrtp_grow() -> None:
    """Streams begun long ago are given back; those in use never are."""
    transport = transport_with(track(MICROPHONE, OPUS), ssrcs=4)
    there, here = os.urandom(28), os.urandom(28)
    profile = SrtpProfile.AEAD_AES_128_GCM
    publisher, transport.srtp = SrtpSession(profile, here, there), SrtpSession(profile, there, here)
    limits = PlaneLimits(ssrcs=4)
    held = 4 * STREAMS_PER_SSRC
    microphone = admit(transport, {1: b"1"}, 111, 7)
    assert isinstance(microphone, Admitted)
    wire = {ssrc: sealed(publisher, ssrc) for ssrc in (7, *range(1000, 1000 + 3 * held))}
    transport.srtp.open(wire[7])
    transport.begin(7, microphone)
    for ssrc in range(1000, 1000 + 3 * held):
        screen = Ingress(track(SCREEN, VP8), transport.publisher, limits, 0.0)
        transport.add_ingress(screen)
        admitted = admit(transport, {1: b"3"}, 96, ssrc)
        assert isinstance(admitted, Admitted)
        transport.srtp.open(wire[ssrc])
        transport.begin(ssrc, admitted)
        transport.remove_ingress(screen)
    remembered = [s for s in wire if transport.srtp.open(wire[s]) is DropReason.REPLAYED]
    assert remembered == [7, *range(1000 + 2 * held + 1, 1000 + 3 * held)]


@pytest.mark.parametrize(
    ("kinds", "wanted"),
    [
        ((), Feedback.NONE),
        ((Feedback.NONE, Feedback.REMB), Feedback.REMB),
        ((Feedback.REMB, Feedback.TRANSPORT_CC), Feedback.TRANSPORT_CC),
        ((Feedback.NONE, Feedback.NONE), Feedback.NONE),
    ],
)
def test_feedback_is_transport_wide_wherever_a_track_has_it(
    kinds: tuple[Feedback, ...], wanted: Feedback
) -> None:
    tracks = [track(IngressId(n), VP8, feedback=kind) for n, kind in enumerate(kinds)]
    assert transport_with(*tracks).feedback is wanted


def test_rtcp_senders_are_bounded_and_own_streams_always_heard() -> None:
    transport = transport_with(track(SCREEN, VP8), ssrcs=3)
    admitted = admit(transport, {1: b"3"}, 96, 7)
    assert isinstance(admitted, Admitted)
    transport.begin(7, admitted)
    for ssrc in (100, 101, 102):
        assert transport.may_report(ssrc)
        transport.reporters.add(ssrc)
    assert [transport.may_report(ssrc) for ssrc in (7, 100, 102, 103)] == [True, True, True, False]
