"""Offers as values (RFC 8866, RFC 9429). Total and bounded; nothing is resolved or connected to.

Only what negotiation reads is kept. Lines of attributes we do not know, and ``rtcp-fb`` or ``fmtp``
lines of payload types that are not in their m-line (Firefox leaves such), are skipped.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from sfu.base.errors import WireError

MAX_SDP_CHARS = 256 * 1024
MAX_LINES = 16_000
MAX_SECTIONS = 512
MAX_FEEDBACK = 32
"""``rtcp-fb`` lines of one payload type; browsers write six. Each costs a copy of those before it."""
DIRECTIONS = frozenset({"sendrecv", "sendonly", "recvonly", "inactive"})


@dataclass(frozen=True, slots=True, kw_only=True)
class CodecMap:
    """One ``a=rtpmap`` with its ``fmtp`` and ``rtcp-fb`` lines."""

    name: str
    """As offered; compare in lower case (RFC 8866 section 6.6)."""
    clock_hz: int
    channels: int = 1
    fmtp: tuple[tuple[str, str], ...] = ()
    """``key=value`` pairs in order; a value without key has key ''."""
    feedback: tuple[str, ...] = ()

    def parameter(self, key: str) -> str | None:
        """One ``fmtp`` parameter."""
        return next((value for name, value in self.fmtp if name.lower() == key), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class ExtMap:
    """One ``a=extmap`` (RFC 8285 section 5)."""

    id: int
    uri: str
    direction: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MediaSection:
    """One m-section. ICE and DTLS attributes of the session level are filled in."""

    kind: str
    port: int
    protocol: str
    formats: tuple[str, ...]
    payload_types: tuple[int, ...] = ()
    """In order of preference; empty for data channels."""
    mid: str | None = None
    direction: str = "sendrecv"
    ice_ufrag: str | None = None
    ice_pwd: str | None = None
    fingerprints: tuple[tuple[str, str], ...] = ()
    """(hash function, value), as written."""
    setup: str | None = None
    rtcp_mux: bool = False
    rtcp_rsize: bool = False
    bundle_only: bool = False
    codecs: dict[int, CodecMap] = field(default_factory=dict)
    rtx: dict[int, int] = field(default_factory=dict)
    """Payload type -> payload type of its retransmissions (RFC 4588 section 8.1)."""
    extmaps: tuple[ExtMap, ...] = ()
    extmap_allow_mixed: bool = False
    rids: tuple[tuple[str, str], ...] = ()
    """(rid, direction), in order (RFC 8851)."""
    simulcast_send: tuple[str, ...] = ()
    """RIDs the other side offers to send, in order; the first of alternatives (RFC 8853)."""
    msid: str | None = None
    ssrcs: tuple[int, ...] = ()
    """In order of first mention."""
    fid_groups: tuple[tuple[int, ...], ...] = ()
    sctp_port: int | None = None
    max_message_size: int | None = None
    candidates: int = 0
    """How many were listed; never looked at, an ICE-lite server sends to none of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionDescription:
    """One offer or answer."""

    media: tuple[MediaSection, ...]
    bundle: tuple[str, ...] = ()
    """MIDs of the first BUNDLE group, in order."""
    ice_lite: bool = False
    extmap_allow_mixed: bool = False
    ice_options: tuple[str, ...] = ()


def parse_sdp(text: str) -> SessionDescription:
    """Read a session description.

    Raises:
        WireError: ``sdp_too_large``, ``sdp_not_sdp``, ``sdp_bad_line`` and the like; the reason is
            a slug, followed by what was found where that helps.
    """
    if len(text) > MAX_SDP_CHARS:
        raise WireError("sdp_too_large")
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    if len(lines) > MAX_LINES:
        raise WireError("sdp_too_many_lines")
    if lines[0] != "v=0":
        raise WireError("sdp_not_sdp")
    blocks = _blocks(lines)
    if len(blocks) - 1 > MAX_SECTIONS:
        raise WireError("sdp_too_many_sections")
    session = _Attributes(blocks[0])
    media = tuple(_section(block, session) for block in blocks[1:])
    _check_mids(media)
    return SessionDescription(
        media=media,
        bundle=_bundle(session),
        ice_lite=session.has("ice-lite"),
        extmap_allow_mixed=session.has("extmap-allow-mixed"),
        ice_options=tuple((session.first("ice-options") or "").split()),
    )


