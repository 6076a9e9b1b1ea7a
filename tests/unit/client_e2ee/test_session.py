"""E2EE.md section 6 at the level of one session: everything hostile is dropped under its name."""

from __future__ import annotations

import random

import pytest
from sotto_client.e2ee import (
    ANY_MICROPHONE,
    Dropped,
    DropReason,
    E2eeSession,
    Expected,
    Member,
    Opened,
    SealedCodec,
)
from sotto_client.e2ee.codecs import codec_of
from sotto_client.e2ee.interim import Installed
from sotto_client.e2ee.key_ring import MAX_MEMBERS, KeyRing
from sotto_client.e2ee.replay import ReplayWindow
from sotto_client.e2ee.sframe import BaseKey, OpenStream, V1Header, parse_v1_header
from sotto_client.e2ee.shims import unwrap

from tests.unit.client_e2ee.vectors import NegativeVector, draft

DRAFT = draft()
ROOM = "team-standup"
SECRET = bytes(range(1, 33))
ALICE, BOB, CAROL = (
    Member(pid=f"AAAAAAAAAA{end}", leaf=leaf) for end, leaf in (("M", 3), ("U", 5), ("k", 9))
)
CAMERA = Expected(pid=ALICE.pid, ctx=1)
VP8_KEY = bytes.fromhex("7037009d012a4001f000") + bytes(30)
VP8_DELTA = b"\xd1" + bytes(39)


class Pair:
    """Alice sends, Bob knows her."""

    def __init__(self) -> None:
        self.alice = E2eeSession(ROOM, SECRET)
        self.bob = E2eeSession(ROOM, SECRET)
        self.start = self.alice.joined(ALICE)
        self.bob.joined(BOB)
        assert self.bob.member_start(ALICE, self.start)

    def sealed(self, frame: bytes = VP8_DELTA, ctx: int = 1, codec: SealedCodec = SealedCodec.VP8) -> bytes:
        wire = self.alice.seal(ctx, codec, frame, is_key=True)
        assert isinstance(wire, bytes)
        return wire

    def reason(self, wire: bytes, codec: SealedCodec = SealedCodec.VP8) -> DropReason:
        outcome = self.bob.open(codec, wire, CAMERA)
        assert isinstance(outcome, Dropped)
        return outcome.reason


def flipped(wire: bytes, at: int, mask: int = 1) -> bytes:
    return wire[:at] + bytes([wire[at] ^ mask]) + wire[at + 1 :]


@pytest.mark.parametrize("codec", list(SealedCodec))
def test_frames_come_back_with_their_sender(codec: SealedCodec) -> None:
    pair = Pair()
    outcome = pair.bob.open(codec, pair.sealed(VP8_KEY, codec=codec), CAMERA)
    assert outcome == Opened(frame=VP8_KEY, member=ALICE, ctx=1)
    assert (pair.bob.key_count(), pair.alice.key_count()) == (2, 1)


def test_sealing_says_why_not() -> None:
    session = E2eeSession(ROOM, SECRET)
    assert session.seal(1, SealedCodec.VP8, VP8_KEY) == Dropped(reason=DropReason.NO_KEY)
    session.joined(ALICE)
    assert session.seal(1, SealedCodec.VP8, b"") == Dropped(reason=DropReason.EMPTY)
    assert session.seal(1, SealedCodec.VP8, b"\x70") == Dropped(reason=DropReason.BAD_FRAME)


def test_t1_any_flip_of_header_ciphertext_or_tag() -> None:
    pair = Pair()
    wire = pair.sealed()
    seen = {pair.reason(flipped(wire, at, 1 << bit)) for at in range(1, len(wire)) for bit in range(8)}
    assert DropReason.AUTH in seen
    assert seen <= {
        DropReason.AUTH,
        DropReason.MALFORMED,
        DropReason.SHORT,
        DropReason.UNKNOWN_KEY,
        DropReason.UNKNOWN_EPOCH,
        DropReason.CTX_MISMATCH,
    }
    assert isinstance(pair.bob.open(SealedCodec.VP8, wire, CAMERA), Opened)


