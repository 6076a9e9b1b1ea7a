"""Calls in real Chromium against the real server: seen, heard, sealed, and still so after trouble."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from functools import partial

from playwright.async_api import Locator

from tests.e2e.browsers import Visitor, until
from tests.e2e.conftest import People
from tests.e2e.pictures import HD, MARA, NOOR, TOMAS, YUKI
from tests.e2e.serving import RunningServer

WATCH_S = 30.0


async def everyone_sees_and_hears(visitors: list[Visitor]) -> None:
    for who in visitors:
        for other in visitors:
            if other is not who:
                what = f"{who.persona.name} sees {other.persona.name}"
                await until(partial(who.sees, other.persona), what, 20.0)
                what = f"{who.persona.name} hears {other.persona.name}"
                await until(partial(who.hears, other.persona), what, 20.0)


async def test_three_people_see_and_hear_each_other(server: RunningServer, people: People) -> None:
    link = await server.invite("three")
    visitors = [await people.join(link, persona) for persona in (MARA, TOMAS)]
    third = await people.browser(YUKI)
    await third.open(link)
    await third.in_call()
    joined_s = time.monotonic()
    for other in (MARA, TOMAS):
        await until(partial(third.sees, other), f"Yuki sees {other.name}", 20.0, 0.02)
    print(f"\nfrom the call's page to both pictures: {time.monotonic() - joined_s:.2f} s")
    visitors.append(third)
    await everyone_sees_and_hears(visitors)
    for who in visitors:
        badge = who.page.get_by_test_id("e2ee-badge")
        await until(partial(is_state, badge, "encrypted"), f"{who.persona.name} is sealed")
        assert await badge.inner_text() == "Sealed for 3"
    before = [await who.frames() for who in visitors]
    end_s = time.monotonic() + WATCH_S
    while time.monotonic() < end_s:
        await asyncio.sleep(WATCH_S / 3)
        now = [await who.frames() for who in visitors]
        for old, new in zip(before, now, strict=True):
            assert len(new) == 2
            assert all(new[mid] > old.get(mid, 0) for mid in new), "a picture stands still"
        before = now
    for who in visitors:
        assert await who.problems() == []
    await everyone_sees_and_hears(visitors)


async def is_state(badge: Locator, state: str) -> bool:
    return await badge.get_attribute("data-state") == state


async def test_a_reload_comes_back_without_a_ghost(server: RunningServer, people: People) -> None:
    link = await server.invite("reload")
    mara, tomas = [await people.join(link, persona) for persona in (MARA, TOMAS)]
    await everyone_sees_and_hears([mara, tomas])
    pid = await tomas.page.get_attribute('[data-testid="tile"][data-name="Tomas"]', "data-participant")
    await tomas.page.reload()
    await tomas.in_call()
    await everyone_sees_and_hears([mara, tomas])

    async def alone_with_the_new_tomas() -> bool:
        return sorted(await mara.tiles()) == ["Mara", "Tomas"]

    await until(alone_with_the_new_tomas, "one Tomas")
    fresh = await tomas.page.get_attribute('[data-testid="tile"][data-name="Tomas"]', "data-participant")
    assert fresh != pid, "a reload is a new participant with new keys"
    assert await server.metric("sfu_participants") == 2


async def test_a_viewer_gets_the_layer_it_wants(server: RunningServer, people: People) -> None:
    link = await server.invite("layers")
    mara = await people.join(link, MARA, HD)
    tomas = await people.browser(TOMAS)
    await tomas.page.set_viewport_size({"width": 1600, "height": 1000})
    opened_s = time.monotonic()
    await tomas.open(link)
    await tomas.in_call()
    joined_s = time.monotonic()

    def width_is(width: int) -> Callable[[], Awaitable[bool]]:
        async def check() -> bool:
            size = await tomas.size_of("Mara")
            return size is not None and size[0] == width

        return check

    await until(width_is(1280), "the whole picture in a large window", 20.0, 0.05)
    sharp_s = time.monotonic()
    print(f"\nto 1280x720: {sharp_s - joined_s:.2f} s from joining, {sharp_s - opened_s:.2f} s from the link")
    await tomas.page.set_viewport_size({"width": 460, "height": 230})
    await until(width_is(320), "the smallest in a small window", 20.0)
    await tomas.page.set_viewport_size({"width": 640, "height": 420})
    await until(width_is(640), "the middle one in between", 20.0)
    assert await mara.problems() == []


async def test_mute_camera_and_leave(server: RunningServer, people: People) -> None:
    link = await server.invite("controls")
    mara, tomas = [await people.join(link, persona) for persona in (MARA, TOMAS)]
    await everyone_sees_and_hears([mara, tomas])
    await tomas.page.get_by_test_id("mic-button").click()

    async def silent() -> bool:
        return not await mara.hears(TOMAS)

    await until(silent, "Tomas is not heard")
    await tomas.page.get_by_test_id("camera-button").click()

    async def dark() -> bool:
        return await mara.colour_of("Tomas") is None

    await until(dark, "Tomas is not seen")
    await tomas.page.get_by_test_id("mic-button").click()
    await tomas.page.get_by_test_id("camera-button").click()
    await everyone_sees_and_hears([mara, tomas])
    live = "[...document.querySelectorAll('video')].flatMap(v => v.srcObject?.getTracks() ?? [])"
    await tomas.page.evaluate(f"window.__tracks = {live}")
    await tomas.page.get_by_test_id("leave-button").click()
    await tomas.page.get_by_text("You left the call").wait_for()
    ended = await tomas.page.evaluate("window.__tracks.every(t => t.readyState === 'ended')")
    assert ended, "a device still runs after leaving"

    async def mara_alone() -> bool:
        return await mara.tiles() == ["Mara"]

    await until(mara_alone, "Tomas is gone")


async def test_a_lost_socket_is_taken_up_again_and_muted_stays_muted(
    server: RunningServer, people: People
) -> None:
    link = await server.invite("resume")
    mara = await people.browser(MARA)
    # A socket that a test can cut: the page's own code does not know.
    await mara.context.add_init_script(
        "const N = WebSocket; window.__sockets = [];"
        "window.WebSocket = class extends N { constructor(...a) { super(...a); window.__sockets.push(this); } };"
    )
    await mara.open(link)
    await mara.in_call()
    tomas = await people.join(link, TOMAS)
    await everyone_sees_and_hears([mara, tomas])
    await mara.page.get_by_test_id("mic-button").click()
    pid = await mara.page.get_attribute('[data-testid="tile"][data-name="Mara"]', "data-participant")
    await mara.page.evaluate("window.__sockets.at(-1).close(4999)")  # no code a leaving page would use

    async def again() -> bool:
        return bool(await mara.page.evaluate("window.__sockets.length > 1"))

    await until(again, "a new socket")
    await until(lambda: is_state(mara.page.get_by_test_id("e2ee-badge"), "encrypted"), "sealed again")
    same = await mara.page.get_attribute('[data-testid="tile"][data-name="Mara"]', "data-participant")
    assert same == pid, "the session was taken up, not begun anew"
    assert await mara.page.get_by_test_id("mic-button").get_attribute("aria-pressed") == "false"
    assert not await tomas.hears(MARA)
    assert await tomas.sees(MARA)
    assert sorted(await tomas.tiles()) == ["Mara", "Tomas"]


async def test_a_screen_is_shared_without_a_new_offer(server: RunningServer, people: People) -> None:
    link = await server.invite("screen")
    mara, tomas = [await people.join(link, persona) for persona in (MARA, TOMAS)]
    await everyone_sees_and_hears([mara, tomas])
    await mara.page.evaluate(
        """navigator.mediaDevices.getDisplayMedia = async () => {
          const c = document.createElement('canvas'); c.width = 640; c.height = 360; const g = c.getContext('2d');
          let n = 0; window.__paint = setInterval(() => { g.fillStyle = '#d0c0a0'; g.fillRect(0, 0, 640, 360);
            g.fillStyle = '#000'; g.fillRect((n++ * 7) % 600, 20, 40, 40); }, 100);
          return c.captureStream(10); }"""
    )
    await mara.page.get_by_test_id("screen-button").click()
    shared = tomas.page.get_by_test_id("screen-video")
    await shared.wait_for(timeout=20_000)

    async def moving() -> bool:
        return bool(await shared.evaluate("v => v.videoWidth > 0 && v.currentTime > 0"))

    await until(moving, "the screen is seen")
    await mara.page.get_by_test_id("screen-button").click()
    await shared.wait_for(state="detached", timeout=20_000)
    assert await tomas.sees(MARA)


async def test_four_people_fit_on_a_desktop_and_on_a_phone(server: RunningServer, people: People) -> None:
    link = await server.invite("monday-studio")
    visitors = [await people.join(link, persona) for persona in (MARA, TOMAS, YUKI, NOOR)]
    await everyone_sees_and_hears(visitors)
    page = visitors[0].page
    for width, height in ((1440, 900), (390, 844), (844, 390)):
        await page.set_viewport_size({"width": width, "height": height})

        async def all_inside(w: int = width, h: int = height) -> bool:
            boxes = await page.eval_on_selector_all(
                '[data-testid="tile"]',
                "tiles => tiles.map(t => { const b = t.getBoundingClientRect(); return [b.left, b.top, b.right, b.bottom]; })",
            )
            inside = all(b[0] >= 0 and b[1] >= 0 and b[2] <= w and b[3] <= h for b in boxes)
            return len(boxes) == 4 and inside

        await until(all_inside, f"four tiles inside {width}x{height}")
        for name in ("mic-button", "camera-button", "leave-button"):
            box = await page.get_by_test_id(name).bounding_box()
            assert box is not None and box["width"] >= 44 and box["height"] >= 44, name
    assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")
