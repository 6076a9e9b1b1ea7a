"""25 seats in one offer and one answer, taken by real browsers."""

from __future__ import annotations

from pathlib import Path

from playwright.async_api import async_playwright

from tests.e2e.browsers import FLAGS
from tests.e2e.serving import serving

SCRIPT = Path(__file__).with_name("many_seats.js")
SEATS = 25


async def test_chromium_takes_25_seats(tmp_path: Path) -> None:
    async with serving(tmp_path) as server, async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path="/usr/bin/chromium", args=list(FLAGS))
        page = await browser.new_page()
        await page.goto(server.origin)
        result = await page.evaluate(SCRIPT.read_text(), SEATS)
        await browser.close()
    print(f"\nChromium: {result}")
    assert (result["type"], result.get("state")) == ("joined", "connected"), result
    assert result["seats"] == SEATS
    assert result["receiving"] == 2 * SEATS


async def test_one_seat_too_many_is_refused_clearly(tmp_path: Path) -> None:
    async with (
        serving(tmp_path, config="rooms: {seats_max: 3}") as server,
        async_playwright() as playwright,
    ):
        browser = await playwright.chromium.launch(executable_path="/usr/bin/chromium", args=list(FLAGS))
        page = await browser.new_page()
        await page.goto(server.origin)
        result = await page.evaluate(SCRIPT.read_text(), 4)
        await browser.close()
    assert result["code"] == "too_many_seats"
    assert result["text"] == "seats: found 4, wanted at most 3"