class _Attributes:
    """The ``a=`` lines of one block, by name."""

    def __init__(self, lines: Iterable[str]) -> None:
        self._values: dict[str, list[str]] = {}
        for line in lines:
            if line.startswith("a="):
                name, _, value = line[2:].partition(":")
                self._values.setdefault(name, []).append(value)

    def has(self, name: str) -> bool:
        return name in self._values

    def all(self, name: str) -> list[str]:
        return self._values.get(name, [])

    def first(self, name: str) -> str | None:
        values = self._values.get(name)
        return values[0] if values else None


def _blocks(lines: list[str]) -> list[list[str]]:
    blocks: list[list[str]] = [[]]
    for line in lines:
        if not line:
            continue
        if len(line) < 2 or line[1] != "=" or not line[0].isalpha():
            raise WireError("sdp_bad_line")
        if line.startswith("m="):
            blocks.append([])
        blocks[-1].append(line)
    return blocks


def _section(lines: list[str], session: _Attributes) -> MediaSection:
    kind, port, protocol, formats = _media_line(lines[0])
    own = _Attributes(lines[1:])
    section = MediaSection(
        kind=kind,
        port=port,
        protocol=protocol,
        formats=formats,
        mid=own.first("mid"),
        direction=_direction(own, session),
        ice_ufrag=own.first("ice-ufrag") or session.first("ice-ufrag"),
        ice_pwd=own.first("ice-pwd") or session.first("ice-pwd"),
        fingerprints=_fingerprints(own) or _fingerprints(session),
        setup=own.first("setup") or session.first("setup"),
        rtcp_mux=own.has("rtcp-mux"),
        rtcp_rsize=own.has("rtcp-rsize"),
        bundle_only=own.has("bundle-only"),
        msid=own.first("msid"),
        candidates=len(own.all("candidate")),
        extmap_allow_mixed=own.has("extmap-allow-mixed"),
    )
    if kind in ("audio", "video"):
        return _with_media(section, own)
    return replace(
        section,
        sctp_port=_optional_int(own.first("sctp-port")),
        max_message_size=_optional_int(own.first("max-message-size")),
    )


def _media_line(line: str) -> tuple[str, int, str, tuple[str, ...]]:
    parts = line[2:].split()
    if len(parts) < 4:
        raise WireError("sdp_bad_media_line")
    kind, port, protocol, *formats = parts
    number = _int(port.partition("/")[0])
    if number > 65_535:
        raise WireError("sdp_bad_port")
    return kind, number, protocol, tuple(formats)


def _with_media(section: MediaSection, own: _Attributes) -> MediaSection:
    payload_types = tuple(dict.fromkeys(_payload_type(text) for text in section.formats))
    codecs = _codecs(payload_types, own)
    return replace(
        section,
        payload_types=payload_types,
        codecs=codecs,
        rtx=_rtx(codecs),
        extmaps=tuple(_extmap(value) for value in own.all("extmap")),
        rids=tuple(_rid(value) for value in own.all("rid")),
        simulcast_send=_simulcast_send(own.first("simulcast")),
        ssrcs=tuple(dict.fromkeys(_ssrc(value.split(" ")[0]) for value in own.all("ssrc"))),
        fid_groups=tuple(
            tuple(_ssrc(number) for number in value.split()[1:])
            for value in own.all("ssrc-group")
            if value.startswith("FID ")
        ),
    )


def _codecs(payload_types: tuple[int, ...], own: _Attributes) -> dict[int, CodecMap]:
    codecs: dict[int, CodecMap] = {}
    for value in own.all("rtpmap"):
        number, _, encoding = value.partition(" ")
        pt = _payload_type(number)
        if pt in payload_types:
            codecs[pt] = _rtpmap(encoding)
    for value in own.all("fmtp"):
        number, _, parameters = value.partition(" ")
        pt = _payload_type(number)
        if pt in codecs:
            codecs[pt] = replace(codecs[pt], fmtp=_fmtp(parameters))
    for value in own.all("rtcp-fb"):
        number, _, kind = value.partition(" ")
        wanted = list(codecs) if number == "*" else [_payload_type(number)]
        for pt in wanted:
            if pt in codecs:  # Firefox leaves lines of payload types that are gone
                codec = codecs[pt]
                if len(codec.feedback) == MAX_FEEDBACK:
                    raise WireError("sdp_too_many_feedback")
                codecs[pt] = replace(codec, feedback=(*codec.feedback, kind.strip()))
    return codecs


