"""``make bench`` and ``make bench-quick``: CPU per forwarded packet, same load, same run.

Two network namespaces joined by a veth pair, servers on CPU 0, load on CPU 1. What goes to subscribers
beyond two is dropped as it enters the clients' namespace, so that delivery is not on the servers' bill.
Needs root, and the Debian packages gcc, libssl-dev, nftables and iproute2; the full one janus too.

Quick: our plane beside the bare prototype (``lab/c/fwd.c`` with GSO). Full: the reference plane, Janus as
packaged and Janus with one event loop beside them, the highest rate, memory, and CPU per join.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

LAB = Path(__file__).parent / "lab"
BURSTS = {"even": 1, "bursts3": 3, "bursts8": 8}
PUBLISHERS, SUBSCRIBERS = 16, 20
REFERENCE_PUBLISHERS, REFERENCE_SUBSCRIBERS = 4, 4
"""What the reference plane can carry: a meeting of four."""

Row = dict[str, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """One server of the comparison, as ``lab/py/bench.py`` starts it."""

    name: str
    arguments: tuple[str, ...]


PROTOTYPE = Server(name="prototype", arguments=("--server", "fwd_wheel", "--srv-arg=--gso"))
NATIVE = Server(name="sotto native", arguments=("--server", "sotto", "--srv-arg=--plane=native"))
REFERENCE = Server(name="sotto reference", arguments=("--server", "sotto", "--srv-arg=--plane=reference"))
JANUS = Server(name="janus packaged", arguments=("--server", "janus"))
JANUS_LOOP = Server(name="janus event_loops=1", arguments=("--server", "janus", "--event-loops", "1"))


def main() -> int:
    """Run the benchmark; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench")
    parser.add_argument("--quick", action="store_true", help="beside the prototype only, a few minutes")
    parser.add_argument("--rounds", type=int, default=2)
    options = parser.parse_args()
    needed = ["gcc", "nft", "ip"] + ([] if options.quick else ["janus"])
    missing = [name for name in needed if shutil.which(name) is None]
    if missing or os.geteuid() != 0:
        print(f"bench: needs root and {', '.join(missing) or 'root'}", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory() as build:
        prototype(Path(build))
        namespaces("down")
        namespaces("up")
        try:
            bench = Bench(Path(build), options.rounds)
            return quick(bench) if options.quick else full(bench)
        finally:
            namespaces("down")


def namespaces(action: str) -> None:
    """Make or remove the two namespaces."""
    quiet = subprocess.DEVNULL if action == "down" else None
    subprocess.run(["bash", str(LAB / "sh" / "netns.sh"), action], check=action == "up", stderr=quiet)


def prototype(build: Path) -> None:
    """Compile the bare prototype; it takes SRTP from pylibsrtp's wheel."""
    command = ["gcc", "-O2", "-fPIC", "-shared", "-DUSE_PTR", "-o", str(build / "fwd_ptr.so")]
    subprocess.run([*command, str(LAB / "c" / "fwd.c"), "-lpthread"], check=True)


class Bench:
    """Runs loads and keeps their rows."""

    def __init__(self, build: Path, rounds: int) -> None:
        self._build = build
        self._rounds = rounds

    def compare(self, servers: list[Server], *load: str) -> dict[str, list[Row]]:
        """Alternate the servers, so that the machine's moods hit all."""
        rows: dict[str, list[Row]] = {server.name: [] for server in servers}
        for _ in range(self._rounds):
            for server in servers:
                rows[server.name] += self.run(server, "--secs", "2", "--windows", "4", *load)
        return rows

    def run(self, server: Server, *load: str) -> list[Row]:
        """One server under one load."""
        out = self._build / "out.jsonl"
        out.unlink(missing_ok=True)
        command = ["ip", "netns", "exec", "pf_c", "taskset", "-c", "1", sys.executable]
        command += [str(LAB / "py" / "bench.py"), *server.arguments, "--json", str(out), *load]
        environment = {**os.environ, "BENCH_BUILD": str(self._build)}
        subprocess.run(command, env=environment, check=True, stdout=subprocess.DEVNULL)
        return [json.loads(line) for line in out.read_text().splitlines()]


def meeting(burst: int) -> tuple[str, ...]:
    """16 publishers x 250 packets/s x 1200 B -> 20 subscribers."""
    size = ("--pubs", str(PUBLISHERS), "--n", str(SUBSCRIBERS), "--pps", "250", "--burst", str(burst))
    return (*size, "--drop", "--full", "2")


def median(rows: list[Row], key: str) -> float:
    """Of one figure over all windows."""
    return statistics.median(row[key] for row in rows)


def show(title: str, rows: dict[str, list[Row]], baseline: str) -> dict[str, float]:
    """A line a server; returns each one's CPU beside the baseline's."""
    print(f"\n{title}")
    base = median(rows[baseline], "cpu_us")
    ratios = {}
    for name, given in rows.items():
        cpu = median(given, "cpu_us")
        ratios[name] = round(cpu / base, 2)
        latency = f"p50 {median(given, 'p50_us') / 1000:.2f} ms, p99 {median(given, 'p99_us') / 1000:.2f} ms"
        loss = max(row["loss"] for row in given)
        print(
            f"  {name:22} {cpu:6.2f} us a packet out, {ratios[name]:5.2f} of {baseline}; {latency}; loss {loss:.4f}"
        )
    return ratios


def quick(bench: Bench) -> int:
    """Beside the prototype."""
    ratios = {}
    for label, burst in BURSTS.items():
        rows = bench.compare([PROTOTYPE, NATIVE], *meeting(burst))
        ratios[label] = show(f"16 -> 20, {label}", rows, PROTOTYPE.name)[NATIVE.name]
    print(json.dumps({"cpu_ratio_to_prototype": ratios}))
    return 0


def full(bench: Bench) -> int:
    """Beside everybody."""
    native: dict[str, dict[str, float]] = {}
    for label, burst in BURSTS.items():
        rows = bench.compare([PROTOTYPE, NATIVE, JANUS_LOOP, JANUS], *meeting(burst))
        ratios = show(f"16 -> 20, {label}", rows, JANUS_LOOP.name)
        ours = median(rows[NATIVE.name], "cpu_us")
        native[label] = {name: round(ours / median(given, "cpu_us"), 2) for name, given in rows.items()}
        assert ratios
    size = ("--pubs", str(REFERENCE_PUBLISHERS), "--n", str(REFERENCE_SUBSCRIBERS), "--burst", "3")
    four = bench.compare([NATIVE, REFERENCE, JANUS], *size)
    show("a meeting of four, bursts of 3, delivery included", four, JANUS.name)
    print("\nhighest rate with loss below 0.1 %, 1 -> 10")
    most = {}
    for server in (PROTOTYPE, NATIVE, JANUS_LOOP, JANUS):
        ramp = ("--n", "10", "--pps", "4000", "--ramp", "--drop", "--full", "2", "--secs", "2")
        (row,) = bench.run(server, *ramp)
        most[server.name] = row.get("max_out_pps", 0)
        print(f"  {server.name:22} {most[server.name]:9.0f} packets/s out")
    growth(bench)
    joins(bench)
    print(json.dumps({"cpu_ratio_of_native_to": native, "max_out_pps": most}))
    return 0


def growth(bench: Bench) -> None:
    """One stream to more and more subscribers: cost per packet must not rise."""
    print("\none stream of 250 packets/s in bursts of 3, subscribers")
    base = 0.0
    for subscribers in (10, 50, 200):
        size = ("--n", str(subscribers), "--burst", "3", "--drop", "--full", "2")
        load = (*size, "--secs", "2", "--windows", "4")
        cost = median(bench.run(NATIVE, *load), "cpu_us")
        base = base or cost
        print(f"  {subscribers:4}: {cost:.2f} us a packet out, {cost / base:.2f} of that at 10")


def joins(bench: Bench) -> None:
    """CPU and memory of a subscriber."""
    print("\na subscriber")
    for seats in (1, 9):
        load = ("--pubs", str(seats), "--n", "20", "--secs", "1", "--windows", "1", "--drop", "--full", "2")
        for server in (NATIVE, JANUS):
            (row,) = bench.run(server, *load)
            print(
                f"  {server.name:22} {seats} seats: {row['join_cpu_ms']:.1f} ms CPU a join, {row['rss_kb_per_sub']} KB"
            )


if __name__ == "__main__":
    raise SystemExit(main())
