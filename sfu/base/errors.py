"""Errors by who must act (STYLE, "Errors"). Anything else that is raised is a bug."""

from __future__ import annotations


class SfuError(Exception):
    """The root of every error we raise on purpose. ``code`` is stable and for programs."""

    code = "error"


class ConfigError(SfuError):
    """The operator must change something. Raised only while starting up.

    Prints as one line: where, which key, what was found, what was wanted. Callers pass
    ``"<secret>"`` as ``found`` where the value must not be shown.
    """

    code = "config_invalid"

    def __init__(self, source: str, key: str, found: object, wanted: str) -> None:
        super().__init__(f"{source}: {key}: found {found!r}, wanted {wanted}")
        self.source, self.key, self.found, self.wanted = source, key, found, wanted


class WireError(SfuError):
    """Bytes that do not parse. Nobody acts; the caller counts it under ``reason``."""

    code = "wire_malformed"

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class _Answered(SfuError):
    """An error that a remote is told of: a stable code and a sentence for people who debug."""

    def __init__(self, code: str, text: str = "") -> None:
        super().__init__(f"{code}: {text}" if text else str(code))
        self.code = code
        self.text = text


class ProtocolError(_Answered):
    """The other end sent what the protocol does not allow here."""


class Denied(_Answered):
    """The other end may not do this. It is told less than we know."""


class LimitError(_Answered):
    """Too much, too fast, or no room. ``retry_after_s`` says when it may work again."""

    def __init__(self, code: str, text: str = "", retry_after_s: float | None = None) -> None:
        super().__init__(code, text)
        self.retry_after_s = retry_after_s


class PlaneError(SfuError):
    """The forwarding plane cannot do what it was told. For the supervisor."""

    code = "plane_failed"