@pytest.mark.parametrize(("codec", "shim_bytes"), [(SealedCodec.VP8, 10), (SealedCodec.AV1, 5)])
def test_t2_a_changed_shim_gives_the_same_frame_or_none(codec: SealedCodec, shim_bytes: int) -> None:
    for at in range(shim_bytes):
        for bit in range(8):
            pair = Pair()
            outcome = pair.bob.open(codec, flipped(pair.sealed(VP8_KEY, codec=codec), at, 1 << bit), CAMERA)
            assert isinstance(outcome, Dropped) or outcome.frame == VP8_KEY


def test_t3_replays() -> None:
    pair = Pair()
    wires = [pair.sealed() for _ in range(1030)]
    assert isinstance(pair.bob.open(SealedCodec.VP8, wires[0], CAMERA), Opened)
    assert pair.reason(wires[0]) is DropReason.DUP
    assert isinstance(pair.bob.open(SealedCodec.VP8, wires[1029], CAMERA), Opened)
    assert pair.reason(wires[0]) is DropReason.OLD
    assert pair.bob.aead_opens == 2


def test_t3_leaving_and_coming_back_opens_no_door_for_old_frames() -> None:
    pair = Pair()
    wire = pair.sealed()
    assert isinstance(pair.bob.open(SealedCodec.VP8, wire, CAMERA), Opened)
    pair.bob.member_left(ALICE.pid)
    assert pair.reason(wire) is DropReason.UNKNOWN_KEY
    assert pair.bob.member_start(ALICE, pair.start)
    assert pair.reason(wire) is DropReason.DUP


@pytest.mark.parametrize("tag_bytes", [0, 4, 8, 10, 12, 15])
def test_t4_truncated_tags(tag_bytes: int) -> None:
    pair = Pair()
    assert pair.reason(pair.sealed()[: tag_bytes - 16]) is DropReason.AUTH


@pytest.mark.parametrize(
    ("codec", "wire"),
    [
        pytest.param(SealedCodec.VP8, VP8_KEY, id="plaintext-key"),
        pytest.param(SealedCodec.VP8, VP8_DELTA, id="plaintext-delta"),
        pytest.param(SealedCodec.OPUS, bytes.fromhex("f8fffe"), id="silence"),
        pytest.param(SealedCodec.OPUS, bytes(50), id="zeros"),
        pytest.param(SealedCodec.VP9, b"\x01" * 60 + b"\x02" * 12 + b"\x0c\x00", id="livekit-trailer"),
        pytest.param(SealedCodec.OPUS, b"", id="empty"),
    ],
)
def test_t5_nothing_unsealed_comes_through(codec: SealedCodec, wire: bytes) -> None:
    assert isinstance(Pair().bob.open(codec, wire, CAMERA), Dropped)


def test_t6_wrong_kid() -> None:
    pair = Pair()
    kid_low = 10 + 2  # shim, config byte, high byte of the KID
    wire = pair.sealed(VP8_KEY)
    assert pair.reason(pair.sealed(VP8_KEY, ctx=2)) is DropReason.CTX_MISMATCH
    assert pair.reason(flipped(wire, kid_low)) is DropReason.UNKNOWN_EPOCH
    assert pair.reason(flipped(wire, kid_low, 0x40)) is DropReason.UNKNOWN_KEY


def test_t7_one_aead_call_for_each_well_formed_frame() -> None:
    pair = Pair()
    wires = [pair.sealed() for _ in range(20)]
    for wire in wires:
        pair.bob.open(SealedCodec.VP8, flipped(wire, len(wire) - 1), CAMERA)
        pair.bob.open(SealedCodec.VP8, wire, CAMERA)
        pair.bob.open(SealedCodec.VP8, wire, CAMERA)
        pair.bob.open(SealedCodec.VP8, wire[:5], CAMERA)
        pair.bob.open(SealedCodec.VP8, wire, None)
    assert pair.bob.aead_opens == 40
    assert pair.bob.drops == {
        DropReason.AUTH: 20,
        DropReason.DUP: 20,
        DropReason.SHORT: 20,
        DropReason.SENDER_MISMATCH: 20,
    }


