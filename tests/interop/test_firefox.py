"""Firefox: 25 seats in one offer, and the app in a sealed call with a Python client."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

HOST, GATEWAY = "10.77.0.2", "10.77.0.1"


@pytest.fixture
def namespace() -> Iterator[str]:
    """A network namespace with a veth address and a default route: without it Firefox gathers nothing."""
    name = f"sotto-{uuid.uuid4().hex[:6]}"
    far = f"{name}-gw"
    commands = (
        f"netns add {name}",
        f"netns add {far}",
        f"link add v0 netns {name} type veth peer name v0 netns {far}",
        f"-n {name} addr add {HOST}/24 dev v0",
        f"-n {far} addr add {GATEWAY}/24 dev v0",
        f"-n {name} link set lo up",
        f"-n {name} link set v0 up",
        f"-n {far} link set v0 up",
        f"-n {name} route add default via {GATEWAY}",
    )
    try:
        for command in commands:
            subprocess.run(["ip", *command.split()], check=True)
        yield name
    finally:
        for each in (name, far):
            subprocess.run(["ip", "netns", "del", each], check=False)


@pytest.mark.skipif(os.geteuid() != 0, reason="a network namespace needs root")
def test_firefox_takes_25_seats_and_takes_part(tmp_path: Path, namespace: str) -> None:
    command = ["ip", "netns", "exec", namespace, sys.executable, "-m", "tests.interop.firefox_scene"]
    ran = subprocess.run([*command, str(tmp_path), HOST], capture_output=True, text=True, timeout=200)
    assert ran.returncode == 0, ran.stderr[-4000:]
    seen = json.loads(ran.stdout.splitlines()[-1])
    print(f"\nFirefox: {seen}")
    seats = seen["seats"]
    assert (seats["type"], seats.get("state")) == ("joined", "connected"), seats
    assert (seats["seats"], seats["receiving"]) == (25, 50)
    call = seen["call"]
    assert (call["badge"], call["error"]) == ("encrypted", None)
    ann = call["pictures"]["Ann"]
    assert ann["seconds"] > 3
    red, green, blue = ann["rgb"]
    assert red > 100 > max(green, blue)
    assert seen["bot"]["names"] == ["Ann", "Fox"]
