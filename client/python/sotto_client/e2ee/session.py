"""One member's end-to-end encryption: seal what we send, open what we get, one AEAD call a frame. Sans-IO.

Nothing is held here: a frame whose key or announcement is not there yet is dropped as ``unknown_key`` or
``sender_mismatch``, and a caller that wants to wait (E2EE.md 5.6: 500 ms for video, 60 ms for audio) keeps it
and tries again.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Final, Literal

from sotto_client.e2ee.codecs import SealedCodec, codec_id
from sotto_client.e2ee.drops import DropReason
from sotto_client.e2ee.interim import INTERIM_EPOCH, InterimKeys, Member, OwnKey
from sotto_client.e2ee.key_ring import KeyRing, RemoteSender
from sotto_client.e2ee.names import open_name, seal_name
from sotto_client.e2ee.room_secrets import derive_room_secrets
from sotto_client.e2ee.sframe import V1Header, parse_v1_header
from sotto_client.e2ee.shims import unwrap, wrap

CONTEXT_MICROPHONE: Final = 0
CONTEXT_CAMERA: Final = 1
CONTEXT_SCREEN: Final = 2
CONTEXT_SCREEN_AUDIO: Final = 3

ANY_MICROPHONE: Final = "any_microphone"
"""Expectation of an audio-only seat: any member, context 0 only."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """Who and what the server announced for a seat."""

    pid: str
    ctx: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """A frame as its encoder made it, and who sealed it."""

    frame: bytes
    member: Member
    ctx: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Dropped:
    """Counted, never raised."""

    reason: DropReason


class E2eeSession:
    """Keys of one room visit. ``drops`` and ``aead_opens`` count what happened to received frames."""

    def __init__(self, room: str, link_secret: bytes) -> None:
        """Raises SecretRefusedError."""
        self._secrets = derive_room_secrets(room, link_secret)
        self._interim = InterimKeys(self._secrets)
        self._ring = KeyRing([INTERIM_EPOCH])
        self._own: OwnKey | None = None
        self.drops: Counter[DropReason] = Counter()
        self.aead_opens = 0
        self.starts_refused = 0

    def joined(self, member: Member) -> str:
        """Draw our own key; the announcement returned goes to every member. Raises ValueError.

        The same member again keeps its key and counters; anything else gets a new one: no nonce repeats.
        """
        if self._own is None or self._own.installed.member != member:
            self._own = self._interim.draw(member)
            self._ring.set_own(self._own.installed)
        return self._own.announcement

    def member_start(self, sender: Member, announcement: str) -> bool:
        """Verify and take another member's announcement. False: refused, and counted."""
        installed = self._interim.verify(sender, announcement)
        taken = installed is not None and self._ring.install(installed)
        if not taken:
            self.starts_refused += 1
        return taken

    def member_left(self, pid: str) -> None:
        """Erase their key."""
        self._ring.forget(pid)

    def key_count(self) -> int:
        """Members whose key we hold, self included."""
        return len(self._ring) + (self._own is not None)

    def seal(self, ctx: int, codec: SealedCodec, frame: bytes, *, is_key: bool = False) -> bytes | Dropped:
        """What goes to the packetizer. ``is_key`` matters for AV1 only; VP8 tells it itself."""
        if not frame:
            return Dropped(reason=DropReason.EMPTY)
        stream = self._ring.own_stream(ctx)
        if stream is None:
            return Dropped(reason=DropReason.NO_KEY)
        sframe = stream.seal(codec_id(codec), frame)
        if sframe is None:
            return Dropped(reason=DropReason.EXHAUSTED)
        wire = wrap(codec, frame, is_key, sframe)
        return Dropped(reason=DropReason.BAD_FRAME) if wire is None else wire

    def open(
        self, codec: SealedCodec, wire: bytes, expected: Expected | Literal["any_microphone"] | None
    ) -> Opened | Dropped:
        """One frame as the depacketizer gave it. ``expected`` None: nobody is announced, nothing opens."""
        outcome = self._open(codec, wire, expected)
        if isinstance(outcome, DropReason):
            self.drops[outcome] += 1
            return Dropped(reason=outcome)
        return outcome

    def seal_name(self, name: str) -> str:
        """For the ``profile`` of the join message."""
        return seal_name(self._secrets.name_key, name)

    def open_name(self, sealed: str) -> str | None:
        """None: not sealed for this room, or empty after cleaning."""
        return open_name(self._secrets.name_key, sealed)

    def _open(
        self, codec: SealedCodec, wire: bytes, expected: Expected | Literal["any_microphone"] | None
    ) -> Opened | DropReason:
        found = self._judge(codec, wire, expected)
        if isinstance(found, DropReason):
            return found
        sender, header, sframe = found
        plaintext = sender.stream(header.ctx).open(header, codec_id(codec), sframe)
        if plaintext not in (DropReason.DUP, DropReason.OLD):
            self.aead_opens += 1
        if isinstance(plaintext, DropReason):
            return plaintext
        return Opened(frame=plaintext, member=sender.member, ctx=header.ctx)

    def _judge(
        self, codec: SealedCodec, wire: bytes, expected: Expected | Literal["any_microphone"] | None
    ) -> tuple[RemoteSender, V1Header, bytes] | DropReason:
        """All hard checks before the AEAD (E2EE.md 5.5)."""
        if not wire:
            return DropReason.EMPTY
        sframe = unwrap(codec, wire)
        if sframe is None:
            return DropReason.MALFORMED
        header = parse_v1_header(sframe)
        if isinstance(header, DropReason):
            return header
        if not self._ring.is_live(header.epoch):
            return DropReason.UNKNOWN_EPOCH
        sender = self._ring.find(header.leaf, header.epoch)
        if sender is None:
            return DropReason.UNKNOWN_KEY
        mismatch = _mismatch(expected, sender.member.pid, header.ctx)
        return (sender, header, sframe) if mismatch is None else mismatch


def _mismatch(expected: Expected | Literal["any_microphone"] | None, pid: str, ctx: int) -> DropReason | None:
    if expected is None:
        return DropReason.SENDER_MISMATCH
    if isinstance(expected, str):
        return None if ctx == CONTEXT_MICROPHONE else DropReason.CTX_MISMATCH
    if expected.pid != pid:
        return DropReason.SENDER_MISMATCH
    return None if expected.ctx == ctx else DropReason.CTX_MISMATCH
