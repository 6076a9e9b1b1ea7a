"""``make bench``: CPU per forwarded packet beside Debian's Janus, same load, same run.

Two network namespaces joined by a veth pair, server on CPU 0, load on CPU 1. Needs root, and the Debian
packages janus, gcc, libssl-dev, nftables and iproute2. Prints one line a server and window, then the ratio.
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
from pathlib import Path

LAB = Path(__file__).parent / "lab"
NEEDED = ("janus", "gcc", "nft", "ip")


def main() -> int:
    """Run the benchmark; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench")
    parser.add_argument("--pubs", type=int, default=4, help="publishers, one video stream each")
    parser.add_argument("--subs", type=int, default=4, help="subscribers of all of them")
    parser.add_argument("--pps", type=int, default=250, help="packets a second and stream")
    parser.add_argument("--burst", type=int, default=3, help="packets that leave together")
    parser.add_argument("--rounds", type=int, default=2)
    options = parser.parse_args()
    missing = [name for name in NEEDED if shutil.which(name) is None]
    if missing or os.geteuid() != 0:
        print(f"bench: needs root and {', '.join(missing) or 'root'}", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory() as build:
        namespaces("down")
        namespaces("up")
        try:
            results = measure(options, build)
        finally:
            namespaces("down")
    return report(results)


def namespaces(action: str) -> None:
    """Make or remove the two namespaces."""
    subprocess.run(["bash", str(LAB / "sh" / "netns.sh"), action], check=action == "up")


def measure(options: argparse.Namespace, build: str) -> dict[str, list[dict[str, float]]]:
    """Alternate the servers, so that the machine's moods hit both."""
    results: dict[str, list[dict[str, float]]] = {"janus": [], "sotto": []}
    for _ in range(options.rounds):
        for server, rows in results.items():
            out = Path(build) / "out.jsonl"
            out.unlink(missing_ok=True)
            command = ["ip", "netns", "exec", "pf_c", "taskset", "-c", "1", sys.executable]
            command += [str(LAB / "py" / "bench.py"), "--server", server, "--json", str(out)]
            command += ["--pubs", str(options.pubs), "--n", str(options.subs)]
            command += ["--pps", str(options.pps), "--burst", str(options.burst)]
            command += ["--secs", "3", "--windows", "4"]
            environment = {**os.environ, "BENCH_BUILD": build}
            subprocess.run(command, env=environment, check=True)
            rows += [json.loads(line) for line in out.read_text().splitlines()]
    return results


def report(results: dict[str, list[dict[str, float]]]) -> int:
    """Medians and their ratio."""
    median = {name: statistics.median(row["cpu_us"] for row in rows) for name, rows in results.items()}
    for name, rows in results.items():
        latency = statistics.median(row["p50_us"] for row in rows)
        loss = max(row["loss"] for row in rows)
        print(
            f"{name}: {median[name]:.1f} us CPU per forwarded packet, p50 {latency / 1000:.2f} ms, loss {loss:.4f}"
        )
    print(json.dumps({"cpu_ratio_to_janus_packaged": round(median["sotto"] / median["janus"], 2)}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
