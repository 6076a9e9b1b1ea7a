"""TLS of the web listener: the operator's certificate, or one made here for a first try."""

from __future__ import annotations

import datetime
import ipaddress
import os
import ssl
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from sfu.base.errors import ConfigError

VALID_DAYS = 397  # the longest browsers accept


def server_context(cert_file: Path, key_file: Path) -> ssl.SSLContext:
    """A context for these PEM files; TLS 1.2 or newer.

    Raises:
        ConfigError: they cannot be read or do not belong together.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    try:
        context.load_cert_chain(cert_file, key_file)
    except (OSError, ssl.SSLError) as error:
        reason = getattr(error, "reason", None) or type(error).__name__
        found = f"{cert_file.name} with {key_file.name} ({reason})"
        raise ConfigError(
            "server.tls", "server.tls.cert_file", found, "a PEM certificate and its key"
        ) from None
    return context


def self_signed(folder: Path, host: str) -> tuple[Path, Path, str]:
    """Certificate and key for ``host``, made once and kept in ``folder``.

    Returns:
        The two files and the certificate's SHA-256 fingerprint, which the operator reads to people.
    """
    cert_file, key_file = folder / f"tls-{_safe(host)}.crt", folder / f"tls-{_safe(host)}.key"
    if not (cert_file.exists() and key_file.exists() and _is_fresh(cert_file)):
        _make(cert_file, key_file, host)
    certificate = x509.load_pem_x509_certificate(cert_file.read_bytes())
    return cert_file, key_file, certificate.fingerprint(hashes.SHA256()).hex(":").upper()


def _make(cert_file: Path, key_file: Path, host: str) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Sotto, self-signed")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(days=VALID_DAYS))
        .add_extension(x509.SubjectAlternativeName(_names(host)), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    _write(key_file, pem)
    _write(cert_file, certificate.public_bytes(serialization.Encoding.PEM))


def _write(path: Path, content: bytes) -> None:
    partial = path.with_suffix(path.suffix + ".new")
    partial.unlink(missing_ok=True)
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
    partial.replace(path)


def _names(host: str) -> list[x509.GeneralName]:
    names: list[x509.GeneralName] = [x509.DNSName("localhost")]
    try:
        names.append(x509.IPAddress(ipaddress.ip_address(host)))
    except ValueError:
        names.append(x509.DNSName(host))
    return names


def _is_fresh(cert_file: Path) -> bool:
    try:
        certificate = x509.load_pem_x509_certificate(cert_file.read_bytes())
    except ValueError:
        return False
    soon = datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=7)
    return certificate.not_valid_after_utc > soon


def _safe(host: str) -> str:
    return "".join(c if c.isalnum() or c == "." else "_" for c in host)
