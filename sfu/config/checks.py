"""What must hold between keys, and what is too dangerous to start with."""

from __future__ import annotations

import ipaddress
import re
import stat
from pathlib import Path

from sfu.base.errors import ConfigError
from sfu.base.ids import Codec
from sfu.config.schema import Config, TlsMode

ROOM_CODECS = (Codec.VP8, Codec.VP9, Codec.AV1)
ORIGIN = re.compile(r"^https?://[A-Za-z0-9.-]+(:\d{1,5})?$|^https?://\[[0-9a-fA-F:]+\](:\d{1,5})?$")
MIN_SECRET_CHARS = 16


def host_and_port(text: str) -> tuple[str, int] | None:
    """``1.2.3.4:80`` or ``[::1]:80`` as (host, port); None for anything else. Port 0 is allowed."""
    match = re.fullmatch(r"\[([^\]]+)\]:(\d{1,5})|([^:\[\]]+):(\d{1,5})", text)
    if match is None:
        return None
    host, port = match[1] or match[3], int(match[2] or match[4])
    return (host, port) if port <= 65_535 else None


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach the host."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def check(config: Config, source: str) -> None:
    """Refuse what would not work or would not be safe.

    Raises:
        ConfigError: the first thing that is wrong.
    """
    _check_listeners(config, source)
    _check_origins(config, source)
    _check_tls(config, source)
    _check_media(config, source)
    _check_ice(config, source)
    if config.rooms.codec not in ROOM_CODECS:
        raise ConfigError(source, "rooms.codec", config.rooms.codec.value, "vp8, vp9 or av1")


def _check_listeners(config: Config, source: str) -> None:
    for key, text in (
        ("server.listen", config.server.listen),
        ("admin.listen", config.admin.listen),
    ):
        if host_and_port(text) is None:
            raise ConfigError(source, key, text, "ADDRESS:PORT, such as 127.0.0.1:8080 or [::1]:8080")
    host = _host(config.server.listen)
    plain = config.server.tls.mode is TlsMode.OFF
    if plain and not is_loopback(host) and not config.server.trusted_proxies:
        wanted = "server.tls.mode self_signed or files, or trusted_proxies, when off loopback"
        raise ConfigError(source, "server.listen", config.server.listen, wanted)
    for proxy in config.server.trusted_proxies:
        if not _is_network(proxy):
            raise ConfigError(source, "server.trusted_proxies", proxy, "addresses or networks")
    admin = config.admin
    if not is_loopback(_host(admin.listen)) and admin.key_file is None:
        raise ConfigError(source, "admin.listen", admin.listen, "loopback, or admin.key_file too")
    if admin.key_file is not None:
        read_secret(source, "admin.key_file", admin.key_file)


def _check_origins(config: Config, source: str) -> None:
    named = [("server.origins", origin) for origin in config.server.origins]
    if config.server.public_url is not None:
        named.append(("server.public_url", config.server.public_url))
    for key, origin in named:
        if not ORIGIN.match(origin):
            raise ConfigError(source, key, origin, "https://HOST or https://HOST:PORT, no wildcard")


def _check_tls(config: Config, source: str) -> None:
    tls = config.server.tls
    files = (("server.tls.cert_file", tls.cert_file), ("server.tls.key_file", tls.key_file))
    for key, name in files:
        if tls.mode is TlsMode.FILES and (name is None or not Path(name).is_file()):
            raise ConfigError(source, key, name, "a readable PEM file")
        if tls.mode is not TlsMode.FILES and name is not None:
            raise ConfigError(source, key, name, "nothing, unless server.tls.mode is files")


def _check_media(config: Config, source: str) -> None:
    for text in config.media.listen:
        parsed = host_and_port(text)
        if parsed is None or _address(parsed[0]) is None:
            raise ConfigError(source, "media.listen", text, "literal ADDRESS:PORT")
        address = _address(parsed[0])
        if address is not None and address.is_unspecified and not config.media.announced:
            raise ConfigError(source, "media.listen", text, "media.announced too, for a wildcard")
    for text in config.media.announced:
        address = _address(text)
        if address is None or address.is_unspecified or address.is_multicast:
            raise ConfigError(source, "media.announced", text, "literal unicast addresses")


def _check_ice(config: Config, source: str) -> None:
    for index, server in enumerate(config.ice.servers):
        key = f"ice.servers[{index}]"
        for url in server.urls:
            if not re.match(r"^(stun|stuns|turn|turns):[^\s/@]+$", url):
                raise ConfigError(source, f"{key}.urls", url, "stun:, turn: or turns: URLs")
            if url.startswith("turn") and server.secret_file is None:
                raise ConfigError(source, f"{key}.secret_file", None, "a file, for TURN")
        if server.secret_file is not None:
            read_secret(source, f"{key}.secret_file", server.secret_file)


def read_secret(source: str, key: str, name: str) -> str:
    """A secret from its file.

    Raises:
        ConfigError: not there, readable by others, or weak. The secret is never shown.
    """
    path = Path(name)
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
        text = path.read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError):
        raise ConfigError(source, key, name, "a readable text file") from None
    if mode & 0o077:
        raise ConfigError(source, key, f"mode {mode:04o}", "mode 0600: others can read it")
    if len(text) < MIN_SECRET_CHARS or len(set(text)) < MIN_SECRET_CHARS // 2:
        raise ConfigError(source, key, "a weak secret", "at least 16 random characters")
    return text


def _host(listen: str) -> str:
    parsed = host_and_port(listen)
    return "" if parsed is None else parsed[0]


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


def _is_network(text: str) -> bool:
    try:
        ipaddress.ip_network(text, strict=False)
    except ValueError:
        return False
    return True
