"""The shared vectors (tests/vectors/e2ee), typed."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).resolve().parents[2] / "vectors" / "e2ee"


@dataclass(frozen=True, slots=True, kw_only=True)
class HeaderVector:
    kid: int
    ctr: int
    encoded: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class SuiteVector:
    cipher_suite: int
    kid: int
    ctr: int
    base_key: bytes
    sframe_key_label: bytes
    sframe_salt_label: bytes
    sframe_secret: bytes
    sframe_key: bytes
    sframe_salt: bytes
    metadata: bytes
    nonce: bytes
    aad: bytes
    pt: bytes
    ct: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class CtrHmacVector:
    cipher_suite: int
    key: bytes
    nonce: bytes
    aad: bytes
    pt: bytes
    ct: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class FrameVector:
    name: str
    codec: str
    codec_id: int
    is_key: bool
    ctx: int
    leaf: int
    epoch: int
    kid: int
    ctr: int
    sframe_salt: bytes
    nonce: bytes
    header: bytes
    aad: bytes
    plaintext: bytes
    sframe: bytes
    shim: bytes
    wire: bytes
    overhead: int


@dataclass(frozen=True, slots=True, kw_only=True)
class NegativeVector:
    name: str
    codec: str
    wire: bytes
    expect: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    room_id: str
    link_secret: bytes
    room_tag: bytes
    link_prk: bytes
    join_key: bytes
    base_key: bytes
    frames: tuple[FrameVector, ...]
    negative: tuple[NegativeVector, ...]
    replay: tuple[tuple[int, str], ...]


def header_vectors() -> list[HeaderVector]:
    return [
        HeaderVector(kid=one["kid"], ctr=one["ctr"], encoded=bytes.fromhex(one["encoded"]))
        for one in _read("sframe-rfc9605.json")["header"]
    ]


def suite_vectors(name: str = "sframe-rfc9605.json", section: str = "sframe") -> list[SuiteVector]:
    return [SuiteVector(**_hex_decoded(one)) for one in _read(name)[section]]


def draft_suite_vectors() -> list[SuiteVector]:
    return suite_vectors("sframe-aes256ctr-draft.json", "sframe_aes_256_ctr_hmac")


def ctr_hmac_vectors() -> list[CtrHmacVector]:
    fields = set(CtrHmacVector.__dataclass_fields__)
    rows = _read("sframe-rfc9605.json")["aes_ctr_hmac"]
    return [
        CtrHmacVector(**{key: value for key, value in _hex_decoded(row).items() if key in fields})
        for row in rows
    ]


def draft() -> Draft:
    raw = _read("e2ee-v1-draft.json")
    room = raw["room"]
    return Draft(
        room_id=room["room_id"],
        **{key: bytes.fromhex(room[key]) for key in ("link_secret", "room_tag", "link_prk", "join_key")},
        base_key=bytes.fromhex(raw["epoch"]["base_key"]),
        frames=tuple(_frame(one) for one in raw["frames"]),
        negative=tuple(
            NegativeVector(
                name=one["name"],
                codec=one["codec"],
                wire=bytes.fromhex(one["wire"]),
                expect=tuple(one["expect"].split(" or ")),
            )
            for one in raw["negative"]
        ),
        replay=tuple(zip(raw["replay"]["sequence_of_ctr"], raw["replay"]["expect"], strict=True)),
    )


def _frame(one: dict[str, str | int | None]) -> FrameVector:
    texts = ("name", "codec")
    fields = {key: value for key, value in one.items() if key in FrameVector.__dataclass_fields__}
    decoded: dict[str, Any] = {  # JSON has no types
        key: bytes.fromhex(value) if isinstance(value, str) and key not in texts else value
        for key, value in fields.items()
    }
    return FrameVector(**decoded, is_key=one["frame_type"] == "key")


def _hex_decoded(row: dict[str, str | int]) -> dict[str, Any]:  # JSON has no types
    return {key: bytes.fromhex(value) if isinstance(value, str) else value for key, value in row.items()}


def _read(name: str) -> Any:  # JSON has no types
    return json.loads((FOLDER / name).read_text(encoding="utf-8"))
