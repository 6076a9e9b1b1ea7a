"""Offers of real browsers, and offers no browser would send."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from sfu.base.errors import WireError
from sfu.wire.sdp import MAX_LINES, MAX_SDP_CHARS, MAX_SECTIONS, MediaSection, parse_sdp

OFFERS = Path(__file__).parents[2] / "vectors" / "offers"
NAMES = sorted(path.name for path in OFFERS.glob("*.sdp"))

HEAD = "v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n"
VIDEO = "m=video 9 UDP/TLS/RTP/SAVPF 96 97\r\na=mid:0\r\na=rtpmap:96 VP8/90000\r\na=rtpmap:97 rtx/90000\r\n"


def offer(name: str) -> str:
    return (OFFERS / name).read_text(encoding="utf-8")


def video(extra: str) -> MediaSection:
    return parse_sdp(HEAD + VIDEO + extra).media[0]


def test_there_are_offers_of_two_browsers() -> None:
    assert len([n for n in NAMES if "chromium" in n]) >= 4
    assert len([n for n in NAMES if "firefox" in n]) >= 3


@pytest.mark.parametrize("name", NAMES)
def test_every_browser_offer_is_read_whole(name: str) -> None:
    text = offer(name)
    session = parse_sdp(text)
    assert len(session.media) == text.count("\nm=")
    assert session.bundle == tuple(section.mid for section in session.media)
    for section in session.media:
        assert section.ice_ufrag
        assert section.ice_pwd
        assert len(section.ice_pwd) >= 22  # RFC 8445 section 5.3
        assert {function for function, _ in section.fingerprints} == {"sha-256"}
        assert section.setup == "actpass"
        if section.kind == "application":
            assert section.sctp_port == 5000
        else:
            assert section.rtcp_mux
            assert section.payload_types == tuple(int(f) for f in section.formats)
            assert set(section.codecs) == set(section.payload_types)
            for media_pt, rtx_pt in section.rtx.items():
                assert section.codecs[rtx_pt].parameter("apt") == str(media_pt)


@pytest.mark.parametrize("browser", ["chromium", "firefox"])
def test_simulcast_rids_in_offered_order(browser: str) -> None:
    session = parse_sdp(offer(f"offer-{browser}-send-audio-simulcast-video.sdp"))
    simulcast = [section for section in session.media if section.simulcast_send]
    assert len(simulcast) == 1
    assert simulcast[0].simulcast_send == tuple(rid for rid, _ in simulcast[0].rids)
    assert {direction for _, direction in simulcast[0].rids} == {"send"}
    assert len(simulcast[0].simulcast_send) >= 2


def test_session_level_ice_and_dtls_are_inherited() -> None:
    text = HEAD + "a=ice-ufrag:abcd\r\na=setup:actpass\r\na=fingerprint:sha-256 AA:BB\r\n" + VIDEO
    section = parse_sdp(text).media[0]
    assert (section.ice_ufrag, section.setup) == ("abcd", "actpass")
    assert section.fingerprints == (("sha-256", "AA:BB"),)


def test_own_fingerprint_wins_over_the_session_s() -> None:
    text = HEAD + "a=fingerprint:sha-256 AA:BB\r\n" + VIDEO + "a=fingerprint:sha-512 CC\r\n"
    assert parse_sdp(text).media[0].fingerprints == (("sha-512", "CC"),)


def test_fid_groups_and_ssrcs() -> None:
    section = video("a=ssrc-group:FID 11 12\r\na=ssrc:11 cname:x\r\na=ssrc:12 cname:x\r\na=ssrc:11 b:c\r\n")
    assert section.ssrcs == (11, 12)
    assert section.fid_groups == ((11, 12),)


def test_feedback_of_a_payload_type_that_is_gone_is_skipped() -> None:
    section = video("a=rtcp-fb:99 nack\r\na=rtcp-fb:96 nack pli\r\na=rtcp-fb:* transport-cc\r\n")
    assert section.codecs[96].feedback == ("nack pli", "transport-cc")
    assert section.codecs[97].feedback == ("transport-cc",)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        pytest.param("", "sdp_not_sdp", id="empty"),
        pytest.param("v=1\r\n", "sdp_not_sdp", id="other-version"),
        pytest.param("v=0\r\nhello\r\n", "sdp_bad_line", id="no-equals-sign"),
        pytest.param("v=0\r\n=x\r\n", "sdp_bad_line", id="no-type"),
        pytest.param("v=0\n" + "s=" + "x" * MAX_SDP_CHARS, "sdp_too_large", id="too-large"),
        pytest.param("v=0\n" + "a=x\n" * MAX_LINES, "sdp_too_many_lines", id="too-many-lines"),
        pytest.param(
            "v=0\n" + "m=audio 9 X 0\n" * (MAX_SECTIONS + 1), "sdp_too_many_sections", id="too-many-sections"
        ),
        pytest.param(HEAD + "m=audio\r\n", "sdp_bad_media_line", id="short-media-line"),
        pytest.param(HEAD + "m=audio 65536 X 0\r\n", "sdp_bad_port", id="port-out-of-range"),
        pytest.param(HEAD + "m=audio -1 X 0\r\n", "sdp_bad_number", id="signed-port"),
        pytest.param(HEAD + "m=audio \u0669 X 0\r\n", "sdp_bad_number", id="arabic-digit-port"),
        pytest.param(HEAD + "m=video 9 X 128\r\n", "sdp_bad_payload_type", id="payload-type-of-8-bits"),
        pytest.param(HEAD + VIDEO + "a=rtpmap:96\r\n", "sdp_bad_rtpmap", id="rtpmap-without-codec"),
        pytest.param(HEAD + VIDEO + "a=rtpmap:96 VP8/1_0\r\n", "sdp_bad_number", id="underscore-in-rate"),
        pytest.param(HEAD + VIDEO + "a=extmap:0 urn:x\r\n", "sdp_bad_extmap", id="extension-zero"),
        pytest.param(HEAD + VIDEO + "a=extmap:256 urn:x\r\n", "sdp_bad_extmap", id="extension-256"),
        pytest.param(HEAD + VIDEO + "a=extmap:1/up urn:x\r\n", "sdp_bad_extmap", id="extension-direction"),
        pytest.param(HEAD + VIDEO + "a=rid:q\r\n", "sdp_bad_rid", id="rid-without-direction"),
        pytest.param(HEAD + VIDEO + "a=ssrc:4294967296 cname:x\r\n", "sdp_bad_ssrc", id="ssrc-of-33-bits"),
        pytest.param(HEAD + VIDEO + VIDEO, "sdp_duplicate_mid", id="duplicate-mid"),
        pytest.param(
            HEAD + "m=audio 9 X 0\r\na=mid:" + "m" * 33 + "\r\n", "sdp_bad_mid", id="mid-of-33-characters"
        ),
    ],
)
def test_hostile_offers_are_refused_by_name(text: str, reason: str) -> None:
    with pytest.raises(WireError) as caught:
        parse_sdp(text)
    assert caught.value.reason == reason


@pytest.mark.parametrize("apt", ["\u00b2", "\u0669\u0666", "-1", "1e1", "9999", ""])
def test_an_apt_that_is_no_number_pairs_nothing(apt: str) -> None:
    assert video(f"a=fmtp:97 apt={apt}\r\n").rtx == {}


def test_a_flood_of_feedback_lines_is_refused_quickly() -> None:
    formats = " ".join(str(pt) for pt in range(96, 128))
    maps = "".join(f"a=rtpmap:{pt} VP8/90000\r\n" for pt in range(96, 128))
    text = HEAD + f"m=video 9 X {formats}\r\n" + maps + "a=rtcp-fb:* x\r\n" * 15_000
    began_s = time.process_time()
    with pytest.raises(WireError):
        parse_sdp(text)
    assert time.process_time() - began_s < 0.5
