"""What must outlive the process: rooms and revoked credentials."""

from __future__ import annotations

from sfu.store.port import Store, StoreError
from sfu.store.sqlite import SqliteStore

__all__ = ["SqliteStore", "Store", "StoreError"]
