"""HKDF-SHA-256 (RFC 5869) and HMAC-SHA-256 (RFC 2104)."""

from __future__ import annotations

import hashlib
import hmac

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand


def extract(salt: bytes, ikm: bytes) -> bytes:
    """RFC 5869 section 2.2; 32 bytes."""
    return hmac_sha256(salt, ikm)


def expand(prk: bytes, info: bytes, size_bytes: int) -> bytes:
    """RFC 5869 section 2.3."""
    return HKDFExpand(algorithm=SHA256(), length=size_bytes, info=info).derive(prk)


def hmac_sha256(key: bytes, message: bytes) -> bytes:
    """32 bytes."""
    return hmac.digest(key, message, hashlib.sha256)
