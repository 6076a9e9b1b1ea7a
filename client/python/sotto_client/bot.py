"""A participant in Python: joins with a link, sends sealed media, opens what it receives.

On aiortc. Frames are sealed before aiortc packs them and opened before it decodes them: neither the
server nor aiortc's network code ever sees a plain frame.
"""

from __future__ import annotations

import asyncio
import contextlib
import queue
from collections import Counter
from collections.abc import Callable
from typing import Any

from aiortc import RTCBundlePolicy, RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import MediaStreamError

from sotto_client.e2ee import E2eeSession, Expected, Member, Opened, SealedCodec
from sotto_client.links import parse_link
from sotto_client.signalling import PROTOCOL_VERSION, Message, RefusedError, Signalling
from sotto_client.sources import ColourTrack, ToneTrack

CONTEXTS = {"microphone": 0, "camera": 1, "screen": 2, "screen_audio": 3}
CODECS = {"VP8": SealedCodec.VP8, "opus": SealedCodec.OPUS}


class Bot:
    """One participant. ``await Bot(link, name).join()``, then ``leave()``."""

    def __init__(self, link: str, name: str, seats: int = 4) -> None:
        self.link = parse_link(link)
        self.name = name
        self.pid = ""
        self.names: dict[str, str] = {}
        """Opened display names by pid."""
        self.opened: Counter[tuple[str, str]] = Counter()
        """Frames opened by (pid, source)."""
        self.decoded: Counter[str] = Counter()
        """Frames decoded, by kind: audio or video."""
        self.roster: dict[str, Message] = {}
        self.on_frame: Callable[[str, int, Any], None] | None = None
        """Called with (kind, seat, decoded av frame)."""
        self._e2ee = E2eeSession(self.link.room, self.link.secret)
        self._seat_count = seats
        self._seats: dict[int, Message] = {}
        self._start = ""
        self._signalling: Signalling | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._receivers: list[tuple[str, int, Any]] = []
        self._pc = RTCPeerConnection(RTCConfiguration(iceServers=[], bundlePolicy=RTCBundlePolicy.MAX_BUNDLE))

    async def join(self, *, colour: tuple[int, int, int] | None = None, tone_hz: int | None = None) -> None:
        """Enter the room and send what was asked for.

        Raises:
            RefusedError: the server said no.
            ConnectionError, TimeoutError: it cannot be reached.
        """
        sources = self._add_sources(colour, tone_hz)
        seats = [self._add_seat(index) for index in range(self._seat_count)]
        self._pc.createDataChannel("sotto")
        await self._pc.setLocalDescription(await self._pc.createOffer())
        self._signalling = await Signalling.open(self.link.origin, self._pushed)
        joined = await self._signalling.request(
            "join",
            version=PROTOCOL_VERSION,
            capabilities=["e2ee-v1", "seats"],
            room=self.link.room,
            offer=self._pc.localDescription.sdp,
            sources=[{"mid": t.mid, "source": source} for source, t in sources.items()],
            seats=[{"audio": audio.mid, "video": video.mid} for audio, video in seats],
            tracks=[{"source": source, "active": True} for source in sources],
            profile=self._e2ee.seal_name(self.name),
            decodes=["vp8"],
            browser="python",
            **({} if self.link.invite is None else {"invite": self.link.invite}),
        )
        self.pid = joined["pid"]
        for member in joined["roster"]:
            self._met(member)
        self._start = self._e2ee.joined(Member(pid=joined["pid"], leaf=joined["leaf"]))
        self._seated(joined["seats"])
        await self._tell(None)
        answer = RTCSessionDescription(type="answer", sdp=joined["answer"])
        await self._pc.setRemoteDescription(answer)
        for kind, index, receiver in self._receivers:
            self._spawn(self._consume(kind, index, receiver.track))

    @property
    def connected(self) -> bool:
        """Whether media flows both ways."""
        return bool(self._pc.connectionState == "connected")

    async def leave(self) -> None:
        """Leave for good."""
        for task in list(self._tasks):
            task.cancel()
        if self._signalling is not None:
            with contextlib.suppress(RefusedError, ConnectionError, TimeoutError):
                await self._signalling.request("leave")
            await self._signalling.close()
        await self._pc.close()

    # ---- media

    def _add_sources(self, colour: tuple[int, int, int] | None, tone_hz: int | None) -> dict[str, Any]:
        sources: dict[str, Any] = {}
        if tone_hz is not None:
            tone = ToneTrack(tone_hz, lambda f, k: self._seal("microphone", SealedCodec.OPUS, f, k))
            sources["microphone"] = self._pc.addTransceiver(tone, direction="sendonly")
        if colour is not None:
            picture = ColourTrack(colour, lambda f, k: self._seal("camera", SealedCodec.VP8, f, k))
            sources["camera"] = self._pc.addTransceiver(picture, direction="sendonly")
        return sources

    def _add_seat(self, index: int) -> tuple[Any, Any]:
        pair = tuple(self._pc.addTransceiver(kind, direction="recvonly") for kind in ("audio", "video"))
        for kind, transceiver in zip(("audio", "video"), pair, strict=True):
            receiver = transceiver.receiver
            # aiortc decodes in a thread that reads this queue: frames are opened on their way in.
            setattr(receiver, "_RTCRtpReceiver__decoder_queue", _OpeningQueue(self, index, kind))  # noqa: B010
            self._receivers.append((kind, index, receiver))
        return pair[0], pair[1]

    async def _consume(self, kind: str, index: int, track: Any) -> None:
        with contextlib.suppress(MediaStreamError):  # how aiortc ends a track
            while True:
                frame = await track.recv()
                self.decoded[kind] += 1
                if self.on_frame is not None:
                    self.on_frame(kind, index, frame)

    def _seal(self, source: str, codec: SealedCodec, frame: bytes, is_key: bool) -> bytes | None:
        if not self.pid:
            return None
        sealed = self._e2ee.seal(CONTEXTS[source], codec, frame, is_key=is_key)
        return sealed if isinstance(sealed, bytes) else None

    def open_frame(self, index: int, kind: str, codec: str, wire: bytes) -> bytes | None:
        """The plain frame of a seat, None when it does not open: it is then never decoded."""
        seat = self._seats.get(index)
        source = None if seat is None else seat[kind]
        sealed_codec = CODECS.get(codec)
        if seat is None or source is None or sealed_codec is None:
            return None
        expected = Expected(pid=seat["pid"], ctx=CONTEXTS[source])
        result = self._e2ee.open(sealed_codec, wire, expected)
        if isinstance(result, Opened):
            self.opened[seat["pid"], source] += 1
            return result.frame
        return None  # the session has counted why (``E2eeSession.drops``)

    # ---- signalling

    def _pushed(self, message: Message) -> None:
        if message["type"] == "roster":
            for member in (*message["joined"], *message["updated"]):
                self._met(member)
            for member in message["joined"]:
                self._spawn(self._tell(member["pid"]))
            for pid in message["left"]:
                self.roster.pop(pid, None)
                self._e2ee.member_left(pid)
        elif message["type"] == "seats":
            self._seated(message["seats"])
        elif message["type"] == "message":
            member = self.roster.get(message["sender"])
            if member is not None:
                self._e2ee.member_start(Member(pid=member["pid"], leaf=member["leaf"]), message["body"])

    def _met(self, member: Message) -> None:
        self.roster[member["pid"]] = member
        self.names[member["pid"]] = self._e2ee.open_name(member["profile"]) or ""

    def _seated(self, seats: list[Message]) -> None:
        for seat in seats:
            self._seats[seat["seat"]] = seat

    async def _tell(self, pid: str | None) -> None:
        if self._signalling is None or not self._start:
            return
        to = {} if pid is None else {"to": pid}
        with contextlib.suppress(RefusedError, ConnectionError, TimeoutError):  # gone meanwhile
            await self._signalling.request("message", body=self._start, **to)

    def _spawn(self, work: Any) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


class _OpeningQueue(queue.Queue[Any]):
    """Opens encoded frames on their way to the decoder; what does not open is dropped."""

    def __init__(self, bot: Bot, index: int, kind: str) -> None:
        super().__init__()
        self._bot, self._index, self._kind = bot, index, kind

    def put(self, item: Any, block: bool = True, timeout: float | None = None) -> None:
        """Called by aiortc with (codec, encoded frame), or None at the end."""
        if item is not None:
            codec, frame = item
            plain = self._bot.open_frame(self._index, self._kind, codec.name, frame.data)
            if plain is None:
                return
            frame.data = plain
        super().put(item, block, timeout)
