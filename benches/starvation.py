"""Requests of one row beside batches of 30,000 rows: how much longer the small ones take.

    cargo build --release --bins && python3 benches/starvation.py

The server has one core, the load the other. The small requests are asked for by a process of its own, one after the
other.
"""

import argparse
import asyncio
import sys
import time
from collections import Counter
from contextlib import ExitStack

from client import BARS, Connection, LostError, Watcher, bar, many_descriptors, milliseconds, percentile, request
from load import ROW, imba

ROWS = 30_000
OK = 200
MOST = 10.0


async def batches(address: str, clients: int, seconds: float) -> Counter[str]:
    """The answers to `clients` that send batches for so long; one of the wrong length is "wrong"."""
    batch = request("/predict", "\n".join([ROW] * ROWS).encode())
    ends, answers = time.monotonic() + seconds, Counter()

    async def client() -> None:
        connection = Connection(address)
        while time.monotonic() < ends:
            try:
                answer = await connection.ask(batch)
            except (LostError, OSError):
                answers["lost"] += 1
                continue
            is_wrong = answer.status == OK and answer.body.count(b"\n") + 1 != ROWS
            answers["wrong" if is_wrong else str(answer.status)] += 1
            if answer.status != OK:
                await asyncio.sleep(float(answer.headers.get("retry-after", 1)))
        connection.close()

    await asyncio.gather(*(client() for _ in range(clients)))
    return answers


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clients", type=int, default=32)
    parser.add_argument("--seconds", type=float, default=15, help="alone, and beside the batches")
    options = parser.parse_args()
    many_descriptors()
    with ExitStack() as stack:
        service = imba(stack)
        alone = Watcher(service.address, "/predict", ROW)
        time.sleep(options.seconds)
        times = [("alone", alone.stop())]
        beside = Watcher(service.address, "/predict", ROW)
        answers = asyncio.run(batches(service.address, options.clients, options.seconds))
        times.append((f"beside {options.clients} clients of {ROWS:,} rows", beside.stop()))

    print("| one row | requests | p50 | p99 | slowest |\n|---|---|---|---|---|")
    for name, found in times:
        tail = " | ".join(milliseconds(percentile(found, share)) for share in (0.5, 0.99, 1.0))
        print(f"| {name} | {len(found)} | {tail} |")
    ratio = percentile(times[1][1], 0.99) / percentile(times[0][1], 0.99)
    told = ", ".join(f"{status}: {count:,}" for status, count in sorted(answers.items()))
    print(f"\nThe batches' answers: {told}\n\n{BARS}")
    print(bar("one-row p99", f"≤ {MOST:.0f} × of alone", f"{ratio:.1f} ×", ratio <= MOST))
    unanswered = sum(time == float("inf") for _, found in times for time in found)
    sys.exit(f"{answers['wrong']} wrong, {unanswered} unanswered" if answers["wrong"] or unanswered else 0)


if __name__ == "__main__":
    main()
