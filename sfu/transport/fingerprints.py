"""Does a certificate match what the signalling said of it? The only place that decides it."""

from __future__ import annotations

import hmac
from collections.abc import Iterable

from cryptography import x509
from cryptography.hazmat.primitives import hashes

_HASHES: dict[str, hashes.HashAlgorithm] = {
    "sha-256": hashes.SHA256(),
    "sha-384": hashes.SHA384(),
    "sha-512": hashes.SHA512(),
}
"""RFC 8122 section 5 names more; those below SHA-256 prove nothing today and are skipped."""


def matches(certificate: x509.Certificate, fingerprints: Iterable[tuple[str, str]]) -> bool:
    """Whether any line (hash name, value) of sufficient strength fits the certificate.

    Several lines may stand for several certificates (RFC 8122 section 5.1), so one that fits is
    enough. Names and hex digits are compared without regard to case; a value that is cut short or
    has other separators does not fit. No line of sufficient strength: no match.
    """
    for name, value in fingerprints:
        algorithm = _HASHES.get(name.lower())
        if algorithm is None:
            continue
        found = certificate.fingerprint(algorithm).hex(":").upper()
        if hmac.compare_digest(found.encode(), value.upper().encode("utf-8", "replace")):
            return True
    return False
