"""``make arrivals``: how a real browser's packets arrive at the media port.

One Chromium sends a busy 1280x720 picture in three simulcast layers to a real server, another looks at
it. A packet socket on loopback reads the clear RTP headers of what reaches the media port and prints,
a line a stream: packets a second, how many arrive together, and how their sizes differ inside a frame.
That says where real calls stand between the benchmark's "even", "bursts of 3" and "bursts of 8".
Needs root (packet socket), Chromium and ffmpeg.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import select
import socket
import statistics
import struct
import subprocess
import tempfile
import time
from collections import Counter, defaultdict
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from playwright.async_api import async_playwright

from tests.e2e.browsers import until, visitor
from tests.e2e.pictures import HD, MARA, TOMAS, camera_file
from tests.e2e.serving import serving

ETH_P_IP = 0x0800
PACKET_OUTGOING = 4
TOGETHER_S = 0.0005
"""Packets closer than this are one batch for a server that reads all that waits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """One RTP packet as it reached the port."""

    at_s: float
    timestamp: int
    bytes: int


def main() -> int:
    """Run the capture; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.arrivals")
    parser.add_argument("--seconds", type=float, default=10.0)
    options = parser.parse_args()
    streams = asyncio.run(capture(options.seconds))
    rows = [
        row(arrivals, options.seconds) for arrivals in sorted(streams.values(), key=len) if len(arrivals) > 20
    ]
    for each in rows:
        print(json.dumps(each))
    together = batches([a for arrivals in streams.values() for a in arrivals])
    print(json.dumps({"all_streams_batch": describe([len(batch) for batch in together])}))
    return 0


async def capture(seconds: float) -> dict[int, list[Arrival]]:
    """What one browser's streams look like at the port, by SSRC."""
    with tempfile.TemporaryDirectory() as folder:
        media = Path(folder)
        busy(media)
        async with serving(media) as server, async_playwright() as playwright:
            link = await server.invite("arrivals")
            async with (
                visitor(playwright, media, MARA, HD) as mara,
                visitor(playwright, media, TOMAS, HD) as tomas,
            ):
                await mara.open(link)
                await mara.in_call()
                await tomas.open(link)
                await tomas.in_call()

                async def sharp() -> bool:
                    return await tomas.size_of(MARA.name) == [HD.width, HD.height]

                await until(sharp, "the top layer is up", 30.0)
                ports = await mara_ports(server.media_port)
                return await asyncio.to_thread(partial(sniff, server.media_port, ports, seconds))


async def mara_ports(media_port: int) -> set[int]:
    """Source ports seen at the media port, busiest first: the first is one sender's."""
    seen = await asyncio.to_thread(sniff_ports, media_port, 1.0)
    return {seen.most_common(1)[0][0]}


def busy(folder: Path) -> None:
    """Replace the cameras' plain pictures with noisy ones, which cost what real ones cost."""
    for persona in (MARA, TOMAS):
        path = camera_file(folder, persona, HD)
        source = f"testsrc2=size={HD.width}x{HD.height}:rate=30,noise=alls=20:allf=t"
        quiet = ("ffmpeg", "-hide_banner", "-loglevel", "error", "-y")
        made = ("-f", "lavfi", "-i", source, "-t", "2", "-pix_fmt", "yuv420p", str(path))
        subprocess.run([*quiet, *made], check=True)


def packets(media_port: int, seconds: float) -> list[tuple[float, int, bytes]]:
    """(time, source port, UDP payload's first bytes with its length ahead) of datagrams to the port."""
    found: list[tuple[float, int, bytes]] = []
    with socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(ETH_P_IP)) as raw:
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8 << 20)
        raw.bind(("lo", ETH_P_IP))
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            if not select.select([raw], [], [], left)[0]:
                continue
            frame, address = raw.recvfrom(2048)
            if address[2] == PACKET_OUTGOING or frame[9] != socket.IPPROTO_UDP:
                continue  # loopback shows each packet twice
            header = (frame[0] & 15) * 4
            source, target, length = struct.unpack_from("!HHH", frame, header)
            if target == media_port:
                found.append((time.monotonic(), source, frame[header + 8 : header + length]))
    return found


def sniff_ports(media_port: int, seconds: float) -> Counter[int]:
    """How many datagrams each source port sent."""
    return Counter(source for _, source, _ in packets(media_port, seconds))


def sniff(media_port: int, ports: set[int], seconds: float) -> dict[int, list[Arrival]]:
    """RTP (not RTCP: RFC 5761 section 4) of the given source ports, by SSRC."""
    streams: dict[int, list[Arrival]] = defaultdict(list)
    for at_s, source, payload in packets(media_port, seconds):
        is_rtp = len(payload) > 12 and 128 <= payload[0] < 192 and not 192 <= payload[1] <= 223
        if source in ports and is_rtp:
            timestamp, ssrc = struct.unpack_from("!II", payload, 4)
            streams[ssrc].append(Arrival(at_s=at_s, timestamp=timestamp, bytes=len(payload)))
    return streams


def batches(arrivals: list[Arrival]) -> list[list[Arrival]]:
    """Packets in order of arrival, cut where nothing came for ``TOGETHER_S``."""
    cut: list[list[Arrival]] = []
    for each in sorted(arrivals, key=lambda a: a.at_s):
        if cut and each.at_s - cut[-1][-1].at_s < TOGETHER_S:
            cut[-1].append(each)
        else:
            cut.append([each])
    return cut


def describe(sizes: list[int]) -> dict[str, float]:
    """Mean as a packet finds it (weighted by size), median and largest."""
    weighted = sum(size * size for size in sizes) / max(1, sum(sizes))
    ordered = sorted(size for size in sizes for _ in range(size))
    return {
        "mean_per_batch": round(statistics.fmean(sizes), 2),
        "mean_per_packet": round(weighted, 2),
        "median_per_packet": ordered[len(ordered) // 2],
        "largest": max(sizes),
    }


def row(arrivals: list[Arrival], seconds: float) -> dict[str, object]:
    """One stream's line."""
    frames: dict[int, list[int]] = defaultdict(list)
    for each in arrivals:
        frames[each.timestamp].append(each.bytes)
    several = [sizes for sizes in frames.values() if len(sizes) > 1]
    spread = [max(sizes) - min(sizes) for sizes in several]
    runs = [runs_of_equal(sizes) for sizes in several]
    return {
        "packets_s": round(len(arrivals) / seconds, 1),
        "kbit_s": round(sum(a.bytes for a in arrivals) * 8 / seconds / 1000),
        "packets_per_frame": round(len(arrivals) / len(frames), 2),
        "batch": describe([len(batch) for batch in batches(arrivals)]),
        "frame_size_spread_bytes": {
            "median": statistics.median(spread) if spread else 0,
            "at_most_1": round(sum(s <= 1 for s in spread) / max(1, len(spread)), 2),
        },
        "segments_per_gso_run": round(sum(map(len, several)) / max(1, sum(runs)), 2),
    }


def runs_of_equal(sizes: list[int]) -> int:
    """How many UDP_SEGMENT messages a frame needs: equal sizes, the last of a run may be smaller."""
    count, size, open_run = 0, -1, False
    for each in sizes:
        if open_run and each == size:
            continue
        if open_run and each < size:
            open_run = False  # a smaller one ends the run it is in
            continue
        count, size, open_run = count + 1, each, True
    return count


if __name__ == "__main__":
    raise SystemExit(main())
