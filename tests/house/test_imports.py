"""Imports point down only (DESIGN section 3). A new edge is a change to this table, seen in review."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from tests.house.files import ROOT, shown, tracked

ALLOWED: dict[str, set[str]] = {
    "base": set(),
    "config": {"base"},
    "wire": {"base"},
    "protocol": {"base"},
    "auth": {"base", "protocol"},
    "room": {"base", "protocol", "auth"},
    "session": {"base", "protocol"},
    "media": {"base"},
    # The port's value types are shared with layer 2: docs/adr/0002.
    "negotiate": {"base", "wire", "protocol", "plane.port"},
    "routing": {"base", "media", "room", "plane.port"},
    "plane": {"base", "wire", "_plane"},
    "transport": {"base", "plane.port"},
    "store": {"base"},
    "server": {"base", "protocol", "auth", "session", "store.port"},
    "control": {
        *("base", "protocol", "auth", "room", "media", "routing", "negotiate"),
        *("plane.port", "transport", "server.ports", "store.port"),
    },
    # Tools of the operator: they read the configuration and use layer 2 and the store.
    "cli": {"base", "config", "auth", "store", "protocol", "app"},
    "wiring": {"*"},
    "app": {"*"},
    "__main__": {"base", "cli"},
    "__init__": set(),
}


def owner(module: str) -> str:
    """``sfu.plane.port`` -> ``plane``."""
    return module.split(".")[1] if "." in module else "__init__"


def imports_of(path: Path) -> list[str]:
    found: list[str] = []
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module is not None:
            assert node.level == 0, f"{shown(path)}: relative import"
            if node.module == "sfu":
                found += [f"sfu.{alias.name}" for alias in node.names]
            else:
                found.append(node.module)
    return [name for name in found if name.split(".")[0] == "sfu"]


MODULES = [path for path in tracked(".py") if shown(path).startswith("sfu/")]


def test_there_are_modules() -> None:
    assert len(MODULES) > 80


@pytest.mark.parametrize("path", MODULES, ids=shown)
def test_imports_point_down(path: Path) -> None:
    module = shown(path).removesuffix(".py").replace("/", ".")
    own = owner(module)
    allowed = ALLOWED[own]
    for name in imports_of(path):
        target = owner(name)
        fits = target in (own, "__init__") or "*" in allowed or target in allowed
        fits = fits or any("." in a and name.removeprefix("sfu.").startswith(a) for a in allowed)
        fits = fits or name == "sfu.__version__"
        assert fits, f"{shown(path)} imports {name}: {own} may import {sorted(allowed)}"


def test_nobody_outside_the_app_imports_the_reference_plane() -> None:
    for path in MODULES:
        if shown(path).startswith(("sfu/plane/", "sfu/wiring.py")):
            continue
        assert not [n for n in imports_of(path) if n.startswith("sfu.plane.reference")], shown(path)


def test_the_client_app_meets_the_sdk_only_through_its_api() -> None:
    for path in tracked(".ts", ".tsx"):
        if not shown(path).startswith("client/src/app/"):
            continue
        for line in path.read_text().splitlines():
            if "from '" in line and "/sdk/" in line:
                assert line.rstrip(";").endswith("/sdk/index'"), f"{shown(path)}: {line}"
            assert "/e2ee/" not in line or "from" not in line, f"{shown(path)}: {line}"


RUST = {"wire": {"wire"}, "srtp": {"srtp"}, "core": {"core", "wire", "srtp"}}
"""Inside the crate (DESIGN section 3): sans-IO modules, and what each may use of ours."""


@pytest.mark.parametrize("module", RUST)
def test_the_crate_s_core_has_no_sockets_threads_or_clocks(module: str) -> None:
    for path in tracked(".rs"):
        name = shown(path)
        if not name.startswith(f"sfu/native/src/{module}/"):
            continue
        text = path.read_text()
        used = set(re.findall(r"\bcrate::(\w+)", text))
        assert used <= RUST[module], f"{name} uses {sorted(used)}"
        for banned in ("std::thread", "std::time", "std::fs", "UdpSocket", "libc::", "unsafe {"):
            assert banned not in text, f"{name} has {banned}"
    assert "#![forbid(unsafe_code)]" in (ROOT / f"sfu/native/src/{module}/mod.rs").read_text()
