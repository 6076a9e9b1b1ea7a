"""A seeded mutation fuzzer over every parser of ``sfu.wire``.

    python -m tests.fuzz.wire --seconds 10 --seed 7

Oracle: only ``WireError`` leaves a parser, each call is quick, and what was parsed can be rewritten in
place. Prints the seed and the number of executions; a failure prints parser and input and exits 1.
"""

from __future__ import annotations

import argparse
import random
import secrets
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from sfu.base.errors import WireError
from sfu.wire import extensions, payload, rtcp, rtp, stun
from sfu.wire.demux import classify
from sfu.wire.sdp import parse_sdp
from tests.plane import packets

OFFERS = Path(__file__).parents[1] / "vectors" / "offers"
SLOW_S = 1.0
"""One input may cost this much; anything near it is a bug that amplifies."""
MAX_DATAGRAM_BYTES = 1500
EDGES = (0x00, 0x01, 0x7F, 0x80, 0xFE, 0xFF)

Parser = Callable[[bytes], object]


def _vp8(raw: bytes) -> object:
    found = payload.parse_vp8(raw)
    assert len(payload.rewrite_vp8(raw, found, 0x7FFF, 0xFF)) == len(raw)
    return found


def _vp9(raw: bytes) -> object:
    found = payload.parse_vp9(raw)
    assert len(payload.rewrite_vp9(raw, found, 0x7FFF, 0xFF)) == len(raw)
    return found


def _descriptor(raw: bytes) -> object:
    found = extensions.parse_dd(raw)
    assert len(extensions.rewrite_dd_frame_number(raw, 0xFFFF)) == len(raw)
    assert found.structure is None or len(found.structure.layers) <= extensions.MAX_TEMPLATES
    return found


def _rtp(raw: bytes) -> object:
    packet = rtp.parse_rtp(raw)
    assert len(packet.payload) + packet.padding_bytes <= len(raw) - rtp.HEADER_BYTES
    assert rtp.peek_header(raw) == (packet.payload_type, packet.seq, packet.ssrc)
    assert rtp.peek_extensions(raw) == packet.extensions
    return packet


def _rtcp(raw: bytes) -> object:
    members, _ = rtcp.parse_compound(raw)
    assert len(members) <= rtcp.MAX_PACKETS
    return members


def _sdp(raw: bytes) -> object:
    return parse_sdp(raw.decode("utf-8", errors="replace"))


PARSERS: dict[str, Parser] = {
    "classify": classify,
    "stun_request": stun.parse_binding_request,
    "stun_success": lambda raw: stun.parse_binding_success(raw, b"password"),
    "stun_integrity": lambda raw: stun.integrity_ok(raw, b"password"),
    "rtp": _rtp,
    "rtp_extensions": rtp.peek_extensions,
    "rtx": rtp.unwrap_rtx,
    "rtcp": _rtcp,
    "vp8": _vp8,
    "vp9": _vp9,
    "av1": payload.av1_key_start,
    "h264": payload.h264_key_start,
    "dd": _descriptor,
    "text": extensions.parse_text,
    "audio_level": extensions.parse_audio_level,
    "transport_seq": extensions.parse_transport_seq,
    "abs_send_time": extensions.parse_abs_send_time,
    "sdp": _sdp,
}


