"""What one request costs in the running service, as callgrind counts it: on after a warm-up, what a connection costs
taken off."""

import re
import subprocess
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from http import HTTPStatus
from http.client import HTTPConnection
from pathlib import Path
from typing import NamedTuple

from load import ROOT, ROW, Server, free_address

WARM, FEW, MANY = 200, 50, 250
ALLOCATES = re.compile(r"\b(mi_(m|z|re)alloc\w*|malloc|calloc|realloc|posix_memalign|aligned_alloc)(@|$|')")


class Route(NamedTuple):
    """A request by its method, path and body."""

    method: str
    path: str
    body: str | None = None


ROUTES = {
    "/livez": Route("GET", "/livez"),
    "/predict": Route("POST", "/predict", ROW),
    "/predict/pair": Route("POST", "/predict/pair", "1,2"),
    "/recommend": Route("GET", "/recommend/1?limit=10"),
    "/explain": Route("POST", "/explain", ROW),
}


class Counted(NamedTuple):
    """Per request: events by name, and calls of functions that allocate."""

    events: dict[str, float]
    allocations: float


class Service:
    """A server under callgrind, with one connection."""

    def __init__(self, stack: ExitStack, program: list[str], env: dict[str, str], options: list[str]):
        self.folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        self.dumps = 0
        address = free_address()
        tool = [
            "valgrind",
            "--tool=callgrind",
            "--instr-atstart=no",
            f"--callgrind-out-file={self.folder}/out",
            *options,
        ]
        # The last argument stands for the address where the program takes one.
        program = [address if part == "ADDRESS" else part for part in program]
        settings = {
            "IMBA__SERVER__LISTEN": address,
            "IMBA__FEATURES__EMBEDDED__PATH": f"{self.folder}/store.redb",
            **env,
        }
        self.server = Server(stack, address, [*tool, *program], settings, core="0,1")
        self.connection = HTTPConnection(address, timeout=120)

    def ready(self, route: Route) -> None:
        for _ in range(3000):
            try:
                self.ask(route)
            except OSError:
                self.connection.close()
                time.sleep(0.1)
            else:
                return
        raise SystemExit(f"it does not start: {self.server.said()[-500:]}")

    def ask(self, route: Route) -> None:
        self.connection.request(route.method, route.path, route.body)
        answer = self.connection.getresponse()
        text = answer.read()
        if answer.status != HTTPStatus.OK:
            raise SystemExit(f"{route.path}: {answer.status} {text[:200]!r}")

    def control(self, *arguments: str) -> None:
        command = ["callgrind_control", *arguments, str(self.server.process.pid)]
        subprocess.run(command, check=True, capture_output=True)

    def count(self, route: Route) -> Counted:
        """What a request costs: the difference between many and few of them."""
        for _ in range(WARM):
            self.ask(route)
        few, many = (
            self.dump(lambda number=number: [self.ask(route) for _ in range(number)]) for number in (FEW, MANY)
        )
        requests = MANY - FEW
        events = {name: (many.events[name] - few.events[name]) / requests for name in many.events}
        return Counted(events, (many.allocations - few.allocations) / requests)

    def dump(self, work: Callable[[], object]) -> Counted:
        self.control("-z")
        self.control("-i", "on")
        work()
        # What is still to be written to the log.
        time.sleep(0.5)
        self.control("-i", "off")
        self.control("-d")
        self.dumps += 1
        files = sorted(self.folder.glob(f"out.{self.dumps}*"))
        return read_dump(files)


def read_dump(files: list[Path]) -> Counted:
    """The totals of a dump, and the calls of its allocators from elsewhere."""
    events: Counter[str] = Counter()
    names: dict[str, str] = {}
    allocations = 0

    def name_of(text: str) -> str:
        number, _, name = text.partition(" ")
        if name:
            names[number] = name
        return names.get(number, "")

    for file in files:
        columns, caller, callee = [], "", ""
        for line in file.read_text(errors="replace").splitlines():
            key, _, value = line.partition("=")
            if line.startswith("events:"):
                columns = line.split()[1:]
            elif line.startswith(("totals:", "summary:")) and columns:
                if line.startswith("totals:"):
                    events.update(dict(zip(columns, map(int, line.split()[1:]), strict=False)))
            elif key == "fn":
                caller = name_of(value)
            elif key == "cfn":
                callee = name_of(value)
            elif key == "calls" and ALLOCATES.search(callee) and not ALLOCATES.search(caller):
                allocations += int(value.split()[0])
    return Counted(dict(events), allocations)


def demo() -> dict[str, str]:
    """The settings of the demo, from any folder."""
    return {"IMBA__MODEL__PATH": str(ROOT / "demo" / "model.ubj")}
