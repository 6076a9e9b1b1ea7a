"""The key that signs join tokens and invites (HS256, RFC 7518 section 3.2).

One file of printable text; the key is its bytes without surrounding white space, so that any tool that
makes JWTs can use the same text as its secret. Made at first start by whoever comes first, server or
command line.
"""

from __future__ import annotations

import contextlib
import hashlib
import math
import os
import secrets
import stat
import string
import tempfile
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from sfu.base.errors import ConfigError

KEY_BYTES = 32  # of the random source; RFC 7518 section 3.2 wants at least the hash's 32
MIN_CHARS = 43  # 32 bytes as base64url
MAX_CHARS = 4096
MIN_DISTINCT = 12  # 64 hex digits of a random source show fewer with probability below 10^-4
MIN_ENTROPY_BITS = 160.0  # by the text's own letter counts; random base64url of 43 shows about 210
EXAMPLES = ("changeme", "change-me", "secret", "password", "example", "your-", "devkey", "sotto")
"""Pieces that random text does not show and copied examples do."""

WANTED = (
    "at least 32 random bytes as text, such as `openssl rand -base64 32` prints, mode 0600; "
    "or no file: one is made at the next start"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class SigningKey:
    """An HS256 key. Never shown: not by ``repr``, not in errors; ``key_id`` names it."""

    secret: bytes = field(repr=False)

    def __post_init__(self) -> None:
        reason = weakness(self.secret)
        if reason is not None:
            raise ValueError(f"signing key {reason}")

    @property
    def key_id(self) -> str:
        """16 hex digits that tell keys apart and give nothing away; the ``kid`` of tokens."""
        return hashlib.sha256(b"sotto key id\x00" + self.secret).hexdigest()[:16]

    @staticmethod
    def load_or_create(path: Path) -> SigningKey:
        """Read the key, or make one when there is no file.

        Safe when server and command line do it at the same moment: both end with the same key.

        Raises:
            ConfigError: the file is weak, readable by others, not a plain file, or cannot be read
                or made. The message never holds the key.
        """
        try:
            if not path.exists():
                _create(path)
            return _load(path)
        except OSError as error:
            raise _refusal(path, error.strerror or type(error).__name__) from None


def weakness(secret: bytes) -> str | None:
    """Say what is wrong with a key, or None. Never repeats any of it."""
    try:
        text = secret.decode("ascii")
    except UnicodeDecodeError:
        return "is not printable text"
    if not all(letter in _PRINTABLE for letter in text):
        return "is not one line of printable text"
    if not MIN_CHARS <= len(text) <= MAX_CHARS:
        return f"has {len(text)} characters"
    counts = Counter(text)
    bits = -sum(n * math.log2(n / len(text)) for n in counts.values())
    if len(counts) < MIN_DISTINCT or bits < MIN_ENTROPY_BITS or text in (text + text)[1:-1]:
        return "is too regular to be random"
    if any(piece in text.lower() for piece in EXAMPLES):
        return "looks like an example"
    return None


_PRINTABLE = string.ascii_letters + string.digits + string.punctuation


def _create(path: Path) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".key-")  # mode 0600 from the start
    try:
        with os.fdopen(handle, "w", encoding="ascii") as file:
            file.write(_fresh() + "\n")
            file.flush()
            os.fsync(file.fileno())
        with contextlib.suppress(FileExistsError):  # another process was first: its key is the key
            os.link(name, path)
    finally:
        os.unlink(name)


def _fresh() -> str:
    while True:  # once in a million draws random text holds a piece that looks like an example
        text = secrets.token_urlsafe(KEY_BYTES)
        if weakness(text.encode("ascii")) is None:
            return text


def _load(path: Path) -> SigningKey:
    handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    with os.fdopen(handle, "rb") as file:
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode):
            raise _refusal(path, "not a plain file")
        if status.st_mode & 0o077:
            raise _refusal(path, f"mode {stat.S_IMODE(status.st_mode):04o}, readable by others")
        secret = file.read(MAX_CHARS + 2).strip()
    reason = weakness(secret)
    if reason is not None:
        raise _refusal(path, f"a key that {reason}")
    return SigningKey(secret=secret)


def _refusal(path: Path, found: str) -> ConfigError:
    return ConfigError(source=str(path), key="auth.key_file", found=found, wanted=WANTED)
