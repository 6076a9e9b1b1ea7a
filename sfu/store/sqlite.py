"""The store in one SQLite file. Server and command line may have it open at the same time.

Write-ahead logging: readers never wait for writers, and a killed process leaves nothing half done.
``synchronous=NORMAL`` loses at most the last moments when the whole machine loses power.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sfu.base.errors import ConfigError
from sfu.base.ids import RoomId
from sfu.store.port import StoreError

SCHEMA_VERSION = 1
BUSY_TIMEOUT_S = 1.0
"""How long a write waits for another process. It blocks the event loop: lower risks a refused write
while the command line holds the file, higher a stall that participants notice."""

EXPIRY_SLACK_S = 60.0
"""A revoked id is kept so much longer than its ``exp``: verifiers allow for clocks that differ."""

_SCHEMA = """
CREATE TABLE room (
    name TEXT PRIMARY KEY,
    created_s REAL NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE revoked (
    jti TEXT PRIMARY KEY,
    exp_s REAL NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX revoked_exp ON revoked (exp_s);
"""


class SqliteStore:
    """``Store`` in the file at ``path``, made with mode 0600 when it is not there."""

    def __init__(self, path: Path) -> None:
        """Open the file and bring it to this version's schema.

        Raises:
            ConfigError: it cannot be opened, is no database, or was written by a newer version.
        """
        try:
            self._database = _open(path)
            self._migrate(path)
        except (OSError, sqlite3.Error, StoreError) as error:
            raise _refusal(path, str(error)) from None

    def room_exists(self, room: RoomId) -> bool:
        """See ``Store``."""
        return self._one("SELECT 1 FROM room WHERE name = ?", room) is not None

    def add_room(self, room: RoomId, now_s: float) -> bool:
        """See ``Store``."""
        return self._change("INSERT OR IGNORE INTO room VALUES (?, ?)", room, now_s) == 1

    def remove_room(self, room: RoomId) -> bool:
        """See ``Store``."""
        return self._change("DELETE FROM room WHERE name = ?", room) == 1

    def room_count(self) -> int:
        """See ``Store``."""
        found = self._one("SELECT count(*) FROM room")
        return int(found) if isinstance(found, int) else 0

    def revoke_token(self, jti: str, exp_s: float) -> None:
        """See ``Store``."""
        self._change("INSERT OR IGNORE INTO revoked VALUES (?, ?)", jti, exp_s)

    def is_revoked(self, jti: str) -> bool:
        """See ``Store``."""
        return self._one("SELECT 1 FROM revoked WHERE jti = ?", jti) is not None

    def purge(self, now_s: float) -> int:
        """See ``Store``."""
        return self._change("DELETE FROM revoked WHERE exp_s < ?", now_s - EXPIRY_SLACK_S)

    def close(self) -> None:
        """See ``Store``."""
        self._database.close()

    def _one(self, query: str, *values: str | float) -> object:
        with _storing():
            row = self._database.execute(query, values).fetchone()
        return row[0] if row is not None else None

    def _change(self, query: str, *values: str | float) -> int:
        with _storing():
            return self._database.execute(query, values).rowcount

    def _migrate(self, path: Path) -> None:
        self._database.execute("BEGIN IMMEDIATE")  # two processes may come at once: one waits
        try:
            version = self._one("PRAGMA user_version")
            if version == 0:
                for statement in filter(str.strip, _SCHEMA.split(";")):
                    self._database.execute(statement)
                self._database.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
            elif version != SCHEMA_VERSION:
                raise _refusal(path, f"schema version {version}")
        except BaseException:
            self._database.execute("ROLLBACK")
            self._database.close()
            raise
        self._database.execute("COMMIT")


def _open(path: Path) -> sqlite3.Connection:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    # SQLite gives the log files the mode of the database: make it before SQLite does.
    os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
    database = sqlite3.connect(path, timeout=BUSY_TIMEOUT_S, isolation_level=None)
    try:
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("PRAGMA synchronous = NORMAL")
    except BaseException:
        database.close()
        raise
    return database


@contextmanager
def _storing() -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        raise StoreError(f"store: {error}") from error


def _refusal(path: Path, found: str) -> ConfigError:
    return ConfigError(
        source=str(path),
        key="store.path",
        found=found,
        wanted=f"a writable database of schema version {SCHEMA_VERSION}, or no file",
    )
