"""All suites of RFC 9605, written from the text: an oracle for tests beside the one suite of the product."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CTR
from sotto_client.e2ee.sframe import encode_header


@dataclass(frozen=True, slots=True, kw_only=True)
class Suite:
    digest: str
    nk: int
    nka: int | None
    """Length of the AES-CTR key; None for GCM."""
    nt: int


SUITES = {
    1: Suite(digest="sha256", nk=48, nka=16, nt=10),
    2: Suite(digest="sha256", nk=48, nka=16, nt=8),
    3: Suite(digest="sha256", nk=48, nka=16, nt=4),
    4: Suite(digest="sha256", nk=16, nka=None, nt=16),
    5: Suite(digest="sha512", nk=32, nka=None, nt=16),
    6: Suite(digest="sha512", nk=96, nka=32, nt=10),
    7: Suite(digest="sha512", nk=96, nka=32, nt=8),
    8: Suite(digest="sha512", nk=96, nka=32, nt=4),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Derived:
    secret: bytes
    key: bytes
    salt: bytes


def derive(suite_id: int, kid: int, base_key: bytes) -> Derived:
    """Section 4.4.2."""
    suite = SUITES[suite_id]
    secret = hmac.digest(b"", base_key, suite.digest)
    tail = kid.to_bytes(8, "big") + suite_id.to_bytes(2, "big")
    return Derived(
        secret=secret,
        key=_expand(suite, secret, b"SFrame 1.0 Secret key " + tail, suite.nk),
        salt=_expand(suite, secret, b"SFrame 1.0 Secret salt " + tail, 12),
    )


def encrypt(suite_id: int, derived: Derived, kid: int, ctr: int, metadata: bytes, plaintext: bytes) -> bytes:
    """Section 4.4.3."""
    header = encode_header(kid, ctr)
    nonce = bytes(a ^ b for a, b in zip(derived.salt, ctr.to_bytes(12, "big"), strict=True))
    if SUITES[suite_id].nka is None:
        return header + AESGCM(derived.key).encrypt(nonce, plaintext, header + metadata)
    return header + ctr_hmac(suite_id, derived.key, nonce, header + metadata, plaintext)


def ctr_hmac(suite_id: int, key: bytes, nonce: bytes, aad: bytes, plaintext: bytes) -> bytes:
    """Section 4.5.1."""
    suite = SUITES[suite_id]
    encryptor = Cipher(AES(key[: suite.nka]), CTR(nonce + bytes(4))).encryptor()
    ciphertext = encryptor.update(plaintext) + encryptor.finalize()
    lengths = b"".join(size.to_bytes(8, "big") for size in (len(aad), len(ciphertext), suite.nt))
    tag = hmac.digest(key[suite.nka :], lengths + nonce + aad + ciphertext, suite.digest)
    return ciphertext + tag[: suite.nt]


def _expand(suite: Suite, prk: bytes, info: bytes, size: int) -> bytes:
    out, block = b"", b""
    for index in range(1, -(-size // hashlib.new(suite.digest).digest_size) + 1):
        block = hmac.digest(prk, block + info + bytes([index]), suite.digest)
        out += block
    return out[:size]
