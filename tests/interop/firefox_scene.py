"""Firefox and a Python client in one room. Run inside a network namespace of its own by test_firefox.

Firefox gathers no loopback candidate and sends nothing to 127.0.0.1, so the media port is on the
namespace's veth address. Prints one JSON object: what Firefox saw and what the Python client opened.
"""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

from sotto_client.bot import Bot

from tests.e2e.browsers import until
from tests.e2e.serving import free_port, serving

SCRIPT = Path(__file__).with_name("firefox.mjs")
SEATS = 25
WITHIN_S = 90.0


async def scene(state_dir: Path, media_host: str) -> dict[str, Any]:
    """Serve, let both in, and tell what each had of the other."""
    async with serving(state_dir, "--media", f"{media_host}:{free_port()}") as server:
        link = (await server.invite("fox")).replace("127.0.0.1", "localhost")
        bot = Bot(link, "Ann", seats=3)
        await bot.join(colour=(200, 30, 30), tone_hz=440)
        firefox = await asyncio.create_subprocess_exec(
            *("node", str(SCRIPT), link, str(SEATS)),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        try:
            seen: dict[str, Any] = await asyncio.wait_for(_lines(firefox), WITHIN_S)

            async def opened() -> bool:
                sources = {source for pid, source in bot.opened if bot.names.get(pid) == "Fox"}
                return {"camera", "microphone"} <= sources and bot.decoded["video"] > 60

            await until(opened, "the Python client opens and decodes Firefox's media", 40.0)
            seen["bot"] = {"decoded": dict(bot.decoded), "names": sorted(bot.names.values())}
        finally:
            await _end(firefox)
            await bot.leave()
        return seen


async def _lines(firefox: asyncio.subprocess.Process) -> dict[str, Any]:
    assert firefox.stdout is not None
    seen: dict[str, Any] = {}
    while "call" not in seen:
        line = await firefox.stdout.readline()
        assert line, f"Firefox ended before it was in the call; it had said {seen}"
        seen |= json.loads(line)
    return seen


async def _end(firefox: asyncio.subprocess.Process) -> None:
    if firefox.returncode is None:
        assert firefox.stdin is not None
        firefox.stdin.write(b"go\n")
        await firefox.stdin.drain()
    try:
        await asyncio.wait_for(firefox.wait(), 15.0)
    except TimeoutError:
        firefox.kill()
        await firefox.wait()


if __name__ == "__main__":
    print(json.dumps(asyncio.run(scene(Path(sys.argv[1]), sys.argv[2]))))
