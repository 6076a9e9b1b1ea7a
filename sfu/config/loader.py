"""Defaults, then the file, then the environment, then the command line; then the checks.

Environment: ``SOTTO_STATE_DIR``, ``SOTTO_SERVER_LISTEN``, ``SOTTO_SERVER_TLS_MODE`` and so on: the path of
the key in capitals. Lists are comma-separated.
"""

from __future__ import annotations

import re
import types
from collections.abc import Mapping
from enum import EnumMeta
from pathlib import Path
from typing import Any, Union, get_args, get_origin, get_type_hints

import msgspec
import yaml

from sfu.base.errors import ConfigError
from sfu.config.checks import check
from sfu.config.describe import wanted
from sfu.config.schema import Config, Section

Tree = dict[str, object]
PREFIX = "SOTTO_"
MAX_FILE_BYTES = 1 << 20


def load(
    path: Path | None, environ: Mapping[str, str], overrides: Mapping[str, object] | None = None
) -> Config:
    """Read the configuration.

    Args:
        path: a YAML file, or None for defaults.
        environ: the process environment.
        overrides: values from the command line by dotted key (``{"server.listen": "..."}``).

    Raises:
        ConfigError: one line: where, which key, what was found, what was wanted.
    """
    tree: Tree = {} if path is None else _read(path)
    source = "defaults" if path is None else path.name
    config = _convert(tree, source)  # so that errors of the file name the file
    for key, value in _from_environment(environ).items():
        _put(tree, key, value)
        config = _convert(tree, f"environment {PREFIX}{key.replace('.', '_').upper()}")
    for key, value in (overrides or {}).items():
        _put(tree, key, value)
        config = _convert(tree, "command line")
    check(config, source)
    return config


def _read(path: Path) -> Tree:
    try:
        text = path.read_bytes()
    except OSError as error:
        raise ConfigError(str(path), "(file)", error.strerror, "a readable file") from None
    if len(text) > MAX_FILE_BYTES:
        raise ConfigError(str(path), "(file)", f"{len(text)} bytes", "at most 1 MiB")
    try:
        tree = yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"line {mark.line + 1}" if mark is not None else "(file)"
        raise ConfigError(path.name, where, "no YAML", "valid YAML") from None
    if tree is None:
        return {}
    if not isinstance(tree, dict):
        raise ConfigError(path.name, "(file)", type(tree).__name__, "sections with keys")
    return tree


def _convert(tree: Tree, source: str) -> Config:
    try:
        return msgspec.convert(tree, Config, strict=True)
    except msgspec.ValidationError as error:
        raise _explain(tree, source, str(error)) from None


def _explain(tree: Tree, source: str, text: str) -> ConfigError:
    """msgspec names the place (``$.media.plane``); we add the key, what is there, what was wanted."""
    message, _, where = text.partition(" - at `$")
    path = where.rstrip("`").lstrip(".")
    unknown = re.search(r"unknown field `([^`]*)`", message)
    if unknown:
        key = f"{path}.{unknown[1]}" if path else unknown[1]
        return ConfigError(source, key, unknown[1], "a key that exists; see config.yaml")
    missing = re.search(r"missing required field `([^`]*)`", message)
    if missing:
        return ConfigError(source, f"{path}.{missing[1]}", None, "a value")
    found = _get(tree, path)
    if found is None and "null" in message:
        found = "null"
    words = wanted(path) if path else None
    return ConfigError(source, path or "(file)", found, words or message.lower())


def _get(tree: object, path: str) -> object:
    for step in re.findall(r"[^.\[\]]+", path):
        if isinstance(tree, dict):
            tree = tree.get(step)
        elif isinstance(tree, list | tuple) and step.isdigit() and int(step) < len(tree):
            tree = tree[int(step)]
        else:
            return None
    return tree


def _put(tree: Tree, key: str, value: object) -> None:
    *sections, name = key.split(".")
    for section in sections:
        below = tree.setdefault(section, {})
        if not isinstance(below, dict):
            return  # the file holds no section here; converting will say so
        tree = below
    tree[name] = value


def _from_environment(environ: Mapping[str, str]) -> dict[str, object]:
    known = {PREFIX + key.replace(".", "_").upper(): key for key in keys()}
    found: dict[str, object] = {}
    for name, text in sorted(environ.items()):
        if not name.startswith(PREFIX):
            continue
        key = known.get(name)
        if key is None:
            raise ConfigError("environment", name, "a variable", "one that names a key")
        found[key] = _parse(text, keys()[key])
    return found


def _parse(text: str, kind: object) -> object:
    options = get_args(kind) if get_origin(kind) in (Union, types.UnionType) else (kind,)
    plain = next((o for o in options if o is not type(None)), str)
    if get_origin(plain) is tuple:
        return [item.strip() for item in text.split(",") if item.strip()]
    if plain is bool and text.lower() in ("true", "false"):
        return text.lower() == "true"
    if plain in (int, float):
        try:
            return plain(text)
        except ValueError:
            return text  # converting says what was wanted
    return text


def keys(section: type[Section] = Config, prefix: str = "") -> dict[str, object]:
    """Every dotted key with its type, ``Annotated`` taken off; lists of sections are left out."""
    found: dict[str, object] = {}
    for name, kind in get_type_hints(section).items():
        if isinstance(kind, type) and issubclass(kind, Section):
            found.update(keys(kind, f"{prefix}{name}."))
        elif not _holds_sections(kind):
            found[prefix + name] = kind
    return found


def _holds_sections(kind: Any) -> bool:  # a type expression
    return any(
        isinstance(arg, type) and not isinstance(arg, EnumMeta) and issubclass(arg, Section)
        for arg in get_args(kind)
    )
