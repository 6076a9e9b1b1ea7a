"""Room links: ``/r/ROOM#k=<secret>&i=<invite>``. The fragment is ours; it is never sent to a server."""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass, field
from urllib.parse import parse_qs, urlsplit

SECRET_BYTES = 32


class LinkError(ValueError):
    """The link is no whole room link."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RoomLink:
    """What a link says."""

    origin: str
    """Scheme, host and port of the server."""
    room: str
    secret: bytes = field(repr=False)
    invite: str | None = field(repr=False, default=None)


def parse_link(link: str) -> RoomLink:
    """Read a room link.

    Raises:
        LinkError: it is no room link, or its secret is missing or cut short.
    """
    parts = urlsplit(link)
    match = re.fullmatch(r"/r/([a-z0-9-]{1,64})/?", parts.path)
    if match is None or parts.scheme not in ("http", "https"):
        raise LinkError("a room link looks like https://HOST/r/ROOM#k=...")
    fragment = parse_qs(parts.fragment)
    text = fragment.get("k", [""])[0]
    try:
        secret = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except (binascii.Error, ValueError):
        secret = b""
    if len(secret) != SECRET_BYTES:
        raise LinkError(f"the part after # must hold k= with {SECRET_BYTES} bytes")
    return RoomLink(
        origin=f"{parts.scheme}://{parts.netloc}",
        room=match[1],
        secret=secret,
        invite=fragment.get("i", [None])[0],
    )
