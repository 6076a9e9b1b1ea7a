"""The server never has plaintext: what it decrypted is searched for what the encoders made.

The test build of the page records every encoded frame before it is sealed; the server runs in this
process and every decrypted RTP payload is recorded at the plane's input. A control run with the
transforms off must find what the real run must not.
"""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from sfu import wiring
from sfu.app import serve
from sfu.base.ids import Codec
from sfu.config import load
from sfu.plane.reference.forwarder import Forwarder
from sfu.wire.rtp import RtpPacket
from tests.e2e.browsers import Visitor, until
from tests.e2e.conftest import People
from tests.e2e.pictures import MARA, TOMAS, Persona
from tests.e2e.serving import RunningServer, free_port

ROOT = Path(__file__).parents[2]
TEST_BUILD = ROOT / "client" / "dist-test"
PIECE = 16
WANTED_FRAMES = 200
WANTED_BYTES = 500_000


class Tap:
    """Every decrypted RTP payload at the plane's input, by codec."""

    def __init__(self) -> None:
        self.payloads: dict[Codec, list[bytes]] = {}
        self.frames: dict[Codec, set[tuple[int, int]]] = {}

    def take(self, packet: RtpPacket, codec: Codec) -> None:
        self.payloads.setdefault(codec, []).append(packet.payload)
        self.frames.setdefault(codec, set()).add((packet.ssrc, packet.timestamp))

    def enough(self, codec: Codec) -> bool:
        size = sum(len(payload) for payload in self.payloads.get(codec, ()))
        return size >= WANTED_BYTES and len(self.frames.get(codec, ())) >= WANTED_FRAMES


@pytest.fixture
def tap(monkeypatch: pytest.MonkeyPatch) -> Tap:
    found = Tap()
    plain = Forwarder.take

    def take(self: Forwarder, admitted: object, packet: RtpPacket, codec: Codec, *rest: object) -> object:
        found.take(packet, codec)
        return plain(self, admitted, packet, codec, *rest)  # type: ignore[arg-type]  # passed on as it came

    monkeypatch.setattr(Forwarder, "take", take)
    monkeypatch.setattr(wiring, "STATIC", TEST_BUILD)
    return found


@asynccontextmanager
async def serving_here(folder: Path, codec: Codec) -> AsyncIterator[RunningServer]:
    """The whole server in this process."""
    ports = free_port(), free_port(), free_port()
    overrides = {
        "server.listen": f"127.0.0.1:{ports[0]}",
        "media.listen": [f"127.0.0.1:{ports[1]}"],
        # The tap sits inside the Python plane; what reaches a server does not depend on its plane.
        "media.plane": "reference",
        "admin.listen": f"127.0.0.1:{ports[2]}",
        "rooms.codec": codec.value,
    }
    config = load(None, {"SOTTO_STATE_DIR": str(folder)}, overrides)
    task = asyncio.create_task(serve(config))
    process = await asyncio.create_subprocess_exec("true")
    server = RunningServer("127.0.0.1", *ports, folder, process)
    try:

        async def up() -> bool:
            try:
                return "sfu_build_info" in await server.metrics()
            except OSError:
                return False

        await until(up, "the server is up")
        yield server
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def pieces_of(frames: list[bytes]) -> set[bytes]:
    """Every aligned 16-byte piece that could not be there by chance."""
    return {
        piece
        for frame in frames
        for at in range(0, len(frame) - PIECE + 1, PIECE)
        if len(set(piece := frame[at : at + PIECE])) >= PIECE // 2
    }


