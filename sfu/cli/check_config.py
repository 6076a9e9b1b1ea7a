"""``sfu check-config``: print what would run, or the one thing that is wrong."""

from __future__ import annotations

import argparse

import msgspec
import yaml

from sfu.cli.options import Commands, add_config, load_config


def register(commands: Commands) -> None:
    """Add the command."""
    parser = commands.add_parser("check-config", help="check the configuration and print it")
    add_config(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Load, check, print. Secrets are only ever file names here."""
    config = load_config(options)
    plain = msgspec.to_builtins(config)
    print(yaml.safe_dump(plain, sort_keys=False, default_flow_style=False), end="")
    return 0
