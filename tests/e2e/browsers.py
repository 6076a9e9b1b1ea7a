"""Real Chromium, one process a person, and the eyes and ears of a test inside its page."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from playwright.async_api import Browser, BrowserContext, Page, Playwright, async_playwright

from tests.e2e.pictures import SMALL, Persona, Shape, camera_file, microphone_file

T = TypeVar("T")

FLAGS = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
    *("--use-fake-ui-for-media-stream", "--autoplay-policy=no-user-gesture-required"),
    *("--disable-renderer-backgrounding", "--disable-background-timer-throttling"),
    "--disable-backgrounding-occluded-windows",
)

# Before the page's own code: remember connections and audio elements, which no test could reach else.
INIT = """
window.__pcs = []; window.__audio = new Set(); window.__errors = [];
const Native = RTCPeerConnection;
window.RTCPeerConnection = class extends Native { constructor(...a) { super(...a); window.__pcs.push(this); } };
const play = HTMLMediaElement.prototype.play;
HTMLMediaElement.prototype.play = function () { if (this instanceof HTMLAudioElement) window.__audio.add(this); return play.call(this); };
addEventListener('securitypolicyviolation', (e) => window.__errors.push('csp ' + e.violatedDirective + ' ' + e.blockedURI));
addEventListener('error', (e) => window.__errors.push('error ' + e.message));
addEventListener('unhandledrejection', (e) => window.__errors.push('rejection ' + e.reason));
"""

# Mean colour of a band at the bottom of the picture, away from the moving part; null without a picture.
COLOUR = """(video) => {
  if (!video || !video.videoWidth) return null;
  const c = document.createElement('canvas'); c.width = 32; c.height = 18;
  const g = c.getContext('2d'); g.drawImage(video, 0, 0, 32, 18);
  const d = g.getImageData(8, 15, 16, 2).data; let r = 0, gr = 0, b = 0; const n = d.length / 4;
  for (let i = 0; i < d.length; i += 4) { r += d[i]; gr += d[i + 1]; b += d[i + 2]; }
  return [Math.round(r / n), Math.round(gr / n), Math.round(b / n)];
}"""

# Loudest frequencies of everything the page plays, in Hz, strongest first.
TONES = """async (ms) => {
  const context = window.__ctx ??= new AudioContext({ sampleRate: 48000 }); await context.resume();
  const analysers = [];
  for (const element of window.__audio) {
    if (!element.srcObject) continue;
    const source = context.createMediaStreamSource(element.srcObject);
    const analyser = context.createAnalyser(); analyser.fftSize = 8192; analyser.smoothingTimeConstant = 0.5;
    source.connect(analyser); analysers.push(analyser);
  }
  await new Promise((r) => setTimeout(r, ms));
  return analysers.map((a) => {
    const bins = new Float32Array(a.frequencyBinCount); a.getFloatFrequencyData(bins);
    let best = 0; for (let i = 1; i < bins.length; i++) if (bins[i] > bins[best]) best = i;
    return { hz: Math.round(best * 48000 / a.fftSize), db: bins[best] };
  }).filter((x) => x.db > -60);
}"""


@dataclass(slots=True)
class Visitor:
    """One person with a browser of their own."""

    persona: Persona
    browser: Browser
    context: BrowserContext
    page: Page
    console: list[str] = field(default_factory=list)

    async def open(self, link: str) -> None:
        """Go to a room link and join without a click."""
        await self.page.goto(f"{link}&name={self.persona.name}&autojoin=1")

    async def in_call(self) -> None:
        """Wait until the call's controls are there."""
        await self.page.get_by_test_id("leave-button").wait_for(timeout=15_000)

    async def tiles(self) -> list[str]:
        """Names on the tiles, own included."""
        names: list[str] = await self.page.eval_on_selector_all(
            '[data-testid="tile"]', "tiles => tiles.map(t => t.dataset.name)"
        )
        return names

    async def colour_of(self, name: str) -> list[int] | None:
        """Mean colour of the picture on somebody's tile."""
        video = f'[data-testid="tile"][data-name="{name}"] [data-testid="tile-video"]'
        element = await self.page.query_selector(video)
        return None if element is None else await element.evaluate(COLOUR)

    async def size_of(self, name: str) -> list[int] | None:
        """Width and height of the picture being shown on somebody's tile."""
        video = f'[data-testid="tile"][data-name="{name}"] [data-testid="tile-video"]'
        element = await self.page.query_selector(video)
        return None if element is None else await element.evaluate("v => [v.videoWidth, v.videoHeight]")

    async def sees(self, persona: Persona, tolerance: int = 48) -> bool:
        """Whether this person's picture is on their tile, by its colour."""
        colour = await self.colour_of(persona.name)
        return colour is not None and all(
            abs(a - b) <= tolerance for a, b in zip(colour, persona.rgb, strict=True)
        )

    async def hears(self, persona: Persona) -> bool:
        """Whether this person's pitch is among what the page plays."""
        tones = await self.page.evaluate(TONES, 400)
        return any(abs(tone["hz"] - persona.tone_hz) <= 12 for tone in tones)

    async def stats(self, kind: str) -> list[dict[str, object]]:
        """Rows of one type of the live connection's statistics."""
        rows: list[dict[str, object]] = await self.page.evaluate(
            """async (type) => { const rows = [];
            for (const pc of window.__pcs) if (pc.connectionState !== 'closed')
              (await pc.getStats()).forEach((r) => { if (r.type === type) rows.push(r); });
            return rows; }""",
            kind,
        )
        return rows

    async def frames(self) -> dict[str, int]:
        """Decoded frames by MID of every receiving m-section that has any."""
        return {
            str(row["mid"]): int(str(row["framesDecoded"]))
            for row in await self.stats("inbound-rtp")
            if row.get("kind") == "video" and row.get("framesDecoded")
        }

    async def problems(self) -> list[str]:
        """Errors, unhandled rejections and policy violations of the page so far."""
        found: list[str] = await self.page.evaluate("window.__errors")
        return found


@asynccontextmanager
async def visitor(
    playwright: Playwright, folder: Path, persona: Persona, shape: Shape = SMALL
) -> AsyncIterator[Visitor]:
    """Start a Chromium whose camera and microphone play this person's files."""
    browser = await playwright.chromium.launch(
        executable_path="/usr/bin/chromium",
        args=[
            *FLAGS,
            "--use-fake-device-for-media-stream",
            f"--use-file-for-fake-video-capture={camera_file(folder, persona, shape)}",
            f"--use-file-for-fake-audio-capture={microphone_file(folder, persona)}",
        ],
    )
    try:
        context = await browser.new_context(
            permissions=["camera", "microphone"], viewport={"width": 1280, "height": 800}
        )
        await context.add_init_script(INIT)
        page = await context.new_page()
        who = Visitor(persona, browser, context, page)
        page.on("console", lambda message: who.console.append(message.text))
        yield who
    finally:
        await browser.close()


@asynccontextmanager
async def chromium() -> AsyncIterator[Playwright]:
    """The driver."""
    async with async_playwright() as playwright:
        yield playwright


async def until(
    condition: Callable[[], Awaitable[T]], what: str, within_s: float = 15.0, every_s: float = 0.1
) -> T:
    """Wait for a condition to be true; the clock only ends a wait that failed."""
    deadline = time.monotonic() + within_s
    while True:
        value = await condition()
        if value:
            return value
        assert time.monotonic() < deadline, f"not in {within_s} s: {what}"
        await asyncio.sleep(every_s)
