"""Options that several commands share."""

from __future__ import annotations

import argparse
import os
import re
from pathlib import Path
from typing import Any

from sfu.base.errors import ConfigError
from sfu.base.ids import ROOM_ID_PATTERN, RoomId
from sfu.config import Config, load

Commands = Any
"""argparse's subparsers action, which has no public type."""


def add_config(parser: argparse.ArgumentParser) -> None:
    """``--config FILE``."""
    parser.add_argument("--config", type=Path, metavar="FILE", help="YAML file, see config.yaml")


def load_config(options: argparse.Namespace, overrides: dict[str, object] | None = None) -> Config:
    """The configuration these options ask for.

    Raises:
        ConfigError: it is not acceptable.
    """
    return load(options.config, os.environ, overrides)


def room_id(text: str) -> RoomId:
    """A room's name.

    Raises:
        ConfigError: not well-formed.
    """
    if not re.fullmatch(ROOM_ID_PATTERN.strip("^$"), text):
        raise ConfigError("command line", "ROOM", text, "1 to 64 of a-z, 0-9 and -")
    return RoomId(text)


def seconds(text: str) -> int:
    """``90``, ``90s``, ``15m``, ``12h`` or ``30d`` as seconds.

    Raises:
        argparse.ArgumentTypeError: anything else.
    """
    match = re.fullmatch(r"(\d{1,9})([smhd]?)", text)
    if match is None:
        raise argparse.ArgumentTypeError(f"found {text!r}, wanted seconds, or a number with s, m, h, d")
    return int(match[1]) * {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86_400}[match[2]]
