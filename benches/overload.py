"""Goodput when far more is asked than can be done: 3,000 connections that each send batches of 2,000 rows.

    cargo build --release --bins && python3 benches/overload.py

The server has one core, the load the other. First the peak: as many batches as a few connections get answered. Then
three thousand; who is told to come again (503) does so after the time in Retry-After. The client's own delays are
printed, because they are part of the times it measures.
"""

import argparse
import asyncio
import sys
import time
from collections import Counter
from contextlib import ExitStack

from client import (
    BARS,
    Answer,
    Connection,
    LostError,
    Watcher,
    bar,
    forget_peak,
    many_descriptors,
    milliseconds,
    percentile,
    request,
    used,
)
from load import ROW, imba

ROWS = 2_000
OK, OVERLOADED = 200, 503
GOODPUT, TOLD_WITHIN, MEMORY_MIB, LIVEZ_WITHIN = 0.9, 0.1, 300, 0.05


class Load:
    """Clients that ask again as soon as they may, and what they were told."""

    def __init__(self, address: str, connections: int, expected: bytes):
        self.address, self.connections, self.expected = address, connections, expected
        self.batch = request("/predict", "\n".join([ROW] * ROWS).encode())
        self.answers: Counter[str] = Counter()
        self.told_after: list[float] = []
        self.lags: list[float] = []
        self.wrong = 0
        self.begins = self.ends = 0.0

    def note(self, answer: Answer) -> None:
        if not self.begins <= time.monotonic() < self.ends:
            return
        self.answers[str(answer.status)] += 1
        if answer.status == OVERLOADED:
            self.told_after.append(answer.head_after)

    async def client(self) -> None:
        connection = Connection(self.address)
        while time.monotonic() < self.ends:
            try:
                answer = await connection.ask(self.batch)
            except (LostError, OSError):
                self.answers["lost"] += 1
                await asyncio.sleep(1)
                continue
            self.note(answer)
            self.wrong += answer.status == OK and answer.body != self.expected
            self.wrong += answer.status not in (OK, OVERLOADED, 504)
            if answer.status != OK:
                await asyncio.sleep(float(answer.headers.get("retry-after", 1)))
        connection.close()

    async def lag(self) -> None:
        while time.monotonic() < self.ends:
            due = time.monotonic() + 0.05
            await asyncio.sleep(0.05)
            self.lags.append(time.monotonic() - due)

    async def run(self, warm: float, seconds: float) -> float:
        """Good answers per second."""
        self.begins = time.monotonic() + warm
        self.ends = self.begins + seconds
        await asyncio.gather(self.lag(), *(self.client() for _ in range(self.connections)))
        return self.answers[str(OK)] / seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--connections", type=int, default=3_000)
    parser.add_argument("--seconds", type=float, default=20, help="of each of the two loads")
    options = parser.parse_args()
    many_descriptors()
    with ExitStack() as stack:
        service = imba(stack)
        first = asyncio.run(Connection(service.address).ask(request("/predict", ROW.encode())))
        expected = b"\n".join([first.body] * ROWS)
        few = Load(service.address, 16, expected)
        peak = asyncio.run(few.run(2, options.seconds))
        forget_peak(service.process.pid)
        watcher = Watcher(service.address)
        many = Load(service.address, options.connections, expected)
        goodput = asyncio.run(many.run(5, options.seconds))
        livez = watcher.stop()
        memory = used(service.process.pid).peak

    told, lag = percentile(many.told_after, 0.99), percentile(many.lags, 0.99)
    told_in = f"p50 {milliseconds(percentile(many.told_after, 0.5))}, p99 {milliseconds(told)}"
    print(f"{options.connections:,} connections, batches of {ROWS:,} rows; the peak with 16: {peak:.0f}/s\n")
    print(BARS)
    print(
        bar(
            "goodput",
            f"≥ {GOODPUT} of peak",
            f"{goodput:.0f}/s, {goodput / max(peak, 1e-9):.2f}",
            goodput >= GOODPUT * peak,
        )
    )
    others = ", ".join(f"{status}: {count:,}" for status, count in sorted(many.answers.items()))
    print(bar("the rest", "503 alone", others, not set(many.answers) - {str(OK), str(OVERLOADED)}))
    print(
        bar(
            "503 within",
            milliseconds(TOLD_WITHIN),
            f"{told_in} (the client late by {milliseconds(lag)})",
            told <= TOLD_WITHIN,
        )
    )
    print(bar("most memory", f"< {MEMORY_MIB} MiB", f"{memory:.0f} MiB", memory < MEMORY_MIB))
    found = percentile(livez, 0.99)
    print(bar("/livez, p99", f"< {milliseconds(LIVEZ_WITHIN)}", milliseconds(found), found < LIVEZ_WITHIN))
    sys.exit(f"{few.wrong + many.wrong} wrong answers" if few.wrong + many.wrong else 0)


if __name__ == "__main__":
    main()
