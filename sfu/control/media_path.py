"""From an answered offer to flowing media: handshake, keys, data channel, end. One task each."""

from __future__ import annotations

import contextlib
from collections.abc import Callable

from sfu.base.errors import PlaneError
from sfu.base.ids import TransportId
from sfu.control.participant import LiveParticipant
from sfu.plane.port import Plane, SendDtls, SetKeys


def dtls_sender(plane: Plane, transport: TransportId) -> Callable[[bytes], None]:
    """Where a DTLS endpoint's datagrams go: down to the plane, which knows the path."""

    def send(datagram: bytes) -> None:
        # A farewell may come when the transport is gone already: nobody is there to hear it.
        with contextlib.suppress(PlaneError):
            plane.apply([SendDtls(transport=transport, datagram=datagram)])

    return send


async def bring_up(
    live: LiveParticipant, plane: Plane, timeout_s: float, on_keyed: Callable[[], None]
) -> None:
    """Run one participant's DTLS until either side ends it; ``on_keyed`` when media can flow.

    Raises:
        DtlsFailure: the handshake failed; no key was exported.
    """
    keys = await live.dtls.handshake(timeout_s)
    plane.apply(
        [
            SetKeys(
                transport=live.transport_id,
                profile=keys.profile,
                rx_key=keys.rx_key,
                tx_key=keys.tx_key,
            )
        ]
    )
    on_keyed()
    await live.dtls.run_data()
