"""Four people at 720p through the reference plane: what it costs, what it loses. A benchmark, not a test.

``python -m tests.unit.plane_reference.meeting [--loop asyncio] [--secs 10]``. The plane has this process
for itself; the four people are another one. Prints one line of JSON: CPU as a share of one core, packets a
second in and out, and loss.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import multiprocessing
import os
import select
import socket
import struct
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from multiprocessing.connection import Connection

import pylibsrtp
import uvloop

from sfu.base.ids import Codec, EgressId, IngressId, MediaKind, Mid, Rid, Ssrc, TransportId
from sfu.plane.port import (
    AddIngress,
    AddSeat,
    AddTransport,
    Count,
    Extension,
    Feedback,
    Operation,
    PayloadType,
    PlaneLimits,
    RouteSource,
    SetKeys,
    SetRoute,
    SocketAddress,
    SrtpProfile,
)
from sfu.plane.reference.plane import ReferencePlane
from sfu.wire.demux import DatagramKind, classify
from sfu.wire.rtp import peek_header, serialize_rtp
from sfu.wire.stun import binding_request

PEOPLE = 4
FRAME_S, AUDIO_S = 1 / 30, 0.02
FRAME_BYTES = {"q": 620, "h": 2080, "f": 7080}  # 150, 500 and 1700 kbit/s at 30 frames a second
PACKET_BYTES = 1100
PWD = "p" * 24
VP8 = PayloadType(codec=Codec.VP8, pt=96, rtx_pt=97)
OPUS = PayloadType(codec=Codec.OPUS, pt=111, clock_hz=48_000)
IDS = {1: Extension.MID, 2: Extension.RID, 3: Extension.TRANSPORT_CC, 4: Extension.AUDIO_LEVEL}


@dataclass(slots=True)
class Person:
    """One participant's socket and streams."""

    number: int
    to_plane: pylibsrtp.Session
    socket: socket.socket
    seqs: dict[str, int] = field(default_factory=dict)
    frames: int = 0
    transport_seq: int = 0
    got: dict[int, tuple[int, int, int]] = field(default_factory=dict)
    """Of each SSRC: packets, first and highest sequence number (no stream here wraps)."""


def operations(keys: list[tuple[bytes, bytes]]) -> Iterator[Operation]:
    """Everybody publishes three encodings and a microphone, and sees the top one of all others."""
    for n, (rx_key, tx_key) in enumerate(keys):
        transport = TransportId(n)
        yield AddTransport(transport=transport, ufrag=f"us{n:02d}", pwd=PWD, remote_ufrag="them")
        profile = SrtpProfile.AEAD_AES_128_GCM
        yield SetKeys(transport=transport, profile=profile, rx_key=rx_key, tx_key=tx_key)
        for kind, types, rids in ((MediaKind.VIDEO, VP8, ("q", "h", "f")), (MediaKind.AUDIO, OPUS, ())):
            yield AddIngress(
                ingress=_ingress(n, kind),
                transport=transport,
                mid=Mid(kind.value[0]),
                kind=kind,
                payload_types=(types,),
                extensions=IDS,
                rids=tuple(Rid(rid) for rid in rids),
                feedback=Feedback.TRANSPORT_CC,
            )
    egress = 0
    for subscriber in range(len(keys)):
        for publisher in set(range(len(keys))) - {subscriber}:
            for kind, types in ((MediaKind.VIDEO, VP8), (MediaKind.AUDIO, OPUS)):
                egress += 1
                yield AddSeat(
                    egress=EgressId(egress),
                    transport=TransportId(subscriber),
                    mid=Mid(f"s{egress}"),
                    kind=kind,
                    ssrc=Ssrc(1000 + egress),
                    rtx_ssrc=Ssrc(2000 + egress) if kind is MediaKind.VIDEO else None,
                    payload_types=(types,),
                    extensions={Extension.AUDIO_LEVEL: 4},
                    cname="sotto",
                )
                rid = Rid("f") if kind is MediaKind.VIDEO else None
                source = RouteSource(ingress=_ingress(publisher, kind), rid=rid)
                yield SetRoute(egress=EgressId(egress), source=source)


def _ingress(person: int, kind: MediaKind) -> IngressId:
    return IngressId(2 * person + (1 if kind is MediaKind.AUDIO else 2))


# ---- the people's side, in a process of its own


def people(port: int, keys: list[tuple[bytes, bytes]], secs: float, done: Connection) -> None:
    """Connect, send for so long, tell what came."""
    everybody = [_join(n, port, rx_key) for n, (rx_key, _) in enumerate(keys)]
    start_s = time.monotonic()
    video_s = [start_s + 0.007 * n for n in range(len(everybody))]
    audio_s = [start_s + 0.004 * n for n in range(len(everybody))]
    while (now_s := time.monotonic()) < start_s + secs:
        for n, person in enumerate(everybody):
            if now_s >= video_s[n]:
                video_s[n] += FRAME_S
                _frame(person)
            if now_s >= audio_s[n]:
                audio_s[n] += AUDIO_S
                _packet(person, "a", 111, True, bytes(80))
        _drain(everybody, max(0.0, min(*video_s, *audio_s) - time.monotonic()))
    _drain(everybody, 0.3)
    streams = [stream for person in everybody for stream in person.got.values()]
    done.send((sum(top - first + 1 for _, first, top in streams), sum(count for count, _, _ in streams)))


