"""A real server in its own process, started as the README starts it, on free ports of loopback."""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
import subprocess
import sys
import urllib.request
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

READY_WITHIN_S = 30.0
STOP_WITHIN_S = 10.0


@dataclass(slots=True)
class RunningServer:
    """Where a started server listens, and its process."""

    host: str
    web_port: int
    media_port: int
    admin_port: int
    state_dir: Path
    process: asyncio.subprocess.Process
    output: list[str] = field(default_factory=list)
    tls: bool = False

    @property
    def origin(self) -> str:
        """What a browser would open."""
        return f"{'https' if self.tls else 'http'}://{self.host}:{self.web_port}"

    async def metrics(self) -> str:
        """The text of ``/metrics``."""
        return await asyncio.to_thread(_get, f"http://127.0.0.1:{self.admin_port}/metrics")

    async def metric(self, name: str, **labels: str) -> float:
        """One sample's value; 0 when the series is not there."""
        wanted = "{" + ",".join(f'{k}="{v}"' for k, v in labels.items()) + "}" if labels else ""
        for line in (await self.metrics()).splitlines():
            if line.startswith(name + wanted + " "):
                return float(line.rsplit(" ", 1)[1])
        return 0.0

    async def invite(self, room: str, *arguments: str) -> str:
        """A room link, made by the command line as an operator would."""
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "sfu", "invite", room, "--url", self.origin, *arguments),
            env=environment(self.state_dir),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        out, err = await process.communicate()
        assert process.returncode == 0, err.decode()
        return out.decode().strip()


def environment(state_dir: Path) -> dict[str, str]:
    """The child's environment: ours, with a state directory of its own."""
    return {**os.environ, "SOTTO_STATE_DIR": str(state_dir)}


def free_port(kind: socket.SocketKind = socket.SOCK_STREAM) -> int:
    """A port nobody listens on now."""
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@asynccontextmanager
async def serving(
    state_dir: Path,
    *arguments: str,
    host: str = "127.0.0.1",
    config: str | None = None,
    tls: bool = False,
) -> AsyncIterator[RunningServer]:
    """Start a server, wait until it is healthy, stop it as an operator would (SIGTERM)."""
    ports = (free_port(), free_port(socket.SOCK_DGRAM), free_port())
    command = [sys.executable, "-m", "sfu", "serve"]
    if config is not None:
        path = state_dir / "config.yaml"
        path.write_text(config)
        command += ["--config", str(path)]
    command += ["--listen", f"{host}:{ports[0]}", "--media", f"{host}:{ports[1]}"]
    command += ["--admin", f"127.0.0.1:{ports[2]}", *arguments]
    process = await asyncio.create_subprocess_exec(
        *command,
        env=environment(state_dir),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    server = RunningServer(host, *ports, state_dir, process, tls=tls)
    reader = asyncio.create_task(_read(server))
    try:
        await _healthy(server)
        yield server
    finally:
        if process.returncode is None:
            process.terminate()
        try:
            await asyncio.wait_for(process.wait(), STOP_WITHIN_S)
        except TimeoutError:
            process.kill()
            await process.wait()
        await reader


async def _read(server: RunningServer) -> None:
    stream = server.process.stdout
    assert stream is not None
    async for line in stream:
        server.output.append(line.decode("utf-8", "replace").rstrip())


async def _healthy(server: RunningServer) -> None:
    deadline = asyncio.get_running_loop().time() + READY_WITHIN_S
    while True:
        assert server.process.returncode is None, "\n".join(server.output)
        try:
            await asyncio.to_thread(_get, server.origin + "/healthz")
        except OSError:
            late = asyncio.get_running_loop().time() > deadline
            assert not late, "not healthy in time:\n" + "\n".join(server.output)
            await asyncio.sleep(0.1)
        else:
            return


def _get(url: str) -> str:
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE  # certificates of tests are made by the server under test
    with urllib.request.urlopen(url, timeout=5, context=context) as response:  # noqa: S310 - loopback
        body: bytes = response.read()
        return body.decode()
