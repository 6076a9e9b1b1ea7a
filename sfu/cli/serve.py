"""``sfu serve``: run the server until it is told to stop."""

from __future__ import annotations

import argparse

import uvloop

from sfu.app import serve
from sfu.cli.options import Commands, add_config, load_config


def register(commands: Commands) -> None:
    """Add the command."""
    parser = commands.add_parser("serve", help="run the server")
    add_config(parser)
    parser.add_argument("--listen", metavar="HOST:PORT", help="web app and signalling")
    parser.add_argument(
        "--media", metavar="HOST:PORT", action="append", help="media port (UDP); may be repeated"
    )
    parser.add_argument("--admin", metavar="HOST:PORT", help="metrics and health")
    parser.add_argument("--plane", choices=("native", "reference"), help="forwarding plane")
    parser.add_argument(
        "--self-signed", action="store_true", help="TLS with a certificate made by the server"
    )
    parser.add_argument("--room", metavar="ROOM", help="print a link to this room once the server is up")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Load the configuration and serve."""
    config = load_config(options, _overrides(options))
    uvloop.run(serve(config, room=options.room))
    return 0


def _overrides(options: argparse.Namespace) -> dict[str, object]:
    given: dict[str, object] = {
        "server.listen": options.listen,
        "media.listen": options.media,
        "admin.listen": options.admin,
        "media.plane": options.plane,
        "server.tls.mode": "self_signed" if options.self_signed else None,
    }
    return {key: value for key, value in given.items() if value is not None}
