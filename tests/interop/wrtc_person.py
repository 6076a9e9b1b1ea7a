"""A participant on ``wrtc`` (libwebrtc in Python): the third stack in a room, sealed like the others."""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from typing import Any

import webrtc
from sotto_client.e2ee import E2eeSession, Expected, Member, Opened, SealedCodec
from sotto_client.links import parse_link
from sotto_client.signalling import PROTOCOL_VERSION, Message, Signalling

CONTEXTS = {"microphone": 0, "camera": 1}
CODECS = {"video": SealedCodec.VP8, "audio": SealedCodec.OPUS}


class WrtcPerson:
    """Sends a synthetic camera and microphone, opens what its seats receive, and decodes it."""

    def __init__(self, link: str, name: str, seats: int = 3) -> None:
        self.link = parse_link(link)
        self.name = name
        self.pid = ""
        self.sealed: Counter[str] = Counter()
        self.opened: Counter[tuple[str, str]] = Counter()
        self._e2ee = E2eeSession(self.link.room, self.link.secret)
        self._seat_count = seats
        self._seats: dict[int, Message] = {}
        self._roster: dict[str, Message] = {}
        self._start = ""
        self._signalling: Signalling | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._pc = webrtc.RTCPeerConnection()

    async def join(self) -> None:
        """Enter the room."""
        wanted = webrtc.MediaStreamConstraints(audio=True, video=True)
        stream = await webrtc.media_devices.get_user_media(wanted)
        audio, video = stream.get_audio_tracks()[0], stream.get_video_tracks()[0]
        self._send(audio, "microphone", stream)
        self._send(video, "camera", stream)
        for index in range(self._seat_count):
            for kind in ("audio", "video"):
                init = webrtc.RTCRtpTransceiverInit(direction="recvonly")
                transceiver = self._pc.add_transceiver(kind, init)
                worker = self._opener(index, kind)
                transceiver.receiver.transform = webrtc.RTCRtpScriptTransform(worker)
                self._only(transceiver, kind)
        self._pc.create_data_channel("sotto")
        await self._pc.set_local_description(await self._pc.create_offer())
        mids = [str(t.mid) for t in self._pc.get_transceivers()]
        self._signalling = await Signalling.open(self.link.origin, self._pushed)
        joined = await self._signalling.request(
            "join",
            version=PROTOCOL_VERSION,
            capabilities=["e2ee-v1", "seats"],
            room=self.link.room,
            offer=getattr(self._pc.local_description, "sdp", ""),
            sources=[{"mid": mids[0], "source": "microphone"}, {"mid": mids[1], "source": "camera"}],
            seats=[{"audio": mids[2 + 2 * i], "video": mids[3 + 2 * i]} for i in range(self._seat_count)],
            tracks=[{"source": source, "active": True} for source in CONTEXTS],
            profile=self._e2ee.seal_name(self.name),
            invite=self.link.invite,
        )
        self.pid = joined["pid"]
        self._roster = {member["pid"]: member for member in joined["roster"]}
        self._start = self._e2ee.joined(Member(pid=joined["pid"], leaf=joined["leaf"]))
        self._seats = {seat["seat"]: seat for seat in joined["seats"]}
        await self._signalling.request("message", body=self._start)
        answer = webrtc.RTCSessionDescriptionInit(type="answer", sdp=joined["answer"])
        await self._pc.set_remote_description(answer)

    async def decoded(self) -> dict[str, int]:
        """Decoded video frames and audio samples that were heard, by kind."""
        found: Counter[str] = Counter()
        report = await self._pc.get_stats()
        for row in report.values() if hasattr(report, "values") else report:
            kind = str(getattr(row, "type", ""))
            if kind.endswith("inbound-rtp") and "remote" not in kind:
                found["video"] += int(getattr(row, "frames_decoded", 0) or 0)
                found["energy"] += round(1e6 * float(getattr(row, "total_audio_energy", 0) or 0))
        return dict(found)

    async def leave(self) -> None:
        """Leave for good."""
        if self._signalling is not None:
            with contextlib.suppress(ConnectionError, TimeoutError):
                await self._signalling.request("leave")
            await self._signalling.close()
        self._pc.close()

    def _send(self, track: Any, source: str, stream: Any) -> None:
        init = webrtc.RTCRtpTransceiverInit(direction="sendonly", streams=[stream])
        transceiver = self._pc.add_transceiver(track, init)
        transceiver.sender.transform = webrtc.RTCRtpScriptTransform(self._sealer(source))
        self._only(transceiver, "audio" if source == "microphone" else "video")

    @staticmethod
    def _only(transceiver: Any, kind: str) -> None:
        name = "audio/opus" if kind == "audio" else "video/vp8"
        capabilities: Any = webrtc.RTCRtpReceiver.get_capabilities("audio" if kind == "audio" else "video")
        kept = [c for c in capabilities.codecs if c.mime_type.lower() in (name, "video/rtx")]
        transceiver.set_codec_preferences(kept)

    def _sealer(self, source: str) -> Any:
        codec = CODECS["audio" if source == "microphone" else "video"]

        async def run(event: Any) -> None:
            writer = event.transformer.writable.get_writer()
            async for frame in event.transformer.readable:
                if not self.pid:
                    continue
                is_key = str(getattr(frame, "type", "")).endswith("key")
                sealed = self._e2ee.seal(CONTEXTS[source], codec, bytes(frame.data), is_key=is_key)
                if isinstance(sealed, bytes):
                    frame.data = sealed
                    self.sealed[source] += 1
                    await writer.write(frame)

        return run

    def _opener(self, index: int, kind: str) -> Any:
        async def run(event: Any) -> None:
            writer = event.transformer.writable.get_writer()
            async for frame in event.transformer.readable:
                seat = self._seats.get(index)
                source = None if seat is None else seat[kind]
                if seat is None or source is None:
                    continue
                expected = Expected(pid=seat["pid"], ctx=CONTEXTS[source])
                result = self._e2ee.open(CODECS[kind], bytes(frame.data), expected)
                if isinstance(result, Opened):
                    frame.data = result.frame
                    self.opened[seat["pid"], source] += 1
                    await writer.write(frame)

        return run

    def _pushed(self, message: Message) -> None:
        if message["type"] == "roster":
            for member in (*message["joined"], *message["updated"]):
                self._roster[member["pid"]] = member
            for member in message["joined"]:
                task = asyncio.create_task(self._tell(member["pid"]))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)
            for pid in message["left"]:
                self._e2ee.member_left(pid)
        elif message["type"] == "seats":
            self._seats.update({seat["seat"]: seat for seat in message["seats"]})
        elif message["type"] == "message":
            member = self._roster.get(message["sender"])
            if member is not None:
                self._e2ee.member_start(Member(pid=member["pid"], leaf=member["leaf"]), message["body"])

    async def _tell(self, pid: str) -> None:
        if self._signalling is not None and self._start:
            with contextlib.suppress(ConnectionError, TimeoutError):
                await self._signalling.request("message", body=self._start, to=pid)
