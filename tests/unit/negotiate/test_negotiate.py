"""Offers of real browsers -> answers; and offers nobody should take."""

from __future__ import annotations

import contextlib
import itertools
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sfu.base.errors import ProtocolError
from sfu.base.ids import Codec, EgressId, IngressId, Mid, Source, Ssrc, TransportId
from sfu.negotiate import (
    LocalTransport,
    Negotiation,
    NegotiationPolicy,
    NegotiationRequest,
    SeatRequest,
    negotiate,
)
from sfu.plane.port import Extension, Feedback, SocketAddress
from sfu.wire.sdp import parse_sdp

OFFERS = Path(__file__).parents[2] / "vectors" / "offers"
LOCAL = LocalTransport(
    ufrag="ourufrag",
    pwd="p" * 24,
    fingerprint="AA:BB",
    candidates=(SocketAddress(host="192.0.2.1", port=7882), SocketAddress(host="2001:db8::1", port=7882)),
)


class Ids:
    def __init__(self) -> None:
        self._numbers = itertools.count(1)

    def ingress_id(self) -> IngressId:
        return IngressId(next(self._numbers))

    def egress_id(self) -> EgressId:
        return EgressId(next(self._numbers))

    def ssrc(self) -> Ssrc:
        return Ssrc(next(self._numbers))


def text(name: str) -> str:
    return (OFFERS / f"offer-{name}.sdp").read_text()


# The changes are fields of a request, by name: `replace` has no type for that.
def request(offer: str, codec: Codec = Codec.VP8, **changes: Any) -> NegotiationRequest:
    base = NegotiationRequest(
        offer=offer,
        sources={},
        seats=(),
        local=LOCAL,
        transport=TransportId(1),
        policy=NegotiationPolicy(codec=codec, audio_level=True, max_seats=9, max_ssrcs=64),
        ids=Ids(),
    )
    return replace(base, **changes)


BOTH = {Mid("0"): Source.MICROPHONE, Mid("1"): Source.CAMERA}
SEAT = (SeatRequest(audio=Mid("0"), video=Mid("1")),)


@pytest.mark.parametrize("codec", [Codec.VP8, Codec.VP9, Codec.AV1])
@pytest.mark.parametrize(
    "name", ["chromium-send-audio-simulcast-video", "firefox-send-audio-simulcast-video"]
)
def test_simulcast_publishers(name: str, codec: Codec) -> None:
    answered = negotiate(request(text(name), codec, sources=BOTH))
    audio, video = (i.operation for i in answered.ingresses)
    assert [p.codec for p in (*audio.payload_types, *video.payload_types)] == [Codec.OPUS, codec]
    assert video.payload_types[0].rtx_pt is not None
    assert video.rids == ("q", "h", "f")
    assert Feedback.TRANSPORT_CC in {audio.feedback, video.feedback}
    wanted = {Extension.MID, Extension.RID, Extension.REPAIRED_RID, Extension.DEPENDENCY_DESCRIPTOR}
    assert wanted <= set(video.extensions.values())
    assert Extension.ABS_SEND_TIME not in video.extensions.values()
    answer = parse_sdp(answered.answer)
    assert answer.ice_lite
    assert answer.bundle == ("0", "1")
    for section in answer.media:
        assert (section.direction, section.setup) == ("recvonly", "passive")
        assert (section.ice_ufrag, section.fingerprints) == ("ourufrag", (("sha-256", "AA:BB"),))
        assert section.candidates == 2
    assert answer.media[1].rids == (("q", "recv"), ("h", "recv"), ("f", "recv"))


@pytest.mark.parametrize("name", ["chromium-recvonly", "firefox-recvonly"])
def test_seats(name: str) -> None:
    answered = negotiate(request(text(name), seats=SEAT))
    (seat,) = answered.seats
    assert seat.video is not None
    assert seat.video.rtx_ssrc is not None
    assert seat.audio.sync_group == seat.video.sync_group == seat.index == 0
    assert Extension.TRANSPORT_CC not in {*seat.audio.extensions, *seat.video.extensions}
    audio, video = parse_sdp(answered.answer).media
    assert (audio.direction, video.direction) == ("sendonly", "sendonly")
    assert audio.msid == "seat0 seat0a"
    assert video.msid == "seat0 seat0v"
    assert video.fid_groups == ((seat.video.ssrc, seat.video.rtx_ssrc),)


@pytest.mark.parametrize("name", ["chromium-sendrecv-datachannel", "firefox-sendrecv-datachannel"])
def test_data_channel_and_sections_nobody_spoke_for(name: str) -> None:
    answered = negotiate(request(text(name), sources={Mid("0"): Source.MICROPHONE}))
    assert answered.data_channel_port == 5000
    sections = parse_sdp(answered.answer).media
    assert [section.port != 0 for section in sections] == [True, False, True]
    assert parse_sdp(answered.answer).bundle == ("0", "2")


