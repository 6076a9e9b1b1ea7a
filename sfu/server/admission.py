"""Who may open a signalling socket: origin, rate and number, before anything of theirs is parsed."""

from __future__ import annotations

import ipaddress
from collections import Counter
from dataclasses import dataclass

from sfu.base.limits import KeyedBuckets
from sfu.base.metrics import RejectReason

ADDRESSES = 10_000  # remembered for the rate, the oldest is forgotten first

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


@dataclass(frozen=True, slots=True, kw_only=True)
class AdmissionLimits:
    """Of sockets that ask for signalling."""

    connections: int
    per_address: int
    handshakes_per_s: float
    """Of one address, with a burst of five times that."""


class Admission:
    """Counts sockets by address and says yes or no."""

    def __init__(
        self,
        limits: AdmissionLimits,
        origins: frozenset[str],
        trusted_proxies: tuple[str, ...] = (),
    ) -> None:
        self._limits = limits
        self._origins = origins
        self._proxies: list[Network] = [ipaddress.ip_network(text, strict=False) for text in trusted_proxies]
        per_s = limits.handshakes_per_s
        self._buckets = KeyedBuckets(burst=5 * per_s, per_s=per_s, capacity=ADDRESSES)
        self._open: Counter[str] = Counter()
        self.total = 0

    def client_address(self, peer_host: str, forwarded: str | None) -> str:
        """Whom to count: the socket's other end, or what a trusted proxy says it is.

        Only the last address that no trusted proxy added is believed (RFC 7239 section 5.2).
        """
        address = peer_host
        for hop in reversed((forwarded or "").split(",")):
            if not self._is_proxy(address):
                break
            candidate = hop.strip()
            if not _is_address(candidate):
                break
            address = candidate
        return _prefix(address)

    def enter(self, address: str, origin: str | None, now_s: float) -> RejectReason | None:
        """Let a socket in, or say why not. Every one let in must ``leave``."""
        if origin not in self._origins:
            return RejectReason.ORIGIN
        if not self._buckets.take(address, now_s):
            return RejectReason.RATE
        if self.total >= self._limits.connections:
            return RejectReason.LIMIT
        if self._open[address] >= self._limits.per_address:
            return RejectReason.LIMIT
        self._open[address] += 1
        self.total += 1
        return None

    def leave(self, address: str) -> None:
        """A socket that was let in is closed."""
        self.total -= 1
        self._open[address] -= 1
        if self._open[address] <= 0:
            del self._open[address]

    def _is_proxy(self, text: str) -> bool:
        if not _is_address(text):
            return False
        address = ipaddress.ip_address(text)
        return any(address in network for network in self._proxies)


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def _prefix(text: str) -> str:
    """An IPv6 customer holds a /64: counted as one."""
    plain = text.partition("%")[0]
    if not _is_address(plain):
        return plain
    address = ipaddress.ip_address(plain)
    if address.version == 4:
        return plain
    return str(ipaddress.ip_network((address, 64), strict=False))
