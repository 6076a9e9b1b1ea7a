"""A call through coturn: short-lived credentials made for each join, over UDP and over TCP."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.e2e.browsers import until
from tests.e2e.conftest import People
from tests.e2e.pictures import MARA, TOMAS
from tests.e2e.serving import free_port, serving

SECRET = "a-secret-of-the-turn-server-0123456789"
# What a network without direct UDP does to a page: only relayed candidates are left.
RELAY_ONLY = """
const Direct = RTCPeerConnection;
window.RTCPeerConnection = class extends Direct {
  constructor(c) { super({ ...c, iceTransportPolicy: 'relay' }); }
};
"""


@asynccontextmanager
async def coturn(folder: Path, port: int) -> AsyncIterator[None]:
    """Debian's coturn on loopback, as deploy/coturn sets it up but for the addresses."""
    command = ["turnserver", "-n", "-L", "127.0.0.1", "-E", "127.0.0.1", "-p", str(port)]
    command += ["--min-port", "42000", "--max-port", "42999", "-r", "sotto"]
    command += ["--lt-cred-mech", "--use-auth-secret", f"--static-auth-secret={SECRET}"]
    command += ["--allow-loopback-peers", "--no-tls", "--no-dtls", "--no-cli"]
    command += [f"--log-file={folder / 'turn.log'}", "--simple-log", f"--pidfile={folder / 'turn.pid'}"]
    process = await asyncio.create_subprocess_exec(
        *command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:

        async def listening() -> bool:
            assert process.returncode is None, "coturn ended"
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                return False
            writer.close()
            return True

        await until(listening, "coturn listens", 15.0)
        yield
    finally:
        process.terminate()
        await process.wait()


@pytest.mark.parametrize("transport", ["udp", "tcp"])
async def test_a_call_through_coturn(tmp_path: Path, people: People, transport: str) -> None:
    secret = tmp_path / "turn-secret"
    secret.write_text(SECRET)
    secret.chmod(0o600)
    port = free_port()
    url = f"turn:127.0.0.1:{port}?transport={transport}"
    config = f"ice:\n  servers:\n  - urls: ['{url}']\n    secret_file: {secret}\n"
    async with coturn(tmp_path, port), serving(tmp_path, config=config) as server:
        link = await server.invite("relayed")
        persons = [await people.browser(persona) for persona in (MARA, TOMAS)]
        for person in persons:
            await person.context.add_init_script(RELAY_ONLY)
            await person.open(link)
            await person.in_call()
        mara, tomas = persons

        async def both() -> bool:
            return await mara.sees(TOMAS) and await tomas.sees(MARA)

        await until(both, "both see each other through the relay", 30.0)
        for person in persons:
            pairs = [p for p in await person.stats("candidate-pair") if p.get("nominated")]
            local = {c["id"]: c for c in await person.stats("local-candidate")}
            used = [local[p["localCandidateId"]] for p in pairs if p.get("localCandidateId") in local]
            assert used
            assert {(c["candidateType"], c["relayProtocol"]) for c in used} == {("relay", transport)}
            assert await person.problems() == []
