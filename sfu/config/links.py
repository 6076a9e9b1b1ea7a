"""Where people find this server, as far as the configuration says."""

from __future__ import annotations

from sfu.config.checks import host_and_port, is_loopback
from sfu.config.schema import Config, Creation, TlsMode


def page_origin(config: Config) -> str:
    """Scheme, host and port of the page, without a slash at the end."""
    if config.server.public_url is not None:
        return config.server.public_url.rstrip("/")
    scheme = "http" if config.server.tls.mode is TlsMode.OFF else "https"
    return f"{scheme}://{config.server.listen}"


def allowed_origins(config: Config) -> frozenset[str]:
    """Origins whose pages may open a signalling socket, exactly as browsers write them."""
    if config.server.origins:
        return frozenset(config.server.origins)
    origins = {page_origin(config)}
    parsed = host_and_port(config.server.listen)
    if parsed is not None and is_loopback(parsed[0]):
        scheme = page_origin(config).partition(":")[0]
        origins |= {f"{scheme}://{name}:{parsed[1]}" for name in ("localhost", "127.0.0.1")}
    return frozenset(origins)


def open_creation(config: Config) -> bool:
    """Whether anybody may make a room: as configured, or by itself on loopback only."""
    if config.rooms.creation is not Creation.AUTO:
        return config.rooms.creation is Creation.OPEN
    parsed = host_and_port(config.server.listen)
    return parsed is not None and is_loopback(parsed[0]) and not config.server.trusted_proxies
