"""Four stacks in one VP8 room: Chromium, aiortc, libwebrtc in Python, and our server between them."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

from playwright.async_api import async_playwright
from sotto_client.bot import Bot

from tests.e2e.browsers import until, visitor
from tests.e2e.pictures import MARA
from tests.e2e.serving import serving

os.environ["WRTC_ALLOW_LOOPBACK"] = "1"  # read when wrtc is imported


async def test_chromium_aiortc_and_wrtc_share_a_room(tmp_path: Path) -> None:
    from tests.interop.wrtc_person import WrtcPerson

    media = tmp_path / "media"
    media.mkdir()
    async with serving(tmp_path) as server, async_playwright() as playwright:
        link = await server.invite("interop")
        bot, person = Bot(link, "Bot"), WrtcPerson(link, "Lib")
        await bot.join(colour=(30, 30, 200), tone_hz=660)
        await person.join()
        async with visitor(playwright, media, MARA) as mara:
            await mara.open(link)
            await mara.in_call()

            async def bot_has_all() -> bool:
                sources = {(bot.names.get(pid), source) for pid, source in bot.opened}
                wanted = {(n, s) for n in ("Lib", "Mara") for s in ("camera", "microphone")}
                return wanted <= sources and bot.decoded["video"] > 60 and bot.decoded["audio"] > 100

            await until(bot_has_all, "the aiortc bot decodes both others", 40.0)

            async def person_has_all() -> bool:
                decoded = await person.decoded()
                pids = {pid for pid, source in person.opened if source == "camera"}
                return len(pids) == 2 and decoded.get("video", 0) > 60 and decoded.get("energy", 0) > 0

            await until(person_has_all, "the wrtc person decodes both others", 40.0)

            async def mara_has_all() -> bool:
                frames = await mara.frames()
                return len(frames) == 2 and all(count > 30 for count in frames.values())

            await until(mara_has_all, "Chromium decodes both others", 40.0)
            assert sorted(await mara.tiles()) == ["Bot", "Lib", "Mara"]
            colour = await mara.colour_of("Bot")
            assert colour is not None
            assert colour[2] > 120 > colour[0]
            assert await mara.page.get_by_test_id("e2ee-badge").inner_text() == "Sealed for 3"
            assert await mara.problems() == []
        await person.leave()
        await bot.leave()

        async def empty() -> bool:
            return await server.metric("sfu_participants") == 0

        await until(empty, "the room is empty")
        await asyncio.sleep(0)