def _rtpmap(encoding: str) -> CodecMap:
    parts = encoding.strip().split("/")
    if len(parts) < 2 or not parts[0]:
        raise WireError("sdp_bad_rtpmap")
    channels = _int(parts[2]) if len(parts) > 2 else 1
    return CodecMap(name=parts[0], clock_hz=_int(parts[1]), channels=channels)


def _fmtp(parameters: str) -> tuple[tuple[str, str], ...]:
    pairs = []
    for item in parameters.split(";"):
        name, equals, value = item.strip().partition("=")
        if equals:
            pairs.append((name.strip(), value.strip()))
        elif name:
            pairs.append(("", name))
    return tuple(pairs)


def _rtx(codecs: dict[int, CodecMap]) -> dict[int, int]:
    rtx: dict[int, int] = {}
    for pt, codec in codecs.items():
        apt = codec.parameter("apt")
        if codec.name.lower() != "rtx" or apt is None:
            continue
        if apt.isascii() and apt.isdigit() and len(apt) <= 3:
            rtx.setdefault(int(apt), pt)
    return rtx


def _extmap(value: str) -> ExtMap:
    head, _, rest = value.partition(" ")
    number, slash, direction = head.partition("/")
    uri = rest.split(" ")[0]
    if not uri or (slash and direction not in DIRECTIONS):
        raise WireError("sdp_bad_extmap")
    identifier = _int(number)
    if not 1 <= identifier <= 255:
        raise WireError("sdp_bad_extmap")
    return ExtMap(id=identifier, uri=uri, direction=direction or None)


def _rid(value: str) -> tuple[str, str]:
    parts = value.split()
    if len(parts) < 2 or parts[1] not in ("send", "recv") or not _is_token(parts[0]):
        raise WireError("sdp_bad_rid")
    return parts[0], parts[1]


def _simulcast_send(value: str | None) -> tuple[str, ...]:
    if value is None:
        return ()
    words = value.split()
    if "send" not in words or words.index("send") + 1 >= len(words):
        return ()
    listed = words[words.index("send") + 1].split(";")
    return tuple(item.split(",")[0].removeprefix("~") for item in listed)


def _direction(own: _Attributes, session: _Attributes) -> str:
    for attributes in (own, session):
        for name in DIRECTIONS:
            if attributes.has(name):
                return name
    return "sendrecv"


def _fingerprints(attributes: _Attributes) -> tuple[tuple[str, str], ...]:
    pairs = []
    for value in attributes.all("fingerprint"):
        function, _, digest = value.strip().partition(" ")
        pairs.append((function, digest.strip()))
    return tuple(pairs)


def _bundle(session: _Attributes) -> tuple[str, ...]:
    for value in session.all("group"):
        words = value.split()
        if words and words[0] == "BUNDLE":
            return tuple(words[1:])
    return ()


def _check_mids(media: tuple[MediaSection, ...]) -> None:
    mids = [section.mid for section in media if section.mid is not None]
    if len(set(mids)) != len(mids):
        raise WireError("sdp_duplicate_mid")
    if any(not _is_token(mid) or len(mid) > 32 for mid in mids):
        raise WireError("sdp_bad_mid")


def _is_token(text: str) -> bool:
    return bool(text) and len(text) <= 255 and all(33 <= ord(c) <= 126 for c in text)


def _payload_type(text: str) -> int:
    number = _int(text)
    if number > 127:
        raise WireError("sdp_bad_payload_type")
    return number


def _ssrc(text: str) -> int:
    number = _int(text)
    if number > 0xFFFFFFFF:
        raise WireError("sdp_bad_ssrc")
    return number


def _optional_int(text: str | None) -> int | None:
    return None if text is None else _int(text)


def _int(text: str) -> int:
    """A plain decimal number; ``int`` alone would take signs, underscores and other scripts."""
    if not (text.isascii() and text.isdigit() and len(text) <= 20):
        raise WireError("sdp_bad_number")
    return int(text)
