"""Our answer to each kind of m-section, and what the plane must know of it."""

from __future__ import annotations

from sfu.base.errors import ProtocolError
from sfu.base.ids import Codec, MediaKind, Mid, Rid, Source, Ssrc
from sfu.negotiate.codecs import codec_lines, find_codec, formats_of
from sfu.negotiate.extensions import (
    PUBLISHED_AUDIO,
    PUBLISHED_VIDEO,
    SEAT_AUDIO,
    SEAT_VIDEO,
    accept,
)
from sfu.negotiate.values import (
    NegotiatedIngress,
    NegotiatedSeat,
    NegotiationRequest,
    SeatRequest,
    SectionAnswer,
)
from sfu.plane.port import AddIngress, AddSeat, Extension, Feedback, PayloadType
from sfu.protocol.errors import ErrorCode
from sfu.wire.sdp import MediaSection

LOSS_FEEDBACK = ("nack", "nack pli", "ccm fir")
MAX_RIDS = 4
DATA_MESSAGE_BYTES = 65_536

START_BITRATE_KBPS = 1200
"""Where Chromium's estimate starts. Its own 300 leaves the largest encoding off for seconds; a path
that cannot carry it says so within a second."""


def bad_offer(text: str) -> ProtocolError:
    """An offer we do not take, and why."""
    return ProtocolError(ErrorCode.BAD_OFFER, f"offer: {text}")


def rejected(section: MediaSection, mid: Mid) -> SectionAnswer:
    """An m-section nobody spoke for (RFC 9429 section 5.3.1: port zero)."""
    return SectionAnswer(
        mid=mid,
        kind=section.kind,
        protocol=section.protocol,
        formats=section.formats[:1],
        lines=(),
        accepted=False,
    )


def data_channel(section: MediaSection, mid: Mid) -> SectionAnswer:
    """The SCTP association (RFC 8841)."""
    lines = (f"a=sctp-port:{section.sctp_port}", f"a=max-message-size:{DATA_MESSAGE_BYTES}")
    return SectionAnswer(
        mid=mid, kind=section.kind, protocol=section.protocol, formats=section.formats, lines=lines
    )


def published(
    request: NegotiationRequest, section: MediaSection, mid: Mid, source: Source
) -> tuple[SectionAnswer, NegotiatedIngress]:
    """One of the client's own sources: we receive it.

    Raises:
        ProtocolError: wrong kind or direction, no usable codec, or too many encodings.
    """
    _check_source(section, mid, source)
    chosen = _codec(request, section, mid)
    video = source.kind is MediaKind.VIDEO
    wanted = PUBLISHED_VIDEO if video else PUBLISHED_AUDIO
    extensions, extension_lines = accept(section, wanted, request.policy.audio_level)
    feedback = _feedback(section, chosen, extensions)
    congestion = {Feedback.TRANSPORT_CC: ("transport-cc",), Feedback.REMB: ("goog-remb",)}
    kinds = (*(LOSS_FEEDBACK if video else ()), *congestion.get(feedback, ()))
    rids = tuple(rid for rid, direction in section.rids if direction == "send")
    if section.simulcast_send:
        rids = tuple(rid for rid in section.simulcast_send if rid in rids)
    if len(rids) > MAX_RIDS:
        raise bad_offer(f"m-section {mid} has {len(rids)} encodings, at most {MAX_RIDS} are taken")
    lines = ["a=recvonly", *_with_start_rate(codec_lines(section, chosen, kinds), chosen, video)]
    lines += extension_lines
    if rids:
        lines += [f"a=rid:{rid} recv" for rid in rids]
        lines.append("a=simulcast:recv " + ";".join(rids))
    operation = AddIngress(
        ingress=request.ids.ingress_id(),
        transport=request.transport,
        mid=mid,
        kind=source.kind,
        payload_types=(chosen,),
        extensions=extensions,
        rids=tuple(Rid(rid) for rid in rids),
        ssrcs=_primary_first(section),
        feedback=feedback,
    )
    answer = _answer(section, mid, chosen, lines)
    return answer, NegotiatedIngress(source=source, operation=operation)


def seated(
    request: NegotiationRequest,
    sections: dict[Mid, MediaSection],
    seat: SeatRequest,
    index: int,
) -> tuple[list[SectionAnswer], NegotiatedSeat]:
    """One seat: we send, on SSRCs that never change (SEATS R11 to R13).

    Raises:
        ProtocolError: an m-section is missing, of the wrong kind or direction, or has no codec.
    """
    audio_answer, audio = _seat_stream(request, sections, seat.audio, (index, MediaKind.AUDIO))
    if seat.video is None:
        return [audio_answer], NegotiatedSeat(index=index, audio=audio, video=None)
    video_answer, video = _seat_stream(request, sections, seat.video, (index, MediaKind.VIDEO))
    return [audio_answer, video_answer], NegotiatedSeat(index=index, audio=audio, video=video)


