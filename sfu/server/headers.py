"""Security headers, the same strict set on every response (DESIGN section 9, OWASP ASVS 5.0 V3.4)."""

from __future__ import annotations

WORKER_POLICY = "sotto-worker"
"""The one Trusted Types policy: it returns the worker's build-time URL and nothing else."""

_CSP = (
    "default-src 'none'",
    "script-src 'self'",
    "worker-src 'self'",
    "style-src 'self'",
    "img-src 'self'",
    "font-src 'self'",
    "manifest-src 'self'",
    "media-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",
    f"trusted-types {WORKER_POLICY}",
)

_PERMISSIONS = (
    *("camera=(self)", "microphone=(self)", "display-capture=(self)", "speaker-selection=(self)"),
    *("screen-wake-lock=(self)", "fullscreen=(self)", "autoplay=(self)"),
    *("accelerometer=()", "browsing-topics=()", "geolocation=()", "gyroscope=()"),
    *("hid=()", "idle-detection=()", "local-fonts=()", "magnetometer=()", "midi=()", "payment=()"),
    *("publickey-credentials-get=()", "serial=()", "usb=()", "xr-spatial-tracking=()"),
)

HSTS_S = 31_536_000


def security_headers(*, tls: bool, websocket_origins: tuple[str, ...]) -> dict[str, str]:
    """The headers of every response.

    Args:
        tls: browsers reach us over TLS, by ourselves or through a trusted proxy.
        websocket_origins: our own origins with ``ws`` or ``wss``: not every browser takes ``'self'``
            for them.
    """
    connect = " ".join(("connect-src 'self'", *websocket_origins))
    headers = {
        "Content-Security-Policy": "; ".join((*_CSP, connect)),
        "Permissions-Policy": ", ".join(_PERMISSIONS),
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Embedder-Policy": "require-corp",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "DENY",
    }
    if tls:
        headers["Strict-Transport-Security"] = f"max-age={HSTS_S}"
    return headers
