"""Where a request's work goes: instructions, allocations, cache misses and bytes copied, per request and route.

    cargo build --release --bins --examples && python3 benches/account.py

Needs valgrind and gcc. Instructions and caches are callgrind's (user space, on after a warm-up, connections taken off),
copies are counted by a memcpy of our own (copies.c), allocations are calls of the allocator. Counts are firm to about
500 instructions, on a busy machine too. Bare is a handler of the same server that answers a constant.
"""

import argparse
import mmap
import struct
import subprocess
import tempfile
import time
from contextlib import ExitStack
from http.client import HTTPConnection
from pathlib import Path
from typing import NamedTuple

from callgrind import ROUTES, Route, Service, demo
from load import EXAMPLES, RELEASE, ROW, Server, free_address

REQUESTS = 2_000
QUIET = {"IMBA__LOG__ACCESS": "false"}


class Subject(NamedTuple):
    """A line of the table."""

    name: str
    program: list[str]
    route: Route
    env: dict[str, str]


def subjects(only: list[str]) -> list[Subject]:
    imba, bare = [str(RELEASE / "imba")], [str(EXAMPLES / "bare"), "ADDRESS"]
    found = [Subject("bare handler", bare, Route("POST", "/predict", ROW), {})]
    for name, route in ROUTES.items():
        found += [Subject(name, imba, route, demo()), Subject(f"{name}, log off", imba, route, {**demo(), **QUIET})]
    return [subject for subject in found if not only or subject.name in only]


def copies(subject: Subject, library: Path) -> tuple[float, float]:
    """Calls of memcpy and memmove, and the bytes they copy, per request."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        counters = folder / "copies"
        counters.write_bytes(bytes(mmap.PAGESIZE))
        address = free_address()
        program = [address if part == "ADDRESS" else part for part in subject.program]
        place = {"IMBA__SERVER__LISTEN": address, "IMBA__FEATURES__EMBEDDED__PATH": f"{folder}/store.redb"}
        preload = {"LD_PRELOAD": str(library), "COPIES": str(counters)}
        server = Server(stack, address, program, {**place, **preload, **subject.env})
        server.wait(subject.route.path, subject.route.body)
        connection = HTTPConnection(address)

        def ask(times: int) -> tuple[int, int]:
            for _ in range(times):
                connection.request(subject.route.method, subject.route.path, subject.route.body)
                connection.getresponse().read()
            time.sleep(0.3)
            return struct.unpack_from("QQ", counters.read_bytes())

        before, after = ask(REQUESTS // 4), ask(REQUESTS)
        connection.close()
    calls, size = ((late - early) / REQUESTS for early, late in zip(before, after, strict=True))
    return calls, size


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="*", default=[], metavar="NAME", help="lines of the table")
    options = parser.parse_args()
    print(
        "| per request | k instructions | allocations | copies | KB copied | L1 misses: read, write, code |\n"
        + "|---" * 6
        + "|"
    )
    with tempfile.TemporaryDirectory() as folder:
        library = Path(folder) / "copies.so"
        flags = ["-O2", "-shared", "-fPIC", "-fno-builtin", "-fno-tree-loop-distribute-patterns"]
        subprocess.run(["gcc", *flags, str(Path(__file__).with_name("copies.c")), "-o", str(library)], check=True)
        for subject in subjects(options.only):
            with ExitStack() as stack:
                service = Service(stack, subject.program, subject.env, ["--cache-sim=yes"])
                service.ready(subject.route)
                counted = service.count(subject.route)
            calls, size = copies(subject, library)
            events = counted.events
            misses = ", ".join(f"{events[name]:,.0f}" for name in ("D1mr", "D1mw", "I1mr"))
            print(
                f"| {subject.name} | {events['Ir'] / 1e3:.1f} | {counted.allocations:.0f} | {calls:.0f} "
                f"| {size / 1e3:.1f} | {misses} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
