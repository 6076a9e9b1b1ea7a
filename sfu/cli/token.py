"""``sfu token ROOM``: print one join token, as an application's own backend would make it."""

from __future__ import annotations

import argparse
import time

from sfu.auth.grants import Role
from sfu.auth.keys import SigningKey
from sfu.auth.token import TokenRequest, mint_token
from sfu.base.errors import ConfigError
from sfu.base.ids import Identity
from sfu.cli.options import Commands, add_config, load_config, room_id, seconds
from sfu.config.secrets import token_key_path


def register(commands: Commands) -> None:
    """Add the command."""
    parser = commands.add_parser("token", help="print a join token")
    parser.add_argument("room", metavar="ROOM", help="a-z, 0-9 and -")
    parser.add_argument("--identity", required=True, metavar="NAME", help="the token's subject")
    parser.add_argument("--role", choices=[r.value for r in Role], default=Role.GUEST.value)
    parser.add_argument("--ttl", type=seconds, metavar="TIME", help="time to join, at most 10m")
    add_config(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Print exactly one token."""
    config = load_config(options)
    key = SigningKey.load_or_create(token_key_path(config))
    request = TokenRequest(
        room=room_id(options.room),
        identity=Identity(options.identity),
        role=Role(options.role),
        ttl_s=config.auth.join_token_ttl_s if options.ttl is None else options.ttl,
        issuer=config.auth.issuer,
        audience=config.auth.audience,
    )
    try:
        print(mint_token(key, request, time.time()))
    except ValueError as error:
        raise ConfigError("command line", "token", str(error), "values in range") from None
    return 0
