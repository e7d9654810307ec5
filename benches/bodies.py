"""Bodies of six megabytes that are worth nothing, or much: memory, time and `/livez` meanwhile.

    cargo build --release --bins && python3 benches/bodies.py

The server has one core, the load the other. Every body is sent twice at once, to a server of its own.
"""

import argparse
import asyncio
import sys
from contextlib import ExitStack

from client import (
    BARS,
    Answer,
    Connection,
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

SIZE = 6 << 20
SERVER_FAULT, OVERLOADED, LATE = 500, 503, 504
MEMORY_MIB, DEADLINE, LIVEZ_WITHIN = 300, 10.5, 0.1
JSON = {"content_type": "application/json", "accept": "application/json"}
NUMBERS = ROW.split(",")


def filled(piece: bytes, before: bytes = b"", after: bytes = b"") -> bytes:
    """As many `piece` as fit."""
    return before + piece * ((SIZE - len(before) - len(after)) // len(piece)) + after


def bodies() -> dict[str, bytes]:
    """Requests by what they hold."""
    instances, end = b'{"instances":[', b"]}"
    row = f"[{ROW}]".encode()
    named = ("{" + ",".join(f'"wrong_{at}":{cell}' for at, cell in enumerate(NUMBERS)) + "},").encode()
    return {
        "JSON: numbers in place of rows": request("/predict", filled(b"1,", instances, b"1" + end), **JSON),
        "JSON: rows of nothing": request("/predict", filled(b"[],", instances, b"[]" + end), **JSON),
        "JSON: good rows": request("/predict", filled(row + b",", instances, row + end), **JSON),
        "JSON: rows of wrong names": request("/predict", filled(named, instances, named[:-1] + end), **JSON),
        "JSON: one long string": request("/predict", filled(b"x", instances + b'["', b'"]' + end), **JSON),
        "JSON: brackets": request("/predict", filled(b"[", instances), **JSON),
        "JSON: unknown pairs": request("/predict/pair", filled(b'["7","8"],', instances, b'["7","8"]' + end), **JSON),
        "JSON: explained": request("/explain", filled(row + b",", instances, row + end), **JSON),
        "CSV: line ends, as text": request("/predict", filled(b"\n"), accept="text/plain"),
        "CSV: line ends, as JSON": request("/predict", filled(b"\n"), accept="application/json"),
        "CSV: commas": request("/predict", filled(b","), accept="application/json"),
        "CSV: one quoted value": request("/predict", filled(b"x", b'"', b'"'), accept="text/plain"),
        "CSV: good rows": request("/predict", filled(ROW.encode() + b"\n")),
        "CSV: letters": request("/predict", filled(b"x\n"), accept="application/json"),
        "CSV: unknown pairs": request("/predict/pair", filled(b"7,8\n"), accept="application/json"),
        "CSV: no text": request("/predict", filled(b"\xff")),
    }


async def twice(address: str, bytes_: bytes) -> list[Answer]:
    return await asyncio.gather(*(Connection(address).ask(bytes_) for _ in range(2)))


def main() -> None:
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    many_descriptors()
    wrong, most, longest, slowest = 0, 0.0, 0.0, 0.0
    print("| body | status | answer | after | most memory | /livez, slowest |\n|---|---|---|---|---|---|")
    for name, bytes_ in bodies().items():
        with ExitStack() as stack:
            service = imba(stack)
            forget_peak(service.process.pid)
            watcher = Watcher(service.address)
            answers = asyncio.run(twice(service.address, bytes_))
            livez = percentile(watcher.stop(), 1.0)
            memory = used(service.process.pid).peak
        after, size = max(answer.after for answer in answers), max(len(answer.body) for answer in answers)
        most, longest, slowest = max(most, memory), max(longest, after), max(slowest, livez)
        wrong += sum(a.status >= SERVER_FAULT and a.status not in (OVERLOADED, LATE) for a in answers)
        statuses = " and ".join(sorted({str(answer.status) for answer in answers}))
        print(
            f"| {name} | {statuses} | {size / 1024:,.0f} KiB | {milliseconds(after)} | {memory:.0f} MiB "
            f"| {milliseconds(livez)} |",
            flush=True,
        )
    print(f"\n{BARS}")
    print(bar("memory, any body", f"< {MEMORY_MIB} MiB", f"{most:.0f} MiB", most < MEMORY_MIB))
    print(bar("deadline kept", f"≤ {milliseconds(DEADLINE)}", milliseconds(longest), longest <= DEADLINE))
    print(bar("/livez meanwhile", f"< {milliseconds(LIVEZ_WITHIN)}", milliseconds(slowest), slowest < LIVEZ_WITHIN))
    sys.exit(f"{wrong} answers are faults of the service's own" if wrong else 0)


if __name__ == "__main__":
    main()
