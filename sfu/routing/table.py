"""The forwarding table: everything a plane should know of one room, as a value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from sfu.base.ids import EgressId, IngressId, TransportId
from sfu.plane.port import AddIngress, AddSeat, AddTransport, RouteSource


@dataclass(frozen=True, slots=True, kw_only=True)
class ForwardingTable:
    """What one room wants of the plane. Keys (SRTP) are not in it: they come from DTLS, once."""

    transports: Mapping[TransportId, AddTransport] = field(default_factory=dict)
    ingresses: Mapping[IngressId, AddIngress] = field(default_factory=dict)
    seats: Mapping[EgressId, AddSeat] = field(default_factory=dict)
    routes: Mapping[EgressId, RouteSource] = field(default_factory=dict)
    """Seats that are not named here are fed from nothing."""


EMPTY_TABLE = ForwardingTable()
