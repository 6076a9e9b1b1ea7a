"""Where a server keeps what it makes by itself."""

from __future__ import annotations

from pathlib import Path

from sfu.base.errors import ConfigError
from sfu.config.schema import Config


def state_dir(config: Config) -> Path:
    """The state directory, made (mode 0700) if it is not there.

    Raises:
        ConfigError: it cannot be made or is no directory.
    """
    path = Path(config.state_dir)
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError("state_dir", "state_dir", str(path), error.strerror or "a folder") from None
    return path


def token_key_path(config: Config) -> Path:
    """The file of the key that signs tokens and invites."""
    if config.auth.key_file is not None:
        return Path(config.auth.key_file)
    return state_dir(config) / "token.key"


def store_path(config: Config) -> Path:
    """The file of the embedded store."""
    return state_dir(config) / "sotto.sqlite3"
