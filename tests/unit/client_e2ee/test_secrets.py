"""Room secrets, announcements and sealed names."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from sotto_client.e2ee.base64url import from_base64url, to_base64url
from sotto_client.e2ee.interim import InterimKeys, Member
from sotto_client.e2ee.kdf import expand
from sotto_client.e2ee.names import clean_name, open_name, seal_name
from sotto_client.e2ee.room_secrets import RoomSecrets, SecretRefusedError, derive_room_secrets

from tests.unit.client_e2ee.vectors import draft

DRAFT = draft()
ALICE = Member(pid="AAAAAAAAAAc", leaf=7)


def room(name: str = DRAFT.room_id, flip: int = 0) -> RoomSecrets:
    secret = bytearray(DRAFT.link_secret)
    secret[-1] ^= flip
    return derive_room_secrets(name, bytes(secret))


def test_room_secrets_match_the_vectors() -> None:
    derived = room()
    assert (derived.room_tag, derived.link_prk, derived.join_key) == (
        DRAFT.room_tag,
        DRAFT.link_prk,
        DRAFT.join_key,
    )
    assert derived.name_key == expand(DRAFT.link_prk, b"SFU-E2EE v1 name", 16)
    assert DRAFT.join_key.hex() not in repr(derived)


@pytest.mark.parametrize("size", [0, 16, 31, 33])
def test_t16_short_or_missing_secret_is_refused(size: int) -> None:
    with pytest.raises(SecretRefusedError, match=f"{size} bytes"):
        derive_room_secrets("r", bytes(size))


def test_announcements_verify_for_their_pid_and_leaf_only() -> None:
    own = InterimKeys(room()).draw(ALICE)
    other = InterimKeys(room())
    found = other.verify(ALICE, own.announcement)
    assert found is not None
    assert found.origin == own.installed.origin
    assert other.verify(Member(pid=ALICE.pid, leaf=8), own.announcement) is None
    assert other.verify(Member(pid="AAAAAAAAAAg", leaf=7), own.announcement) is None


@pytest.mark.parametrize(
    "foreign",
    [pytest.param(room(flip=1), id="t32-one-bit"), pytest.param(room("other-room"), id="t12-other-room")],
)
def test_t12_t32_a_foreign_secret_verifies_nothing(foreign: RoomSecrets) -> None:
    assert InterimKeys(foreign).verify(ALICE, InterimKeys(room()).draw(ALICE).announcement) is None


def test_t25_no_two_draws_are_alike() -> None:
    keys = InterimKeys(room())
    assert len({keys.draw(ALICE).installed.origin for _ in range(100)}) == 100


def test_every_changed_byte_and_every_cut_is_refused() -> None:
    keys = InterimKeys(room())
    announcement = keys.draw(ALICE).announcement
    raw = from_base64url(announcement)
    assert raw is not None
    for at in range(len(raw)):
        changed = raw[:at] + bytes([raw[at] ^ 0x10]) + raw[at + 1 :]
        assert keys.verify(ALICE, to_base64url(changed)) is None
        assert keys.verify(ALICE, to_base64url(raw[:at])) is None
    assert keys.verify(ALICE, announcement + "=") is None
    assert keys.verify(ALICE, "no base64!") is None


@pytest.mark.parametrize(("pid", "leaf"), [("", 7), ("AAAA", 7), (ALICE.pid, -1), (ALICE.pid, 1024)])
def test_impossible_members_cannot_join(pid: str, leaf: int) -> None:
    with pytest.raises(ValueError, match="malformed"):
        InterimKeys(room()).draw(Member(pid=pid, leaf=leaf))


def test_names_come_back_and_never_look_the_same_twice() -> None:
    key = room().name_key
    sealed = seal_name(key, "Zo\u00eb \U0001f44b")
    assert open_name(key, sealed) == "Zo\u00eb \U0001f44b"
    assert seal_name(key, "Zo\u00eb \U0001f44b") != sealed


def test_t1_names_changed_cut_or_foreign_are_no_names() -> None:
    key = room().name_key
    raw = from_base64url(seal_name(key, "Ann"))
    assert raw is not None
    for at in range(len(raw)):
        assert open_name(key, to_base64url(raw[:at] + bytes([raw[at] ^ 1]) + raw[at + 1 :])) is None
        assert open_name(key, to_base64url(raw[:at])) is None
    assert open_name(room("other").name_key, to_base64url(raw)) is None
    assert open_name(key, "A" * 100_000) is None


@pytest.mark.parametrize(
    ("hostile", "shown"),
    [
        pytest.param("\u202eevil\x00\u2066 ".encode() + b"x" * 80, "evil " + "x" * 59, id="marks-and-length"),
        pytest.param(b"\xff\xfe", None, id="not-utf8"),
        pytest.param("\u200e".encode(), None, id="nothing-left"),
    ],
)
def test_names_are_cleaned_after_opening_whatever_was_sealed(hostile: bytes, shown: str | None) -> None:
    key, nonce = room().name_key, bytes(12)
    assert open_name(key, to_base64url(nonce + AESGCM(key).encrypt(nonce, hostile, None))) == shown


@pytest.mark.parametrize(
    ("raw", "clean"),
    [
        pytest.param("a\x07\u200fb\u2069\u061c\ufeff", "ab", id="controls-and-marks"),
        pytest.param(" \u3000a \u00a0\u2003b\u202f ", "a b", id="spaces-of-all-kinds"),
        pytest.param("\U0001f468\u200d\U0001f469", "\U0001f468\u200d\U0001f469", id="joined-emoji"),
        pytest.param("a\ud800b", "ab", id="lone-surrogate"),
        pytest.param("\u200e\u202a", "", id="only-marks"),
        pytest.param("\U0001f600" * 70, "\U0001f600" * 64, id="64-characters"),
    ],
)
def test_clean_name(raw: str, clean: str) -> None:
    assert clean_name(raw) == clean
    assert clean_name(clean) == clean


@pytest.mark.parametrize("text", ["A", "AB=", "A B", "AB+/", "AB", "\u00c4A", "AA\n"])
def test_base64url_has_one_spelling(text: str) -> None:
    assert from_base64url(text) is None
