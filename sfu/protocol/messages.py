"""The signalling schema: every message, bounded in every field (DESIGN section 8).

One JSON object a WebSocket message, told apart by ``type``. The TypeScript types of the web client
and the tables of ``docs/protocol.md`` are generated from this file; nothing else describes them.
Client to server: unknown fields are refused. Server to client: unknown fields are to be ignored.
Requests carry ``id``; the reply carries the same number in ``id``.
"""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from sfu.base.ids import Codec, Source

PROTOCOL_VERSION = 1
CAPABILITIES = ("e2ee-v1", "seats", "simulcast", "resume")

RequestId = Annotated[int, Meta(ge=1, le=2**31 - 1)]
RoomName = Annotated[str, Meta(pattern=r"^[a-z0-9-]{1,64}$")]
PidText = Annotated[str, Meta(pattern=r"^[A-Za-z0-9_-]{11}$")]
Token = Annotated[str, Meta(min_length=1, max_length=4096)]
Sdp = Annotated[str, Meta(min_length=1, max_length=256 * 1024)]
MidText = Annotated[str, Meta(pattern=r"^[A-Za-z0-9_.-]{1,32}$")]
Sealed = Annotated[str, Meta(pattern=r"^[A-Za-z0-9_-]*$", max_length=512)]
"""base64url of bytes sealed for members; the server never opens it."""
Opaque = Annotated[str, Meta(pattern=r"^[A-Za-z0-9_-]*$", max_length=43_692)]
"""base64url of up to 32 KiB that only members read."""
RidText = Annotated[str, Meta(pattern=r"^[A-Za-z0-9_-]{1,16}$")]
Pixels = Annotated[int, Meta(ge=0, le=16_384)]
CapabilityName = Annotated[str, Meta(pattern=r"^[a-z0-9-]{1,32}$")]


class ClientMessage(Struct, tag_field="type", forbid_unknown_fields=True, kw_only=True):
    """Anything a client sends."""


class ServerMessage(Struct, tag_field="type", kw_only=True, omit_defaults=False):
    """Anything the server sends."""


class Item(Struct, forbid_unknown_fields=True, kw_only=True):
    """A value inside a client's message."""


class Value(Struct, kw_only=True):
    """A value inside a server's message."""


# ---- client to server ---------------------------------------------------------------------------


class SourceLine(Item):
    """Which m-section of the offer carries which of the client's own sources (SEATS C1)."""

    mid: MidText
    source: Source


class SeatLines(Item):
    """The recvonly m-sections of one seat. An audio-only seat has no video."""

    audio: MidText
    video: MidText | None = None


class TrackState(Item):
    """What the client says of one of its sources. Nothing is inferred from silence (SEATS C4)."""

    source: Source
    active: bool
    """A track is attached: others may see a tile or hear a voice."""
    muted: bool = False


class Create(ClientMessage, tag="create"):
    """Make a room, where the server allows it, and get its invites. The secret stays in the page."""

    id: RequestId
    version: Annotated[int, Meta(ge=1, le=1000)]
    room: RoomName


class Join(ClientMessage, tag="join"):
    """Enter a room. The first message of a connection, within 5 s of connecting."""

    id: RequestId
    version: Annotated[int, Meta(ge=1, le=1000)]
    capabilities: Annotated[list[CapabilityName], Meta(max_length=32)]
    room: RoomName
    offer: Sdp
    sources: Annotated[list[SourceLine], Meta(max_length=16)]
    seats: Annotated[list[SeatLines], Meta(max_length=64)]
    token: Token | None = None
    """A join token, or"""
    invite: Token | None = None
    """an invite from the link, which the server exchanges for one."""
    tracks: Annotated[list[TrackState], Meta(max_length=16)] = []
    profile: Sealed = ""
    """The display name, sealed for members (E2EE.md 5.4b)."""
    decodes: Annotated[list[Codec], Meta(max_length=8)] = []
    """Video codecs this client can decode and seal."""
    browser: Annotated[str, Meta(pattern=r"^[a-z]*$", max_length=16)] = ""
    """Engine family for metrics (chromium, firefox, safari, python, other). No version."""


class Resume(ClientMessage, tag="resume"):
    """Take up a session again on a new socket while its media lives (DESIGN section 7)."""

    id: RequestId
    version: Annotated[int, Meta(ge=1, le=1000)]
    pid: PidText
    secret: Token
    seq: Annotated[int, Meta(ge=0, le=2**53)]
    """The last state number this client has applied."""
    tracks: Annotated[list[TrackState], Meta(max_length=16)] = []


class Leave(ClientMessage, tag="leave"):
    """Leave for good. The server forgets the session at once."""

    id: RequestId


class Offer(ClientMessage, tag="offer"):
    """A new offer: more seats (SEATS C5) or an ICE restart. Only added m-sections are listed."""

    id: RequestId
    offer: Sdp
    sources: Annotated[list[SourceLine], Meta(max_length=16)] = []
    seats: Annotated[list[SeatLines], Meta(max_length=64)] = []