def seeds() -> dict[str, list[bytes]]:
    """Valid input for each parser; mutations start from it."""
    request = stun.binding_request(
        "a:b", b"password", transaction_id=bytes(12), use_candidate=True, controlling_tiebreaker=5
    )
    success = stun.binding_success(bytes(12), "2001:db8::1", 5, b"password")
    media = rtp.serialize_rtp(
        payload_type=96,
        marker=True,
        seq=9,
        timestamp=9,
        ssrc=9,
        extensions=[(1, b"mid"), (7, packets.dd(5, layers=packets.L1T3)), (15, b"x" * 20)],
        payload=packets.vp8(key=True, pid=300, temporal=1),
        padding_bytes=4,
    )
    block = rtcp.ReportBlock(
        ssrc=1,
        fraction_lost=2,
        packets_lost=3,
        highest_seq=4,
        jitter_ticks=5,
        last_sr=6,
        delay_since_last_sr=7,
    )
    compound = (
        rtcp.receiver_report(1, [block])
        + rtcp.sdes_cname(1, "cname")
        + rtcp.nack(1, 2, [3, 4, 90])
        + rtcp.pli(1, 2)
        + rtcp.remb(1, 1_000_000, [2, 3])
        + rtcp.transport_feedback(1, 2, 3, 4, [1.0, None, 1.01, *[None] * 20, 1.2])
    )
    offers = [path.read_bytes() for path in sorted(OFFERS.glob("*.sdp"))]
    datagrams = [request, success, media, compound]
    return {
        "classify": datagrams,
        "stun_request": [request, success],
        "stun_success": [success, request],
        "stun_integrity": [request],
        "rtp": [media],
        "rtp_extensions": [media],
        "rtx": [b"\x00\x01rest"],
        "rtcp": [compound],
        "vp8": [packets.vp8(key=True, pid=300, temporal=2), packets.vp8()],
        "vp9": [packets.vp9(key=True, pid=300, spatial=2), packets.vp9(pid=1)],
        "av1": [packets.av1(key=True)],
        "h264": [b"\x78\x00\x02\x67\x42\x00\x02\x65\x88", b"\x7c\x85\x00"],
        "dd": [packets.dd(5, layers=packets.L1T3), packets.dd(5)],
        "text": [b"mid"],
        "audio_level": [b"\x80"],
        "transport_seq": [b"\x00\x01"],
        "abs_send_time": [b"\x00\x01\x02"],
        "sdp": offers,
    }


def mutate(rng: random.Random, whole: bytes, limit: int) -> bytes:
    """One to eight changes: bits, edge values, cuts, repeats, insertions, lengths."""
    raw = bytearray(whole)
    for _ in range(rng.randrange(1, 9)):
        at = rng.randrange(len(raw) + 1)
        match rng.randrange(7):
            case 0 if raw:
                raw[at % len(raw)] ^= 1 << rng.randrange(8)
            case 1 if raw:
                raw[at % len(raw)] = rng.choice(EDGES)
            case 2:
                del raw[at:]
            case 3:
                raw[at:at] = rng.randbytes(rng.randrange(9))
            case 4:
                end = min(len(raw), at + rng.randrange(64))
                raw[at:at] = raw[at:end] * rng.randrange(1, 9)
            case 5:
                del raw[at : at + rng.randrange(1, 9)]
            case _ if len(raw) >= 2:
                at = rng.randrange(len(raw) - 1)
                raw[at : at + 2] = rng.choice((0, 1, 0xFFFF, len(raw), 0x7FFF)).to_bytes(2, "big")
    return bytes(raw[:limit])


def run(seconds: float, seed: int) -> int:
    """Fuzz for so long.

    Returns:
        Executions.

    Raises:
        AssertionError: a parser raised something else, or took too long; names parser and input.
    """
    rng = random.Random(seed)
    corpus = seeds()
    names = list(PARSERS)
    executions = 0
    end_s = time.monotonic() + seconds
    while time.monotonic() < end_s:
        name = names[executions % len(names)]
        limit = 200_000 if name == "sdp" else MAX_DATAGRAM_BYTES
        if rng.random() < 0.1:
            raw = rng.randbytes(rng.randrange(80))
        else:
            raw = mutate(rng, rng.choice(corpus[name]), limit)
        began_s = time.process_time()
        try:
            PARSERS[name](raw)
        except WireError:
            pass
        except Exception as escaped:
            raise AssertionError(f"seed {seed}: {name} let {escaped!r} out for {raw!r}") from escaped
        took_s = time.process_time() - began_s
        assert took_s < SLOW_S, f"seed {seed}: {name} took {took_s:.2f} s for {raw[:2000]!r}"
        executions += 1
    return executions


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz.wire", description=__doc__)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--seed", type=int, default=None)
    options = parser.parse_args(arguments)
    seed = secrets.randbits(32) if options.seed is None else options.seed
    print(f"seed {seed}", flush=True)
    try:
        executions = run(options.seconds, seed)
    except AssertionError as failure:
        print(failure, file=sys.stderr)
        return 1
    print(f"{executions} executions, {len(PARSERS)} parsers, nothing but WireError escaped")
    return 0


if __name__ == "__main__":
    sys.exit(main())
