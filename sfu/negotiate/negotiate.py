"""The whole of one negotiation."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping

from sfu.base.errors import ProtocolError, WireError
from sfu.base.ids import Mid
from sfu.negotiate.sections import bad_offer, data_channel, published, rejected, seated
from sfu.negotiate.values import (
    LocalTransport,
    NegotiatedIngress,
    NegotiatedSeat,
    Negotiation,
    NegotiationRequest,
    SectionAnswer,
)
from sfu.protocol.errors import ErrorCode
from sfu.wire.sdp import MediaSection, SessionDescription, parse_sdp

STRONG_HASHES = frozenset({"sha-256", "sha-384", "sha-512"})
CANDIDATE_PRIORITY = 2_130_706_431  # RFC 8445 section 5.1.2.1: host, component 1


def negotiate(request: NegotiationRequest) -> Negotiation:
    """Answer an offer.

    Raises:
        ProtocolError: ``bad_offer``, ``codec_unsupported`` or ``too_many_seats``, with what was
            found and what was wanted.
    """
    try:
        offer = parse_sdp(request.offer)
    except WireError as error:
        raise bad_offer(f"not understood ({error.reason})") from None
    sections = _sections(offer)
    _check_request(request, sections)
    transport = _transport(offer, sections)
    before = request.previous
    restarted = before is not None and before.remote_ufrag != transport.ice_ufrag
    local = request.local if before is None or restarted else before.local
    answers, ingresses, seats = _answers(request, sections)
    accepted = [answers[mid] for mid in sections if answers[mid].accepted]
    return Negotiation(
        answer=_write(offer, [answers[mid] for mid in sections], local),
        local=local,
        remote_ufrag=transport.ice_ufrag or "",
        remote_pwd=transport.ice_pwd or "",
        fingerprints=transport.fingerprints,
        ingresses=tuple(ingresses),
        seats=tuple(seats),
        data_channel_port=_data_port(sections, accepted),
        ice_restarted=restarted,
        sections=answers,
    )


def _sections(offer: SessionDescription) -> dict[Mid, MediaSection]:
    sections: dict[Mid, MediaSection] = {}
    for section in offer.media:
        if section.mid is None:
            raise bad_offer("an m-section has no a=mid")
        sections[Mid(section.mid)] = section
    if not sections:
        raise bad_offer("no m-section")
    return sections


def _check_request(request: NegotiationRequest, sections: Mapping[Mid, MediaSection]) -> None:
    named = [*request.sources, *(m for s in request.seats for m in (s.audio, s.video) if m)]
    if len(set(named)) != len(named):
        raise bad_offer("an m-section is named twice in sources and seats")
    for mid in named:
        if mid not in sections:
            raise bad_offer(f"m-section {mid} is named but not offered")
    if len(set(request.sources.values())) != len(request.sources):
        raise bad_offer("a source has two m-sections")
    before = len(request.previous.seats) if request.previous is not None else 0
    total = before + len(request.seats)
    if total > request.policy.max_seats:
        raise ProtocolError(
            ErrorCode.TOO_MANY_SEATS,
            f"seats: found {total}, wanted at most {request.policy.max_seats}",
        )


def _transport(offer: SessionDescription, sections: Mapping[Mid, MediaSection]) -> MediaSection:
    """The section that speaks for the bundle, checked (RFC 9143 section 7.2, RFC 8842)."""
    bundled = [sections[Mid(m)] for m in offer.bundle if Mid(m) in sections]
    alive = [s for s in bundled if s.port != 0 or s.bundle_only]
    if not alive:
        raise bad_offer("no BUNDLE group; one transport carries everything")
    first = alive[0]
    if not first.ice_ufrag or not first.ice_pwd:
        raise bad_offer("no a=ice-ufrag and a=ice-pwd")
    if not 4 <= len(first.ice_ufrag) <= 256 or not 22 <= len(first.ice_pwd) <= 256:
        raise bad_offer("a=ice-ufrag wants 4 to 256 characters, a=ice-pwd 22 to 256")
    if first.setup not in ("actpass", "active"):
        raise bad_offer(f"a=setup is {first.setup}, wanted actpass or active")
    if not any(name.lower() in STRONG_HASHES for name, _ in first.fingerprints):
        raise bad_offer("no a=fingerprint with sha-256 or stronger")
    for section in alive:
        same = (section.ice_ufrag, section.ice_pwd) == (first.ice_ufrag, first.ice_pwd)
        if not same or section.fingerprints != first.fingerprints:
            raise bad_offer(f"m-section {section.mid} has another transport than the bundle")
        if section.kind in ("audio", "video") and not section.rtcp_mux:
            raise bad_offer(f"m-section {section.mid} has no a=rtcp-mux")
    return first


def _answers(
    request: NegotiationRequest, sections: dict[Mid, MediaSection]
) -> tuple[dict[Mid, SectionAnswer], list[NegotiatedIngress], list[NegotiatedSeat]]:
    before = request.previous
    known = before.sections if before is not None else {}
    answers = {
        mid: answer
        for mid, answer in known.items()
        if mid in sections and _alive(sections[mid]) and answer.accepted
    }
    ingresses = [i for i in before.ingresses if i.operation.mid in answers] if before else []
    seats = list(before.seats) if before is not None else []
    for mid, source in request.sources.items():
        if mid not in answers and _alive(sections[mid]):
            answers[mid], ingress = published(request, sections[mid], mid, source)
            ingresses.append(ingress)
    for seat in request.seats:
        seat_answers, negotiated = seated(request, sections, seat, len(seats))
        answers.update({answer.mid: answer for answer in seat_answers})
        seats.append(negotiated)
    for mid, section in sections.items():
        if mid not in answers:
            answers[mid] = _other(section, mid)
    _check_ssrcs(seats)
    return answers, ingresses, seats


def _alive(section: MediaSection) -> bool:
    return section.port != 0 or section.bundle_only


def _other(section: MediaSection, mid: Mid) -> SectionAnswer:
    is_data = section.kind == "application" and "webrtc-datachannel" in section.formats
    if is_data and section.sctp_port is not None and _alive(section):
        return data_channel(section, mid)
    return rejected(section, mid)


def _check_ssrcs(seats: Iterable[NegotiatedSeat]) -> None:
    """Random SSRCs of one subscriber must differ; of 128 numbers two are alike once in 500,000."""
    numbers = [
        number
        for seat in seats
        for stream in (seat.audio, seat.video)
        if stream is not None
        for number in (stream.ssrc, stream.rtx_ssrc)
        if number is not None
    ]
    if len(set(numbers)) != len(numbers):
        raise ProtocolError(ErrorCode.INTERNAL, "two streams drew the same SSRC; join again")


def _data_port(sections: Mapping[Mid, MediaSection], accepted: Iterable[SectionAnswer]) -> int | None:
    for answer in accepted:
        if answer.kind == "application":
            return sections[answer.mid].sctp_port
    return None


# ---- the text ---------------------------------------------------------------------------------------


def _write(offer: SessionDescription, answers: list[SectionAnswer], local: LocalTransport) -> str:
    accepted = [answer.mid for answer in answers if answer.accepted]
    lines = [
        "v=0",
        f"o=- {secrets.randbits(62)} 2 IN IP4 127.0.0.1",
        "s=-",
        "t=0 0",
        "a=ice-lite",
        "a=group:BUNDLE " + " ".join(accepted),
        "a=msid-semantic: WMS *",
    ]
    if offer.extmap_allow_mixed or any(s.extmap_allow_mixed for s in offer.media):
        lines.insert(5, "a=extmap-allow-mixed")
    for answer in answers:
        lines += _section_lines(answer, local)
    return "\r\n".join(lines) + "\r\n"


def _section_lines(answer: SectionAnswer, local: LocalTransport) -> list[str]:
    formats = " ".join(answer.formats)
    if not answer.accepted:
        return [
            f"m={answer.kind} 0 {answer.protocol} {formats}",
            "c=IN IP4 0.0.0.0",
            f"a=mid:{answer.mid}",
            "a=inactive",
        ]
    first = local.candidates[0] if local.candidates else None
    port = first.port if first is not None else 9
    family = "IP6" if first is not None and ":" in first.host else "IP4"
    lines = [
        f"m={answer.kind} {port} {answer.protocol} {formats}",
        f"c=IN {family} {first.host if first is not None else '0.0.0.0'}",  # noqa: S104 - SDP text
        f"a=mid:{answer.mid}",
        f"a=ice-ufrag:{local.ufrag}",
        f"a=ice-pwd:{local.pwd}",
        f"a=fingerprint:sha-256 {local.fingerprint}",
        "a=setup:passive",
        *answer.lines,
    ]
    # The first section's candidates would do (RFC 9143 section 7.1.3), but aiortc reads the last one's.
    for rank, address in enumerate(local.candidates):
        priority = CANDIDATE_PRIORITY - (rank << 8)
        lines.append(f"a=candidate:{rank + 1} 1 udp {priority} {address.host} {address.port} typ host")
    lines.append("a=end-of-candidates")
    return lines