def test_t9_t10_who_is_in_the_seat() -> None:
    pair = Pair()
    carol = E2eeSession(ROOM, SECRET)
    assert pair.bob.member_start(CAROL, carol.joined(CAROL))
    face = carol.seal(1, SealedCodec.VP8, VP8_KEY)
    voice = carol.seal(0, SealedCodec.OPUS, b"voice")
    system_sound = carol.seal(3, SealedCodec.OPUS, b"sound")
    assert isinstance(face, bytes)
    assert isinstance(voice, bytes)
    assert isinstance(system_sound, bytes)
    assert pair.reason(face) is DropReason.SENDER_MISMATCH
    assert pair.reason(pair.sealed(ctx=2)) is DropReason.CTX_MISMATCH
    heard = pair.bob.open(SealedCodec.OPUS, voice, ANY_MICROPHONE)
    assert heard == Opened(frame=b"voice", member=CAROL, ctx=0)
    other = pair.bob.open(SealedCodec.OPUS, system_sound, ANY_MICROPHONE)
    assert other == Dropped(reason=DropReason.CTX_MISMATCH)


def test_t11_a_vp8_object_as_vp9_and_audio_as_video() -> None:
    pair = Pair()
    assert pair.reason(pair.sealed()[1:], SealedCodec.VP9) is DropReason.AUTH
    assert pair.reason(pair.sealed(codec=SealedCodec.OPUS), SealedCodec.VP9) is DropReason.AUTH


@pytest.mark.parametrize(
    ("room", "secret"),
    [
        pytest.param("elsewhere", SECRET, id="t12-room"),
        pytest.param(ROOM, b"\0" + SECRET[1:], id="t32-one-bit"),
    ],
)
def test_t12_t32_foreign_keys_are_refused_and_fail_if_forced(room: str, secret: bytes) -> None:
    pair = Pair()
    mallory = E2eeSession(room, secret)
    assert not pair.bob.member_start(CAROL, mallory.joined(CAROL))
    assert pair.bob.starts_refused == 1
    mallory.joined(ALICE)
    wire = mallory.seal(1, SealedCodec.VP8, VP8_KEY)
    assert isinstance(wire, bytes)
    assert pair.reason(wire) is DropReason.AUTH


def test_t19_no_pid_or_leaf_in_use_can_be_claimed() -> None:
    pair = Pair()
    mallory = E2eeSession(ROOM, SECRET)
    pid = CAROL.pid
    claims = [
        BOB,
        Member(pid=pid, leaf=BOB.leaf),
        Member(pid=pid, leaf=ALICE.leaf),
        Member(pid=BOB.pid, leaf=77),
    ]
    assert [pair.bob.member_start(claim, mallory.joined(claim)) for claim in claims] == [False] * 4
    pair.bob.member_left(ALICE.pid)
    heir = Member(pid=pid, leaf=ALICE.leaf)
    assert pair.bob.member_start(heir, mallory.joined(heir))


def test_a_replaced_announcement_is_never_taken_again() -> None:
    pair = Pair()
    assert pair.bob.member_start(ALICE, E2eeSession(ROOM, SECRET).joined(ALICE))
    assert not pair.bob.member_start(ALICE, pair.start)
    pair.bob.member_left(ALICE.pid)
    assert not pair.bob.member_start(ALICE, pair.start)


