"""Our DTLS certificate and the one SSL context made from it."""

from __future__ import annotations

from dataclasses import dataclass, field

from aiortc.rtcdtlstransport import RTCCertificate, SRTPProtectionProfile
from OpenSSL import SSL

DTLS_1_2 = 0xFEFD  # RFC 6347 section 4.1; pyOpenSSL has no name for it

CIPHERS = b"ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-ECDSA-AES256-GCM-SHA384"
"""Forward secret and authenticated only. All of today's browsers and WebRTC libraries have one."""


class SharedContextCertificate(RTCCertificate):
    """aiortc's certificate, handing out one context instead of making one a transport.

    A context costs about a millisecond and tens of kilobytes; a thousand joins share this one.
    """

    _shared: SSL.Context | None = None

    def _create_ssl_context(self, srtp_profiles: list[SRTPProtectionProfile]) -> SSL.Context:
        if self._shared is None:
            context = super()._create_ssl_context(srtp_profiles)
            context.set_min_proto_version(DTLS_1_2)
            context.set_cipher_list(CIPHERS)
            # No tickets (aiortc) and no cache: every handshake proves its certificate anew, so a
            # session of one participant can never vouch for another.
            context.set_session_cache_mode(SSL.SESS_CACHE_OFF)
            # No second handshake inside the first; and the MTU is ours to say (see dtls.py).
            context.set_options(SSL.OP_NO_RENEGOTIATION | SSL.OP_NO_QUERY_MTU)
            self._shared = context
        return self._shared


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """An ECDSA P-256 key pair and its self-signed certificate. Lives as long as the process."""

    rtc: SharedContextCertificate = field(repr=False)
    fingerprint: str
    """SHA-256 of the certificate: upper-case hex pairs with colons (RFC 8122 section 5)."""

    @staticmethod
    def generate() -> Certificate:
        """A fresh one. Never written to disk: a stolen disk opens no recorded call."""
        rtc = SharedContextCertificate.generateCertificate()
        (sha256,) = (f.value for f in rtc.getFingerprints() if f.algorithm == "sha-256")
        return Certificate(rtc=rtc, fingerprint=sha256)
