"""What an operator meets: metrics that Prometheus takes, health, clear refusals, deploy files that fit."""

from __future__ import annotations

import asyncio
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from sfu.config import load
from tests.e2e.serving import RunningServer, environment, serving

DEPLOY = Path(__file__).parents[2] / "deploy"


async def test_promtool_takes_the_live_metrics(server: RunningServer) -> None:
    text = await server.metrics()
    checked = await asyncio.to_thread(
        subprocess.run, ["promtool", "check", "metrics"], input=text.encode(), capture_output=True
    )
    assert checked.returncode == 0, checked.stderr.decode()
    assert not re.search(r"\b\d+\.\d+\.\d+\.\d+\b", text), "an address in the metrics"


async def test_every_metric_of_the_alerts_exists(server: RunningServer) -> None:
    text = await server.metrics()
    rules = (DEPLOY / "prometheus" / "sotto.rules.yml").read_text()
    for name in set(re.findall(r"\bsfu_\w+", rules)):
        assert re.search(rf"^{name}[{{ ]", text, re.MULTILINE), f"{name} is not exported"


def test_promtool_takes_the_deploy_files() -> None:
    path = str(DEPLOY / "prometheus" / "prometheus.yml")
    checked = subprocess.run(["promtool", "check", "config", path], capture_output=True)
    assert checked.returncode == 0, checked.stdout.decode() + checked.stderr.decode()


def test_the_container_configuration_is_one_we_take(tmp_path: Path) -> None:
    secret = tmp_path / "turn"
    secret.write_text("Zk3vQ9xT1mB7wL5rN2yH8cJ4dF6gS0aP")
    secret.chmod(0o600)
    text = (DEPLOY / "sotto.yaml").read_text().replace("/run/secrets/turn", str(secret))
    path = tmp_path / "sotto.yaml"
    path.write_text(text)
    compose = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
    names = compose["services"]["sotto"]["environment"]
    environ = {
        "SOTTO_SERVER_PUBLIC_URL": "https://calls.example.org",
        "SOTTO_MEDIA_LISTEN": "192.0.2.10:7882",
        "SOTTO_MEDIA_ANNOUNCED": "192.0.2.10",
    }
    assert set(names) == set(environ)
    assert load(path, environ).media.announced == ("192.0.2.10",)


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["serve", "--listen", "0.0.0.0:8080"], "server.listen: found '0.0.0.0:8080'"),
        (["serve", "--media", "0.0.0.0:7882"], "media.listen: found '0.0.0.0:7882'"),
        (["check-config", "--config", "/nowhere.yaml"], "No such file"),
        (["invite", "Bad Room"], "found 'Bad Room'"),
        (["token", "room", "--identity", "x", "--ttl", "1h"], "ttl_s 3600 is not in 1..600"),
    ],
)
async def test_refusals_are_one_line(tmp_path: Path, arguments: list[str], line: str) -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "sfu", *arguments),
        env=environment(tmp_path),
        stderr=asyncio.subprocess.PIPE,
    )
    _, err = await process.communicate()
    text = err.decode().strip()
    assert process.returncode == 2
    assert line in text
    assert "\n" not in text, text


async def test_a_port_in_use_is_said(server: RunningServer, tmp_path: Path) -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "sfu", "serve", "--listen", f"127.0.0.1:{server.web_port}"),
        *("--media", "127.0.0.1:0", "--admin", "127.0.0.1:0"),
        env=environment(tmp_path / "other"),
        stderr=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    _, err = await process.communicate()
    assert process.returncode == 2
    assert f"cannot bind 127.0.0.1 port {server.web_port} (TCP)" in err.decode()


async def test_another_invite_needs_the_link(server: RunningServer) -> None:
    link = await server.invite("twice")
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "sfu", "invite", "twice"),
        env=environment(server.state_dir),
        stderr=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate()
    assert (process.returncode, out) == (1, b"")
    assert b"pass one with --link" in err
    again = await server.invite("twice", "--link", link, "--role", "host")
    assert again.split("&i=")[0] == link.split("&i=")[0]
    assert again != link


async def test_tls_with_a_certificate_made_here(tmp_path: Path) -> None:
    async with serving(tmp_path, "--self-signed", tls=True) as server:
        assert any("Self-signed certificate, SHA-256" in line for line in server.output)
        assert server.origin.startswith("https://")