def test_t25_the_same_member_keeps_its_counter_and_anyone_else_gets_a_new_key() -> None:
    session = E2eeSession(ROOM, SECRET)
    first = session.joined(ALICE)
    wires = [session.seal(1, SealedCodec.VP9, b"x")]
    assert session.joined(ALICE) == first
    wires.append(session.seal(1, SealedCodec.VP9, b"x"))
    session.joined(BOB)
    assert session.joined(ALICE) != first
    wires.append(session.seal(1, SealedCodec.VP9, b"x"))
    wires.append(E2eeSession(ROOM, SECRET).seal(1, SealedCodec.VP9, b"x"))
    assert len(set(wires)) == 4


def test_t26_mutated_frames_open_or_are_counted() -> None:
    pair = Pair()
    seeds = [(codec, pair.sealed(VP8_KEY, codec=codec)) for codec in SealedCodec]
    rng = random.Random(20261124)
    opened = 0
    for _ in range(20_000):
        _, seed = rng.choice(seeds)
        wire = bytearray(seed[: rng.randrange(len(seed) + 1)] if rng.random() < 0.25 else seed)
        for _ in range(rng.randrange(1, 5)):
            if wire:
                wire[rng.randrange(len(wire))] = rng.randrange(256)
        outcome = pair.bob.open(rng.choice(seeds)[0], bytes(wire), CAMERA)
        if isinstance(outcome, Opened):
            assert outcome.frame == VP8_KEY
            opened += 1
    assert opened + pair.bob.drops.total() == 20_000


def test_at_most_256_members() -> None:
    ring = KeyRing([0])
    taken = [
        ring.install(
            Installed(
                member=Member(pid=str(leaf), leaf=leaf),
                epoch=0,
                base_key=BaseKey(bytes(16)),
                origin=str(leaf),
            )
        )
        for leaf in range(260)
    ]
    assert taken.count(True) == MAX_MEMBERS


def test_windows_of_those_long_gone_are_forgotten_at_last() -> None:
    ring = KeyRing([0])
    for visit in range(5000):
        member = Member(pid=str(visit), leaf=1)
        assert ring.install(Installed(member=member, epoch=0, base_key=BaseKey(bytes(16)), origin=str(visit)))
        ring.forget(member.pid)
    assert len(ring._remembered) == 4096


def test_names_travel_sealed() -> None:
    pair = Pair()
    sealed = pair.alice.seal_name(" Ann\u202e ")
    assert "Ann" not in sealed
    assert pair.bob.open_name(sealed) == "Ann"


LIVE = {2, 3, 4, 14, 15}
REASONS = {
    "short": {DropReason.SHORT, DropReason.EMPTY},
    "malformed-header": {DropReason.MALFORMED},
    "unknown-epoch": {DropReason.UNKNOWN_EPOCH},
    "unknown key": {DropReason.UNKNOWN_KEY, DropReason.UNKNOWN_EPOCH},
    "auth": {DropReason.AUTH},
}


def outcome_of(vector: NegativeVector) -> DropReason:
    """All epochs that the vectors call live, every leaf in each: only the object itself can fail."""
    codec = codec_of(vector.codec)
    assert codec is not None
    if not vector.wire:
        return DropReason.EMPTY
    sframe = unwrap(codec, vector.wire)
    if sframe is None:
        return DropReason.MALFORMED
    header = parse_v1_header(sframe)
    if not isinstance(header, V1Header):
        return header
    if header.epoch not in LIVE:
        return DropReason.UNKNOWN_EPOCH
    stream = OpenStream(BaseKey(DRAFT.base_key).frame_key(header.kid), ReplayWindow())
    outcome = stream.open(header, {"vp8": 0x10, "vp9": 0x11, "opus": 1}[codec], sframe)
    assert isinstance(outcome, DropReason)
    return outcome


@pytest.mark.parametrize("vector", DRAFT.negative, ids=lambda one: one.name)
def test_negative_vectors(vector: NegativeVector) -> None:
    assert outcome_of(vector) in set().union(*(REASONS[name] for name in vector.expect))


def test_all_16_negatives_are_there() -> None:
    assert len(DRAFT.negative) == 16