def _join(number: int, port: int, key: bytes) -> Person:
    policy = pylibsrtp.Policy(
        key=key,
        ssrc_type=pylibsrtp.Policy.SSRC_ANY_OUTBOUND,
        srtp_profile=pylibsrtp.Policy.SRTP_PROFILE_AEAD_AES_128_GCM,
    )
    plain = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
    plain.connect(("127.0.0.1", port))
    check = binding_request(
        f"us{number:02d}:them",
        PWD.encode(),
        transaction_id=os.urandom(12),
        use_candidate=True,
        controlling_tiebreaker=1,
    )
    plain.send(check)
    plain.recv(2048)
    plain.setblocking(False)
    return Person(number, pylibsrtp.Session(policy), plain)


def _frame(person: Person) -> None:
    key = person.frames % 300 == 0
    for rid, size in FRAME_BYTES.items():
        left, start = size * (4 if key else 1), True
        while left > 0:
            head = bytes(
                (0x90 if start else 0x80, 0x80, 0x80 | person.frames >> 8 & 0x7F, person.frames & 0xFF)
            )
            body = head + bytes((0 if key and start else 1,)) + bytes(min(left, PACKET_BYTES))
            left -= PACKET_BYTES
            _packet(person, rid, 96, left <= 0, body)
            start = False
    person.frames += 1


def _packet(person: Person, name: str, pt: int, marker: bool, body: bytes) -> None:
    seq = person.seqs.get(name, 100)
    person.seqs[name] = seq + 1
    identity = [(1, b"a"), (4, b"\x20")] if name == "a" else [(1, b"v"), (2, name.encode())]
    plain = serialize_rtp(
        payload_type=pt,
        marker=marker,
        seq=seq & 0xFFFF,
        timestamp=person.frames * 3000 if name != "a" else seq * 960,
        ssrc=person.number * 10 + "aqhf".index(name) + 1,
        extensions=[*identity, (3, struct.pack("!H", person.transport_seq & 0xFFFF))],
        payload=body,
    )
    person.transport_seq += 1
    person.socket.send(person.to_plane.protect(plain))


def _drain(everybody: list[Person], wait_s: float) -> None:
    end_s = time.monotonic() + wait_s
    while True:
        ready, _, _ = select.select([p.socket for p in everybody], [], [], max(0.0, end_s - time.monotonic()))
        if not ready:
            return
        for person in everybody:
            if person.socket in ready:
                _count(person, person.socket.recv(2048))


def _count(person: Person, datagram: bytes) -> None:
    if classify(datagram) is DatagramKind.RTP:
        _, seq, ssrc = peek_header(datagram)
        count, first, top = person.got.get(ssrc, (0, seq, seq))
        person.got[ssrc] = (count + 1, first, max(top, seq))


# ---- the plane's side


async def carry(secs: float) -> dict[str, float]:
    """Run the plane under that load and measure it."""
    keys = [(os.urandom(28), os.urandom(28)) for _ in range(PEOPLE)]
    bugs: list[BaseException] = []
    plane = ReferencePlane(PlaneLimits(), on_bug=bugs.append)
    (address,) = await plane.start([SocketAddress(host="127.0.0.1", port=0)], lambda _: None)
    plane.apply(list(operations(keys)))
    ours, theirs = multiprocessing.Pipe()
    context = multiprocessing.get_context("spawn")
    child = context.Process(target=people, args=(address.port, keys, secs, theirs))
    child.start()
    theirs.close()
    while not plane.counters().counts[Count.PACKETS_IN]:
        await asyncio.sleep(0.01)
    cpu_s, wall_s = time.process_time(), time.monotonic()
    await asyncio.sleep(secs - 0.5)
    cpu_s, wall_s = time.process_time() - cpu_s, time.monotonic() - wall_s
    wanted, received = await asyncio.to_thread(ours.recv)
    child.join()
    counts = plane.counters().counts
    await plane.stop()
    if bugs:
        raise bugs[0]
    return {
        "cores": round(cpu_s / wall_s, 3),
        "in_per_s": round(counts[Count.PACKETS_IN] / secs),
        "out_per_s": round(counts[Count.PACKETS_OUT] / secs),
        "cpu_us_per_packet_out": round(1e6 * cpu_s / wall_s / (counts[Count.PACKETS_OUT] / secs), 1),
        "loss": round(1 - received / wanted, 5),
    }


def main() -> int:
    """Run it once and print."""
    parser = argparse.ArgumentParser(prog="python -m tests.unit.plane_reference.meeting")
    parser.add_argument("--loop", choices=("uvloop", "asyncio"), default="uvloop")
    parser.add_argument("--secs", type=float, default=10.0)
    options = parser.parse_args()
    run = uvloop.run if options.loop == "uvloop" else asyncio.run
    print(json.dumps({"loop": options.loop, **run(carry(options.secs))}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
