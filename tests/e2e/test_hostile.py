"""Strangers send rubbish while a call goes on: nobody in it notices, and every honest join succeeds."""

from __future__ import annotations

import asyncio
import json
import os
import random
import socket
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest
from sotto_client.bot import Bot
from sotto_client.signalling import RefusedError
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Origin

from sfu.wire.rtp import serialize_rtp
from sfu.wire.stun import binding_request
from tests.e2e.browsers import Visitor, until
from tests.e2e.conftest import People
from tests.e2e.pictures import MARA, TOMAS
from tests.e2e.serving import RunningServer

DATAGRAMS = 100_000
PER_BURST = 25
BURST_EVERY_S = 0.01
MEMORY_BYTES = 5 * 1024 * 1024
LOG_LINES_PER_S = 10

# Gaps between presented frames of every picture on the page, in milliseconds.
WATCH_GAPS = """() => { window.__gap = 0;
  for (const v of document.querySelectorAll('[data-testid="tile-video"]')) { let last = performance.now();
    const next = (now) => { window.__gap = Math.max(window.__gap, now - last); last = now; v.requestVideoFrameCallback(next); };
    v.requestVideoFrameCallback((now) => { last = now; v.requestVideoFrameCallback(next); }); } }"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    keyframe_requests: int
    freezes: int
    memory_bytes: int
    log_lines: int
    at_s: float


async def figures(server: RunningServer, mara: Visitor, tomas: Visitor) -> Figures:
    sent = [row for row in await mara.stats("outbound-rtp") if row["kind"] == "video"]
    seen = [row for row in await tomas.stats("inbound-rtp") if row["kind"] == "video"]
    status = await asyncio.to_thread(Path(f"/proc/{server.process.pid}/status").read_text)
    memory = next(line for line in status.splitlines() if line.startswith("VmRSS"))
    return Figures(
        keyframe_requests=sum(int(str(row.get("pliCount", 0))) for row in sent),
        freezes=sum(int(str(row.get("freezeCount", 0))) for row in seen),
        memory_bytes=int(memory.split()[1]) * 1024,
        log_lines=sum('"participant.' not in line for line in server.output),
        at_s=time.monotonic(),
    )


@asynccontextmanager
async def unnoticed(server: RunningServer, people: People) -> AsyncIterator[None]:
    """A call of two that must not notice what happens inside."""
    link = await server.invite("quiet")
    mara, tomas = [await people.join(link, persona) for persona in (MARA, TOMAS)]
    await until(partial(tomas.sees, MARA), "Tomas sees Mara", 20.0)
    await until(partial(mara.sees, TOMAS), "Mara sees Tomas", 20.0)

    async def settled() -> bool:
        before = await figures(server, mara, tomas)
        await asyncio.sleep(1.5)
        after = await figures(server, mara, tomas)
        return before.keyframe_requests == after.keyframe_requests

    await until(settled, "the call is quiet", 30.0)
    await tomas.page.evaluate(WATCH_GAPS)
    before = await figures(server, mara, tomas)
    yield
    after = await figures(server, mara, tomas)
    gap_ms = await tomas.page.evaluate("window.__gap")
    grown = after.memory_bytes - before.memory_bytes
    print(f"\nlongest gap {gap_ms:.0f} ms, memory {grown / 1024:+.0f} KiB", end="; ")
    print(f"{after.log_lines - before.log_lines} log lines in {after.at_s - before.at_s:.0f} s")
    assert after.freezes == before.freezes, "the picture froze"
    assert after.keyframe_requests == before.keyframe_requests, "somebody asked for a key frame"
    assert grown <= MEMORY_BYTES
    lines = after.log_lines - before.log_lines
    assert lines <= LOG_LINES_PER_S * max(1.0, after.at_s - before.at_s)
    assert await tomas.sees(MARA)
    assert await mara.hears(TOMAS)


def templates(rng: random.Random) -> list[bytes]:
    """Well-formed datagrams of each kind, to be spoilt."""
    hello = bytes.fromhex("16fefd0000000000000000") + (80).to_bytes(2, "big") + rng.randbytes(80)
    alert = bytes.fromhex("15fefd00000000000000000002022f")
    check = binding_request(
        "abcdefgh:wxyz", b"p" * 24, transaction_id=rng.randbytes(12), controlling_tiebreaker=1
    )
    media = serialize_rtp(
        payload_type=96,
        marker=True,
        seq=1,
        timestamp=1,
        ssrc=1,
        extensions=[(4, b"1")],
        payload=rng.randbytes(600),
    )
    report = bytes.fromhex("81c90007") + rng.randbytes(28)
    return [hello, alert, check, media, report]


def spoil(datagram: bytes, rng: random.Random) -> bytes:
    """Flip, cut or lengthen."""
    spoilt = bytearray(datagram)
    for _ in range(rng.randint(1, 6)):
        spoilt[rng.randrange(len(spoilt))] = rng.randrange(256)
    if rng.random() < 0.3:
        del spoilt[rng.randrange(len(spoilt)) :]
    if rng.random() < 0.1:
        spoilt += rng.randbytes(rng.randint(1, 1400))
    return bytes(spoilt)


async def rubbish(server: RunningServer, source: str, count: int, seed: int) -> None:
    rng = random.Random(seed)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
        stranger.bind((source, 0))
        stranger.setblocking(False)
        target = ("127.0.0.1", server.media_port)
        for size in range(65):
            stranger.sendto(rng.randbytes(size), target)
        kinds = templates(rng)
        for at in range(0, count, PER_BURST):
            for _ in range(min(PER_BURST, count - at)):
                stranger.sendto(spoil(rng.choice(kinds), rng), target)
            await asyncio.sleep(BURST_EVERY_S)
        with pytest.raises(BlockingIOError):
            stranger.recv(2000)  # a stranger is never answered


async def test_rubbish_at_the_media_port(server: RunningServer, people: People) -> None:
    async with unnoticed(server, people):
        await asyncio.gather(
            rubbish(server, "127.0.0.1", DATAGRAMS // 2, 1),
            rubbish(server, "127.0.0.2", DATAGRAMS // 2, 2),
        )
    dropped = await server.metric("sfu_plane_packets_dropped_total", reason="unknown_address")
    assert dropped > DATAGRAMS / 4, "the rubbish did not arrive"


async def test_fifty_joins_while_strangers_say_hello(server: RunningServer, people: People) -> None:
    async with unnoticed(server, people):
        stop = asyncio.Event()

        async def strangers() -> None:
            rng = random.Random(3)
            hello, alert, *_ = templates(rng)
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
                stranger.bind(("127.0.0.3", 0))
                while not stop.is_set():
                    stranger.sendto(rng.choice((hello, alert)), ("127.0.0.1", server.media_port))
                    await asyncio.sleep(0.003)

        noise = asyncio.create_task(strangers())
        link = await server.invite("busy")
        joined = 0
        for at in range(0, 50, 5):
            bots = [Bot(link, f"Bot {at + i}", seats=1) for i in range(5)]
            for bot in bots:
                await bot.join(tone_hz=440)
            for bot in bots:
                await until(partial(connected, bot), f"bot {at} is connected", 30.0)
                joined += 1
            for bot in bots:
                await bot.leave()
        stop.set()
        await noise
    assert joined == 50
    assert await server.metric("sfu_dtls_failures_total", reason="handshake_failed") == 0


async def connected(bot: Bot) -> bool:
    return bot.connected


async def say(server: RunningServer, text: str | bytes) -> list[dict[str, object]]:
    """Everything the server answers to one frame, until it closes or falls silent."""
    url = f"ws://127.0.0.1:{server.web_port}/ws"
    answers: list[dict[str, object]] = []
    async with connect(url, origin=Origin(server.origin), compression=None) as client:
        await client.send(text)
        try:
            async with asyncio.timeout(2.0):
                while True:
                    answers.append(json.loads(await client.recv()))
                    if answers[-1]["type"] == "error":
                        return answers
        except (ConnectionClosed, TimeoutError):
            return answers


def join(**changes: object) -> str:
    return json.dumps(
        {
            "type": "join",
            "id": 1,
            "version": 1,
            "capabilities": [],
            "room": "quiet",
            "offer": "v=0",
            "sources": [],
            "seats": [],
            **changes,
        }
    )


async def test_rubbish_at_the_signalling_port(server: RunningServer, people: People) -> None:
    deep = "[" * 30_000
    cases: list[tuple[str | bytes, str, str]] = [
        ("", "bad_message", ""),
        ("{", "bad_message", ""),
        (deep, "bad_message", ""),
        (b"\x00\x01", "bad_message", "a binary frame"),
        ('{"type":"fly"}', "bad_message", "fly"),
        (join(extra=1), "bad_message", "extra"),
        (join(version=999), "version_unsupported", "999"),
        (join(room="../x"), "bad_message", "room"),
        (join(), "bad_offer", "offer"),
        (join(offer="x" * 1000), "bad_offer", "not understood"),
        (join(offer="v=0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\n"), "bad_offer", "a=mid"),
        (join(token="a.b.c"), "denied", ""),
        (join(invite="eyJhbGciOiJub25lIn0.e30."), "denied", ""),
        ('{"type":"view","id":1,"wants":[]}', "not_joined", ""),
    ]
    async with unnoticed(server, people):
        for text, code, words in cases:
            answers = await say(server, text)
            assert answers, f"no answer to {text[:60]!r}"
            assert answers[-1]["code"] == code, f"{text[:60]!r}: {answers}"
            assert words in str(answers[-1]["text"]), answers
        forged = (await server.invite("other")).replace("/r/other", "/r/quiet")
        with pytest.raises(RefusedError) as refused:
            await Bot(forged, "Mallory").join()
        assert refused.value.code == "denied"
        for _ in range(300):
            await say_and_go(server, os.urandom(200))


async def say_and_go(server: RunningServer, payload: bytes) -> None:
    """Bytes that are no HTTP at all, on a plain socket."""
    reader, writer = await asyncio.open_connection("127.0.0.1", server.web_port)
    writer.write(payload)
    await writer.drain()
    writer.close()
    del reader
