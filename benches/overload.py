"""Goodput when far more is asked than can be done: 3,000 connections that each send batches of 2,000 rows.

    cargo build --release --bins --examples && python3 benches/overload.py

The server has one core, the load (crowd.rs) the other. First the peak: as many batches as a few connections get
answered. Then three thousand; who is told to come again (503) does so after the time in Retry-After. How late the
load's own clock was is printed, because it is part of the times it measures.
"""

import argparse
import json
import subprocess
import sys
import time
from contextlib import ExitStack
from typing import NamedTuple

from client import BARS, Watcher, bar, forget_peak, many_descriptors, milliseconds, percentile, request, used
from load import EXAMPLES, ROW, Server, imba

ROWS, WARM = 2_000, 5
OK, OVERLOADED = "200", "503"
GOODPUT, TOLD_WITHIN, MEMORY_MIB, LIVEZ_WITHIN = 0.9, 100.0, 300, 0.05


class Load(NamedTuple):
    """What a crowd was answered, and how much of its core the server was busy."""

    found: dict
    goodput: float
    busy: float
    livez: list[float]


def crowd(service: Server, connections: int, seconds: float) -> Load:
    batch = request("/predict", "\n".join([ROW] * ROWS).encode())
    command = ["taskset", "-c", "1", EXAMPLES / "crowd", service.address, str(connections), str(WARM), str(seconds)]
    began, used_before = time.monotonic(), service.cpu()
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    with process:
        process.stdin.write(batch)
        process.stdin.close()
        time.sleep(WARM)
        watcher = Watcher(service.address)
        said = process.stdout.read()
        livez = watcher.stop()
    busy = (service.cpu() - used_before) / 1e6 / (time.monotonic() - began)
    found = json.loads(said)
    return Load(found, found["answers"].get(OK, 0) / seconds, busy, livez)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--connections", type=int, default=3_000)
    parser.add_argument("--seconds", type=float, default=20, help="of each of the two loads")
    options = parser.parse_args()
    many_descriptors()
    with ExitStack() as stack:
        service = imba(stack)
        few = crowd(service, 16, options.seconds)
        forget_peak(service.process.pid)
        many = crowd(service, options.connections, options.seconds)
        memory = used(service.process.pid).peak

    peak, found = few.goodput, many.found
    told = found["told_p99"] or 0.0
    print(f"{options.connections:,} connections, batches of {ROWS:,} rows; the peak with 16: {peak:.0f}/s")
    print(f"the server's core was busy for {few.busy:.2f} and {many.busy:.2f}\n")
    print(BARS)
    ratio = many.goodput / max(peak, 1e-9)
    print(bar("goodput", f"≥ {GOODPUT} of peak", f"{many.goodput:.0f}/s, {ratio:.2f}", ratio >= GOODPUT))
    others = ", ".join(f"{status}: {count:,}" for status, count in found["answers"].items())
    is_met = not found["lost"] and not set(found["answers"]) - {OK, OVERLOADED}
    print(bar("the rest", "503 alone", f"{others}, lost: {found['lost']}", is_met))
    late = f"the load late by p99 {found['late_p99']:.1f} ms"
    told_in = f"p50 {found['told_p50'] or 0.0:.1f} ms, p99 {told:.1f} ms ({late})"
    print(bar("503 within", f"{TOLD_WITHIN:.0f} ms", told_in, told <= TOLD_WITHIN))
    print(bar("most memory", f"< {MEMORY_MIB} MiB", f"{memory:.0f} MiB", memory < MEMORY_MIB))
    slowest = percentile(many.livez, 0.99)
    print(bar("/livez, p99", f"< {milliseconds(LIVEZ_WITHIN)}", milliseconds(slowest), slowest < LIVEZ_WITHIN))
    wrong = few.found["wrong"] + found["wrong"]
    sys.exit(f"{wrong} wrong answers" if wrong else 0)


if __name__ == "__main__":
    main()
