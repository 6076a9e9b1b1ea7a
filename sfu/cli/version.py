"""``sfu version``."""

from __future__ import annotations

import argparse
import platform

from sfu import __version__
from sfu.cli.options import Commands
from sfu.protocol.messages import PROTOCOL_VERSION


def register(commands: Commands) -> None:
    """Add the command."""
    parser = commands.add_parser("version", help="print versions")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Print them."""
    del options
    print(f"sotto {__version__} (protocol {PROTOCOL_VERSION}, Python {platform.python_version()})")
    return 0
