"""``python -m sfu`` and the ``sfu`` command: one file a subcommand in ``sfu.cli``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from sfu.base.errors import ConfigError, PlaneError
from sfu.cli import check_config, invite, serve, token, version

COMMANDS = (serve, check_config, invite, token, version)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one subcommand; returns the exit code. Errors of the operator are one line."""
    parser = argparse.ArgumentParser(prog="sfu", description="Sotto: calls the server cannot hear")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for command in COMMANDS:
        command.register(commands)
    options = parser.parse_args(arguments)
    try:
        code: int = options.run(options)
    except (ConfigError, PlaneError) as error:
        print(f"sfu: {error}", file=sys.stderr)
        return 2
    return code


if __name__ == "__main__":
    sys.exit(main())
