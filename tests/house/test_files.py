"""Sizes, names and characters of our files."""

from __future__ import annotations

import ast
import re
import unicodedata
from pathlib import Path

import pytest

from tests.house.files import shown, tracked

MAX_LINES = 600
TABLES = ("client/src/protocol/messages.gen.ts", "client/src/app/ui/icons.ts")
SOURCES = tracked(".py", ".ts", ".tsx", ".rs", ".mjs")
OURS = [path for path in tracked(".py") if shown(path).startswith(("sfu/", "client/python/"))]
BANNED = {"util", "utils", "helper", "helpers", "common", "misc", "manager", "data", "info", "process"}
# Names of hosts and places that are not the user's business.
FORBIDDEN = re.compile(
    r"registry\.npmjs|pypi\.org|files\.pythonhosted|crates\.io/api|/root/|/work/(main|shared|brief)"
)


@pytest.mark.parametrize("path", SOURCES, ids=shown)
def test_size(path: Path) -> None:
    if shown(path) not in TABLES and "/vectors/" not in shown(path):
        assert len(path.read_text().splitlines()) <= MAX_LINES


@pytest.mark.parametrize(
    "path", tracked(".py", ".ts", ".tsx", ".md", ".yaml", ".sh", ".toml", ".json", ".lock"), ids=shown
)
def test_no_direction_marks_and_no_private_places(path: Path) -> None:
    text = path.read_text()
    for number, line in enumerate(text.splitlines(), 1):
        hidden = [c for c in line if unicodedata.category(c) == "Cf"]
        assert not hidden, f"{shown(path)}:{number}: hidden character {hidden[0]!r}"
        if shown(path) != "tests/house/test_files.py":
            found = FORBIDDEN.search(line)
            assert found is None, f"{shown(path)}:{number}: {found and found[0]}"


@pytest.mark.parametrize("path", OURS, ids=shown)
def test_identifiers_are_plain_ascii_and_say_something(path: Path) -> None:
    assert path.stem not in BANNED
    for node in ast.walk(ast.parse(path.read_text())):
        name = getattr(node, "name", None) or getattr(node, "id", None) or getattr(node, "arg", None)
        if isinstance(name, str):
            assert name.isascii(), f"{shown(path)}: {name}"
        if isinstance(node, ast.ClassDef):
            assert not node.name.endswith(("Handler", "Manager", "Helper", "Util")), node.name


@pytest.mark.parametrize("path", OURS, ids=shown)
def test_no_assert_on_input_and_no_bare_except(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text())):
        assert not isinstance(node, ast.Assert), f"{shown(path)}:{node.lineno}: assert"
        if isinstance(node, ast.ExceptHandler):
            assert node.type is not None, f"{shown(path)}:{node.lineno}: bare except"


@pytest.mark.parametrize("path", OURS, ids=shown)
def test_every_module_says_what_it_is(path: Path) -> None:
    if path.read_text().strip():
        assert ast.get_docstring(ast.parse(path.read_text())), f"{shown(path)} has no docstring"
