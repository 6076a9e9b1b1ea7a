"""What must not be read in logs: secrets that do not print, and short keyed hashes for ids."""

from __future__ import annotations

import hashlib
import secrets
from typing import Final

_KEY: Final = secrets.token_bytes(16)
"""Fresh each start: the same address has another hash tomorrow, so logs of two runs do not join."""

HASH_BYTES = 4


class Secret:
    """A text that cannot be formatted, logged or compared by accident."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """The text itself, for the one place that needs it."""
        return self._text

    def __repr__(self) -> str:
        return "<secret>"

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        return "<secret>"


def short_hash(value: str) -> str:
    """Eight hex digits that stand for ``value`` within this process, and tell nothing about it."""
    digest = hashlib.blake2s(value.encode("utf-8", "replace"), key=_KEY, digest_size=HASH_BYTES)
    return digest.hexdigest()