def test_audio_level_can_be_left_out() -> None:
    policy = NegotiationPolicy(codec=Codec.VP8, audio_level=False, max_seats=9, max_ssrcs=64)
    name = "chromium-send-audio-simulcast-video"
    answered = negotiate(request(text(name), sources=BOTH, policy=policy))
    assert "audio-level" not in answered.answer


def again(before: Negotiation, offer: str, **changes: Any) -> Negotiation:
    other = replace(LOCAL, ufrag="another1", pwd="q" * 24)
    return negotiate(request(offer, previous=before, local=other, **changes))


def test_a_second_offer_keeps_what_was_answered() -> None:
    offer = text("chromium-send-audio-simulcast-video")
    before = negotiate(request(offer, sources=BOTH))
    after = again(before, offer)
    assert not after.ice_restarted
    assert after.ingresses == before.ingresses
    assert after.answer.split("m=", 1)[1] == before.answer.split("m=", 1)[1]


def test_new_credentials_are_an_ice_restart() -> None:
    offer = text("chromium-send-audio-simulcast-video")
    before = negotiate(request(offer, sources=BOTH))
    ufrag = before.remote_ufrag
    after = again(before, offer.replace(f"ice-ufrag:{ufrag}", "ice-ufrag:fresh"))
    assert after.ice_restarted
    assert after.local.ufrag == "another1"
    assert after.ingresses == before.ingresses


GOOD = text("chromium-send-audio-simulcast-video") if OFFERS.is_dir() else ""


@pytest.mark.parametrize(
    ("offer", "changes", "code", "words"),
    [
        pytest.param("", {"sources": {}}, "bad_offer", "not understood", id="empty"),
        pytest.param("v=0\r\n", {"sources": {}}, "bad_offer", "no m-section", id="no-sections"),
        pytest.param(GOOD.replace("a=mid:1\n", ""), {"sources": {}}, "bad_offer", "no a=mid", id="no-mid"),
        pytest.param(GOOD.replace("a=group:BUNDLE 0 1", ""), {}, "bad_offer", "no BUNDLE", id="no-bundle"),
        pytest.param(GOOD.replace("a=rtcp-mux", ""), {}, "bad_offer", "rtcp-mux", id="no-mux"),
        pytest.param(GOOD.replace("sha-256", "sha-1"), {}, "bad_offer", "sha-256 or stronger", id="sha-1"),
        pytest.param(
            GOOD.replace("a=setup:actpass", "a=setup:passive"), {}, "bad_offer", "passive", id="setup"
        ),
        pytest.param(GOOD.replace("opus/48000", "opus/8000"), {}, "codec_unsupported", "opus", id="no-opus"),
        pytest.param(GOOD.replace("VP8/90000", "XP8/90000"), {}, "codec_unsupported", "vp8", id="no-vp8"),
        pytest.param(
            GOOD, {"sources": {Mid("9"): Source.CAMERA}}, "bad_offer", "not offered", id="unknown-mid"
        ),
        pytest.param(GOOD, {"sources": {Mid("0"): Source.CAMERA}}, "bad_offer", "is audio", id="wrong-kind"),
        pytest.param(
            GOOD,
            {"sources": {Mid("0"): Source.MICROPHONE}, "seats": SEAT},
            "bad_offer",
            "named twice",
            id="both",
        ),
        pytest.param(GOOD, {"sources": {}, "seats": SEAT}, "bad_offer", "recvonly", id="seat-sends"),
        pytest.param(
            GOOD,
            {"sources": {}, "seats": SEAT * 10},
            "bad_offer",
            "named twice",
            id="a-seat-ten-times",
        ),
    ],
)
def test_refusals(offer: str, changes: dict[str, Any], code: str, words: str) -> None:
    with pytest.raises(ProtocolError) as caught:
        negotiate(request(offer, **{"sources": BOTH, **changes}))
    assert caught.value.code == code
    assert words in caught.value.text


@given(st.data())
def test_only_refusals_leave(data: st.DataObject) -> None:
    offer = text(data.draw(st.sampled_from(["chromium-recvonly", "firefox-sendrecv-datachannel"])))
    lines = offer.splitlines()
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(lines) - 1))
        lines[at] = data.draw(
            st.sampled_from(["", "a=mid:0", "m=video 9 X 1", "a=extmap:1 x", lines[at][:-1]])
        )
    with contextlib.suppress(ProtocolError):
        negotiate(request("\r\n".join(lines), seats=SEAT))
