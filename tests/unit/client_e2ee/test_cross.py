"""Python seals, the web client's worker opens, and the other way round: the real code of both, in one test.

Needs Node and ``client/node_modules`` (``npm ci``); skipped, visibly, where they are missing.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from sotto_client.e2ee import E2eeSession, Expected, Member, Opened, SealedCodec

CLIENT = Path(__file__).resolve().parents[3] / "client"
ESBUILD = CLIENT / "node_modules" / ".bin" / "esbuild"
TIMEOUT_S = 60
ROOM = "cross-room"
SECRET = bytes(range(32))
PYTHON = Member(pid="AAAAAAAAAAM", leaf=3)
WEB = Member(pid="__________8", leaf=1023)
NAME = "Zo\u00eb \U0001f468\u200d\U0001f469"

VP8_KEY = bytes.fromhex("7037009d012a4001f000") + bytes(range(200))
FRAMES = [
    (0, SealedCodec.OPUS, "audio/opus", False, bytes.fromhex("f8fffe")),
    (1, SealedCodec.VP8, "video/VP8", True, VP8_KEY),
    (1, SealedCodec.VP8, "video/VP8", False, b"\xd1" + bytes(90)),
    (1, SealedCodec.VP9, "video/VP9", True, bytes(range(256)) * 40),
    (2, SealedCodec.AV1, "video/AV1", True, bytes(300)),
    (2, SealedCodec.AV1, "video/AV1", False, b"\x12\x00" + bytes(20_000)),
    (3, SealedCodec.OPUS, "audio/opus", False, bytes(80)),
]

pytestmark = pytest.mark.skipif(
    shutil.which("node") is None or not ESBUILD.exists(), reason="needs node and `npm ci` in client/"
)


@pytest.fixture(scope="module")
def web_worker(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The worker of client/src/e2ee with its test rig, as one script for Node."""
    script = tmp_path_factory.mktemp("cross") / "cross.mjs"
    source = str(CLIENT / "test" / "e2ee" / "cross_cli.ts")
    options = [
        "--bundle",
        "--platform=node",
        "--format=esm",
        "--define:__SOTTO_TEST__=false",
        f"--outfile={script}",
    ]
    subprocess.run([str(ESBUILD), source, *options, "--log-level=error"], check=True, timeout=TIMEOUT_S)
    return script


def ask(script: Path, request: dict[str, Any]) -> Any:  # JSON has no types
    node = subprocess.run(
        ["node", str(script)],
        input=json.dumps(request).encode(),
        check=True,
        timeout=TIMEOUT_S,
        capture_output=True,
    )
    return json.loads(node.stdout)


def rows(payloads: list[bytes]) -> list[dict[str, Any]]:  # JSON has no types
    return [
        {"ctx": ctx, "mimeType": mime_type, "isKey": is_key, "hex": payload.hex()}
        for (ctx, _, mime_type, is_key, _), payload in zip(FRAMES, payloads, strict=True)
    ]


def test_both_ways(web_worker: Path) -> None:
    session = E2eeSession(ROOM, SECRET)
    announcement = session.joined(PYTHON)
    wires = [session.seal(ctx, codec, frame, is_key=is_key) for ctx, codec, _, is_key, frame in FRAMES]
    plain = [frame for *_, frame in FRAMES]
    answer = ask(
        web_worker,
        {
            "room": ROOM,
            "secret": SECRET.hex(),
            "self": {"pid": WEB.pid, "leaf": WEB.leaf},
            "python": {"pid": PYTHON.pid, "leaf": PYTHON.leaf},
            "announcement": announcement,
            "profile": session.seal_name(NAME),
            "name": NAME,
            "toOpen": rows([wire for wire in wires if isinstance(wire, bytes)]),
            "toSeal": rows(plain),
        },
    )
    assert answer["taken"] is True
    assert [bytes.fromhex(one) for one in answer["opened"]] == plain
    assert answer["name"] == NAME
    assert session.member_start(WEB, answer["announcement"])
    assert session.open_name(answer["profile"]) == NAME
    for (ctx, codec, _, _, frame), sealed in zip(FRAMES, answer["sealed"], strict=True):
        outcome = session.open(codec, bytes.fromhex(sealed), Expected(pid=WEB.pid, ctx=ctx))
        assert outcome == Opened(frame=frame, member=WEB, ctx=ctx)
    assert session.drops.total() == 0


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"room": "other"}, id="room"),
        pytest.param({"secret": "01" + SECRET.hex()[2:]}, id="secret"),
    ],
)
def test_a_web_client_of_another_room_or_secret_opens_nothing(
    web_worker: Path, change: dict[str, str]
) -> None:
    session = E2eeSession(ROOM, SECRET)
    announcement = session.joined(PYTHON)
    wire = session.seal(0, SealedCodec.OPUS, b"voice")
    assert isinstance(wire, bytes)
    request = {
        "room": ROOM,
        "secret": SECRET.hex(),
        "self": {"pid": WEB.pid, "leaf": WEB.leaf},
        "python": {"pid": PYTHON.pid, "leaf": PYTHON.leaf},
        "announcement": announcement,
        "profile": session.seal_name(NAME),
        "name": NAME,
        "toOpen": [{"ctx": 0, "mimeType": "audio/opus", "isKey": False, "hex": wire.hex()}],
        "toSeal": [],
    } | change
    answer = ask(web_worker, request)
    assert (answer["taken"], answer["opened"], answer["name"]) == (False, [], None)
    assert not session.member_start(WEB, answer["announcement"])
