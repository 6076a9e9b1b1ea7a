"""``sfu invite ROOM``: print one room link. The secret in it is made here and kept nowhere."""

from __future__ import annotations

import argparse
import base64
import secrets
import sys
import time
from urllib.parse import parse_qs, urlsplit

from sfu.auth.grants import Role
from sfu.auth.invites import InviteRequest, mint_invite
from sfu.auth.keys import SigningKey
from sfu.base.errors import ConfigError
from sfu.base.ids import RoomId
from sfu.cli.options import Commands, add_config, load_config, room_id, seconds
from sfu.config.links import page_origin
from sfu.config.schema import Config
from sfu.config.secrets import store_path, token_key_path
from sfu.store.sqlite import SqliteStore

SECRET_BYTES = 32


def register(commands: Commands) -> None:
    """Add the command."""
    parser = commands.add_parser("invite", help="print a link to a room")
    parser.add_argument("room", metavar="ROOM", help="a-z, 0-9 and -")
    parser.add_argument("--role", choices=[r.value for r in Role], default=Role.GUEST.value)
    parser.add_argument("--ttl", type=seconds, metavar="TIME", help="such as 12h or 30d")
    parser.add_argument("--link", metavar="URL", help="another invite with this link's secret")
    parser.add_argument("--url", metavar="BASE", help="origin of the server, if not as configured")
    add_config(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Print exactly one URL."""
    config = load_config(options)
    room = room_id(options.room)
    store = SqliteStore(store_path(config))
    try:
        if options.link is not None:
            secret = secret_of(options.link, room)
            store.add_room(room, time.time())
        elif store.add_room(room, time.time()):
            secret = encode(secrets.token_bytes(SECRET_BYTES))
        else:
            print(
                f"sfu: room {room} exists. Its secret is only in its links, so a new link would not "
                "open the same call: pass one with --link URL, or choose another room.",
                file=sys.stderr,
            )
            return 1
    finally:
        store.close()
    print(room_link(config, options, room, secret))
    return 0


def room_link(config: Config, options: argparse.Namespace, room: RoomId, secret: str) -> str:
    """The link with a fresh invite."""
    base = options.url or page_origin(config)
    invite = invite_for(config, room, Role(options.role), options.ttl)
    return f"{base.rstrip('/')}/r/{room}#k={secret}&i={invite}"


def invite_for(config: Config, room: RoomId, role: Role, ttl_s: int | None) -> str:
    """A signed invite.

    Raises:
        ConfigError: the lifetime is out of range or the key cannot be used.
    """
    key = SigningKey.load_or_create(token_key_path(config))
    request = InviteRequest(
        room=room,
        role=role,
        ttl_s=config.auth.invite_ttl_s if ttl_s is None else ttl_s,
        issuer=config.auth.issuer,
        audience=config.auth.audience,
    )
    try:
        return mint_invite(key, request, time.time())
    except ValueError:
        raise ConfigError("command line", "--ttl", ttl_s, "1 second to 366 days") from None


def secret_of(link: str, room: RoomId) -> str:
    """The secret in another link to the same room, checked.

    Raises:
        ConfigError: it is no such link. The secret is not shown.
    """
    parts = urlsplit(link)
    if parts.path.rstrip("/") != f"/r/{room}":
        raise ConfigError("command line", "--link", parts.path, f"a link to /r/{room}")
    secret = parse_qs(parts.fragment).get("k", [""])[0]
    try:
        raw = base64.urlsafe_b64decode(secret + "=" * (-len(secret) % 4))
    except ValueError:
        raw = b""
    if len(raw) != SECRET_BYTES or encode(raw) != secret:
        raise ConfigError("command line", "--link", "no whole secret", "a link with #k= as it was made")
    return secret


def encode(raw: bytes) -> str:
    """base64url without padding."""
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode("ascii")