def _seat_stream(
    request: NegotiationRequest,
    sections: dict[Mid, MediaSection],
    mid: Mid,
    which: tuple[int, MediaKind],
) -> tuple[SectionAnswer, AddSeat]:
    index, kind = which
    section = sections.get(mid)
    if section is None or section.kind != kind or section.direction != "recvonly":
        found = "nothing" if section is None else f"{section.kind} {section.direction}"
        raise bad_offer(f"m-section {mid} of a seat: found {found}, wanted {kind} recvonly")
    chosen = _codec(request, section, mid)
    video = kind is MediaKind.VIDEO
    wanted = SEAT_VIDEO if video else SEAT_AUDIO
    extensions, extension_lines = accept(section, wanted, request.policy.audio_level)
    cname = f"seat{index}"
    ssrc = request.ids.ssrc()
    rtx_ssrc = request.ids.ssrc() if chosen.rtx_pt is not None else None
    lines = ["a=sendonly", f"a=msid:{cname} {cname}{kind[0]}"]
    lines += codec_lines(section, chosen, LOSS_FEEDBACK if video else ())
    lines += extension_lines
    if rtx_ssrc is not None:
        lines.append(f"a=ssrc-group:FID {ssrc} {rtx_ssrc}")
    lines += [f"a=ssrc:{number} cname:{cname}" for number in (ssrc, rtx_ssrc) if number is not None]
    stream = AddSeat(
        egress=request.ids.egress_id(),
        transport=request.transport,
        mid=mid,
        kind=kind,
        ssrc=ssrc,
        rtx_ssrc=rtx_ssrc,
        payload_types=(chosen,),
        extensions={extension: number for number, extension in extensions.items()},
        cname=cname,
        sync_group=index,
    )
    return _answer(section, mid, chosen, lines), stream


def _answer(section: MediaSection, mid: Mid, chosen: PayloadType, lines: list[str]) -> SectionAnswer:
    if section.rtcp_rsize:
        lines = [lines[0], "a=rtcp-rsize", *lines[1:]]
    return SectionAnswer(
        mid=mid,
        kind=section.kind,
        protocol=section.protocol,
        formats=formats_of(chosen),
        lines=("a=rtcp-mux", *lines),
    )


def _check_source(section: MediaSection, mid: Mid, source: Source) -> None:
    if section.kind != source.kind:
        raise bad_offer(f"m-section {mid} is {section.kind}, {source} wants {source.kind}")
    if section.direction not in ("sendonly", "sendrecv"):
        raise bad_offer(f"m-section {mid} of {source} is {section.direction}, wanted sendonly")


def _codec(request: NegotiationRequest, section: MediaSection, mid: Mid) -> PayloadType:
    codec = Codec.OPUS if section.kind == MediaKind.AUDIO else request.policy.codec
    chosen = find_codec(section, codec)
    if chosen is None:
        raise ProtocolError(
            ErrorCode.CODEC_UNSUPPORTED, f"offer: m-section {mid} has no {codec}, this room's codec"
        )
    return chosen


def _feedback(section: MediaSection, chosen: PayloadType, extensions: dict[int, Extension]) -> Feedback:
    offered = section.codecs[chosen.pt].feedback
    if Extension.TRANSPORT_CC in extensions.values() and "transport-cc" in offered:
        return Feedback.TRANSPORT_CC
    return Feedback.REMB if "goog-remb" in offered else Feedback.NONE


def _with_start_rate(lines: list[str], chosen: PayloadType, video: bool) -> list[str]:
    if not video:
        return lines
    rate = f"x-google-start-bitrate={START_BITRATE_KBPS}"
    head = f"a=fmtp:{chosen.pt} "
    if any(line.startswith(head) for line in lines):
        return [f"{line};{rate}" if line.startswith(head) else line for line in lines]
    return [lines[0], head + rate, *lines[1:]]


def _primary_first(section: MediaSection) -> tuple[Ssrc, ...]:
    """SSRCs of the offer, those that carry media before those that repeat it."""
    repeats = {group[1] for group in section.fid_groups if len(group) > 1}
    ordered = sorted(section.ssrcs, key=lambda ssrc: ssrc in repeats)
    return tuple(Ssrc(ssrc) for ssrc in ordered)