class Want(Item):
    """One video the client wants to see, and how large, in device pixels."""

    pid: PidText
    source: Source
    width: Pixels
    height: Pixels
    priority: Annotated[int, Meta(ge=0, le=100)] = 50
    pinned: bool = False
    layer: RidText | None = None
    """Ask for this encoding at most, whatever the size says."""


class View(ClientMessage, tag="view"):
    """All the client wants to see, most wanted first; replaces the view before it."""

    id: RequestId
    wants: Annotated[list[Want], Meta(max_length=256)]


class Publish(ClientMessage, tag="publish"):
    """State of the client's own sources; only those that changed."""

    id: RequestId
    tracks: Annotated[list[TrackState], Meta(min_length=1, max_length=16)]


class Message(ClientMessage, tag="message"):
    """Opaque bytes for one member, or for all others when ``to`` is absent."""

    id: RequestId
    body: Opaque
    to: PidText | None = None


class Pong(ClientMessage, tag="pong"):
    """Answer to ``ping``; no reply."""

    nonce: Annotated[int, Meta(ge=0, le=2**53)]


AnyClientMessage = Create | Join | Resume | Leave | Offer | View | Publish | Message | Pong

# ---- server to client ---------------------------------------------------------------------------


class Track(Value):
    """One source of a member."""

    source: Source
    muted: bool


class Member(Value):
    """One participant as the server announces it. Names come from ``profile``, sealed."""

    pid: str
    leaf: int
    """Small number for the KID until group keys land (E2EE.md 5.4b)."""
    role: str
    profile: str
    tracks: list[Track]


class SeatState(Value):
    """What one seat carries now. The KID inside each frame has the last word on who it is."""

    seat: int
    """Index in the order the client listed its seats, added ones after."""
    pid: str | None
    video: Source | None
    audio: Source | None
    layer: str | None = None
    """Encoding being sent of the video, None when there is only one or none."""
    paused: str | None = None
    """Why the video is held back: ``not_wanted`` (not in the view), ``bandwidth``; None when it flows."""


class IceServer(Value):
    """As RTCIceServer in the browser (W3C WebRTC section 4.2.4)."""

    urls: list[str]
    username: str | None = None
    credential: str | None = None


class Created(ServerMessage, tag="created"):
    """Reply to ``create``. The page appends its own secret to make a link."""

    id: int
    room: str
    host_invite: str
    guest_invite: str


class Joined(ServerMessage, tag="joined"):
    """Reply to ``join``: everything needed for the call, in one message."""

    id: int
    version: int
    capabilities: list[str]
    seq: int
    room: str
    pid: str
    leaf: int
    role: str
    answer: str
    codec: Codec
    roster: list[Member]
    """Everybody in the room, oldest first, the client itself included."""
    seats: list[SeatState]
    ice_servers: list[IceServer]
    guest_invite: str | None
    """For the "Copy the link" button; None when this member may not invite."""
    resume_secret: str
    resume_grace_s: int
    e2ee: str
    """Always ``required`` here; a client with a link secret never lets the server choose."""


class Resumed(ServerMessage, tag="resumed"):
    """Reply to ``resume``: a snapshot, which replaces what the client knew."""

    id: int
    seq: int
    roster: list[Member]
    seats: list[SeatState]
    resume_secret: str


class Ok(ServerMessage, tag="ok"):
    """Reply to a request that has nothing more to say."""

    id: int


class Answer(ServerMessage, tag="answer"):
    """Reply to ``offer``."""

    id: int
    answer: str
    seats: list[SeatState]


class Roster(ServerMessage, tag="roster"):
    """Who came, changed and went, since the state before."""

    seq: int
    joined: list[Member] = []
    updated: list[Member] = []
    left: list[str] = []


class Seats(ServerMessage, tag="seats"):
    """Seats that changed."""

    seq: int
    seats: list[SeatState]


class Level(Value):
    """Loudness of one microphone: 0 silent to 100 loudest."""

    pid: str
    level: int


class Levels(ServerMessage, tag="levels"):
    """Who can be heard, at most 5 times a second, and the active speaker."""

    levels: list[Level]
    speaker: str | None


class Wanted(ServerMessage, tag="wanted"):
    """Encodings of the client's own source that anybody is being sent. Unwanted ones may rest."""

    source: Source
    encodings: list[str]


class Relayed(ServerMessage, tag="message"):
    """Opaque bytes from another member."""

    sender: str
    body: str


class Error(ServerMessage, tag="error"):
    """What went wrong, for programs (``code``, ``action``) and for people who debug (``text``)."""

    code: str
    text: str
    action: str
    """``retry`` later, ``rejoin`` from the start, ``fix`` the request, or ``give_up``."""
    id: int | None = None
    retry_after_s: float | None = None


class Closing(ServerMessage, tag="closing"):
    """The server ends this session; ``code`` as in ``error``."""

    code: str
    text: str
    action: str


class Ping(ServerMessage, tag="ping"):
    """Are you there? Answer with ``pong``."""

    nonce: int


AnyServerMessage = (
    Created
    | Joined
    | Resumed
    | Ok
    | Answer
    | Roster
    | Seats
    | Levels
    | Wanted
    | Relayed
    | Error
    | Closing
    | Ping
)
