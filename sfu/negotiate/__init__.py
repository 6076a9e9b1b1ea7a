"""Offer -> answer as a pure function over SDP values. One offer, one answer, no glare (DESIGN section 5)."""

from sfu.negotiate.negotiate import negotiate
from sfu.negotiate.values import (
    IdSource,
    LocalTransport,
    NegotiatedIngress,
    NegotiatedSeat,
    Negotiation,
    NegotiationPolicy,
    NegotiationRequest,
    SeatRequest,
)

__all__ = [
    "IdSource",
    "LocalTransport",
    "NegotiatedIngress",
    "NegotiatedSeat",
    "Negotiation",
    "NegotiationPolicy",
    "NegotiationRequest",
    "SeatRequest",
    "negotiate",
]
