"""Fresh ids for negotiation and transports."""

from __future__ import annotations

import itertools
import secrets

from sfu.base.ids import EgressId, IngressId, Ssrc, TransportId


class Ids:
    """Counters for ids that stay inside the process, random numbers for those on the wire."""

    def __init__(self) -> None:
        self._transports = itertools.count(1)
        self._ingresses = itertools.count(1)
        self._egresses = itertools.count(1)

    def transport_id(self) -> TransportId:
        """The next transport."""
        return TransportId(next(self._transports))

    def ingress_id(self) -> IngressId:
        """The next published track."""
        return IngressId(next(self._ingresses))

    def egress_id(self) -> EgressId:
        """The next egress stream."""
        return EgressId(next(self._egresses))

    def ssrc(self) -> Ssrc:
        """A random SSRC (RFC 3550 section 8.1). Negotiation asks again when one repeats."""
        return Ssrc(1 + secrets.randbelow(2**32 - 2))
