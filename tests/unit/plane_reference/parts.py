"""A transport with a microphone, a simulcast camera and a screen, for tests without sockets."""

from __future__ import annotations

from sfu.base.ids import Codec, IngressId, MediaKind, Mid, Rid, Ssrc, TransportId
from sfu.plane.port import AddIngress, DropReason, Extension, Feedback, PayloadType, PlaneLimits
from sfu.plane.reference.ice import Agent
from sfu.plane.reference.ingress import Ingress
from sfu.plane.reference.transport import Admitted, PlaneTransport
from sfu.wire.rtp import serialize_rtp

OPUS = PayloadType(codec=Codec.OPUS, pt=111, clock_hz=48_000)
VP8 = PayloadType(codec=Codec.VP8, pt=96, rtx_pt=97)
VP9 = PayloadType(codec=Codec.VP9, pt=98, rtx_pt=99)
IDS = {1: Extension.MID, 2: Extension.RID, 3: Extension.REPAIRED_RID}
MICROPHONE, CAMERA, SCREEN = IngressId(1), IngressId(2), IngressId(3)
Given = dict[int, bytes]


def transport_with(*tracks: AddIngress, ssrcs: int = 64) -> PlaneTransport:
    limits = PlaneLimits(ssrcs=ssrcs)
    transport = PlaneTransport(Agent(TransportId(1), "us", "p" * 24, "them"), limits, 99)
    for track in tracks:
        transport.add_ingress(Ingress(track, transport.publisher, limits, 0.0))
    return transport


def track(
    ingress: IngressId,
    *types: PayloadType,
    rids: tuple[str, ...] = (),
    ssrcs: tuple[int, ...] = (),
    feedback: Feedback = Feedback.NONE,
) -> AddIngress:
    return AddIngress(
        ingress=ingress,
        transport=TransportId(1),
        mid=Mid(str(ingress)),
        kind=MediaKind.AUDIO if OPUS in types else MediaKind.VIDEO,
        payload_types=types,
        extensions=IDS,
        rids=tuple(Rid(rid) for rid in rids),
        ssrcs=tuple(Ssrc(ssrc) for ssrc in ssrcs),
        feedback=feedback,
    )


def room() -> PlaneTransport:
    return transport_with(
        track(MICROPHONE, OPUS, ssrcs=(10,)),
        track(CAMERA, VP8, VP9, rids=("q", "f")),
        track(SCREEN, VP8, ssrcs=(30, 31)),
    )


def admit(
    transport: PlaneTransport, given: Given, payload_type: int, ssrc: int = 500
) -> Admitted | DropReason:
    datagram = serialize_rtp(
        payload_type=payload_type,
        marker=False,
        seq=1,
        timestamp=0,
        ssrc=ssrc,
        extensions=list(given.items()),
        payload=b"x",
    )
    return transport.admit(datagram, payload_type, ssrc)