def found_in(payloads: list[bytes], pieces: set[bytes]) -> int:
    """How many places of the payloads hold a piece."""
    return sum(
        1
        for payload in payloads
        for at in range(len(payload) - PIECE + 1)
        if payload[at : at + PIECE] in pieces
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """What the test build noted on a page."""

    frames: dict[str, list[bytes]]
    """Encoded frames by codec, as the encoders made them."""
    key_uses: list[str]
    """Hash of key and nonce of every seal."""


async def record_of(who: Visitor) -> Record:
    frames = await who.page.evaluate(
        """(globalThis.sotto_test_build.plaintext ?? []).map(({ codec, frame }) =>
             [codec, btoa(Array.from(new Uint8Array(frame), (b) => String.fromCharCode(b)).join(''))])"""
    )
    by_codec: dict[str, list[bytes]] = {}
    for codec, text in frames:
        by_codec.setdefault(codec, []).append(base64.b64decode(text))
    uses = await who.page.evaluate("globalThis.sotto_test_build.keyUses ?? []")
    return Record(frames=by_codec, key_uses=uses)


async def hooked(people: People, persona: Persona, *, sealed: bool = True, record: bool = True) -> Visitor:
    who = await people.browser(persona)
    state = f"{{ recordPlaintext: {str(record).lower()}, disableTransforms: {str(not sealed).lower()} }}"
    await who.context.add_init_script(f"globalThis.sotto_test_build = {state};")
    return who


async def recorded_call(
    people: People, server: RunningServer, tap: Tap, codec: Codec, sealed: bool
) -> Record:
    """Mara is seen by Tomas until enough was forwarded."""
    link = await server.invite("plain" if sealed else "control")
    mara = await hooked(people, MARA, sealed=sealed)
    tomas = await hooked(people, TOMAS, sealed=sealed, record=False)
    for who in (mara, tomas):
        await who.open(link)
        await who.in_call()

    async def enough() -> bool:
        return tap.enough(codec)

    await until(enough, f"enough of {codec}", 100.0, 0.5)
    record = await record_of(mara)
    for who in (mara, tomas):
        await who.browser.close()
    return record


@pytest.mark.parametrize("codec", [Codec.VP8, Codec.VP9, Codec.AV1])
async def test_no_piece_of_any_frame_reaches_the_server(
    people: People, tmp_path: Path, tap: Tap, codec: Codec
) -> None:
    async with serving_here(tmp_path, codec) as server:
        sealed = await recorded_call(people, server, tap, codec, sealed=True)
        seen, tap.payloads, tap.frames = tap.payloads, {}, {}
        control = await recorded_call(people, server, tap, codec, sealed=False)
    for kind in (codec, Codec.OPUS):
        name = kind.value
        pieces = pieces_of(sealed.frames[name])
        assert len(pieces) > 300
        assert found_in(seen[kind], pieces) == 0, f"{name} in clear at the server"
        clear = found_in(tap.payloads[kind], pieces_of(control.frames[name]))
        assert clear > 100, f"{name}: the search finds nothing where all is in clear"
    assert len(set(sealed.key_uses)) == len(sealed.key_uses) > 0


async def test_without_the_key_nothing_is_decoded(people: People, tmp_path: Path, tap: Tap) -> None:
    async with serving_here(tmp_path, Codec.VP8) as server:
        link = await server.invite("keyless")
        wrong = link.replace("#k=" + link.split("#k=")[1].split("&")[0], "#k=" + "A" * 43)
        mara = await people.join(link, MARA)
        stranger = await people.join(wrong, TOMAS)

        async def received() -> bool:
            rows = await stranger.stats("inbound-rtp")
            return any(row["kind"] == "video" and int(str(row["packetsReceived"])) > 300 for row in rows)

        await until(received, "sealed packets arrive", 30.0)
        assert await stranger.frames() == {}
        assert not await stranger.sees(MARA)
        assert not await stranger.hears(MARA)
        assert await stranger.page.get_by_test_id("e2ee-badge").get_attribute("data-state") == "connecting"
        assert not await mara.hears(TOMAS)


async def test_no_key_and_nonce_are_used_twice(people: People, tmp_path: Path, tap: Tap) -> None:
    """Over mute and unmute, camera off and on, a reload, leaving and joining again on the same link."""
    async with serving_here(tmp_path, Codec.VP8) as server:
        link = await server.invite("nonces")
        mara = await hooked(people, MARA, record=False)
        tomas = await hooked(people, TOMAS, record=False)
        for who in (mara, tomas):
            await who.open(link)
            await who.in_call()
        uses: list[str] = []

        async def sealing(more: int) -> None:
            async def enough() -> bool:
                return len((await record_of(mara)).key_uses) >= more

            await until(enough, "frames are sealed", 30.0)

        await sealing(200)
        for name in ("mic-button", "camera-button", "mic-button", "camera-button"):
            await mara.page.get_by_test_id(name).click()
        await sealing(len((await record_of(mara)).key_uses) + 200)
        uses += (await record_of(mara)).key_uses
        await mara.page.reload()
        await mara.in_call()
        await sealing(200)
        await mara.page.get_by_test_id("leave-button").click()
        await mara.page.get_by_text("Join again").click()
        await mara.in_call()
        await sealing(len((await record_of(mara)).key_uses) + 200)
        uses += (await record_of(mara)).key_uses
        uses += (await record_of(tomas)).key_uses
    assert len(uses) > 1000
    assert len(set(uses)) == len(uses), "a nonce was used twice under one key"
