"""A client that holds thousands of connections, a watcher beside it, and what a process uses.

Sockets without buffers in between, because three thousand batches would fill the client's memory before the server's.
"""

import asyncio
import contextlib
import resource
import socket
import time
from http.client import HTTPConnection
from multiprocessing import Event, Pipe, Process
from pathlib import Path
from typing import NamedTuple

MIB = 1 << 20
# Longer than the service itself lets a request take, with its body and its answer.
PATIENCE = 30.0


class Answer(NamedTuple):
    """A whole answer, and the seconds from the first byte sent to its head and to its end."""

    status: int
    headers: dict[str, str]
    body: bytes
    head_after: float
    after: float


class LostError(Exception):
    """A connection that ended without an answer."""


class Connection:
    """One connection, kept open while the server keeps it."""

    def __init__(self, address: str):
        host, port = address.rsplit(":", 1)
        self.address = (host, int(port))
        self.socket: socket.socket | None = None
        self.used = False

    async def connect(self) -> None:
        self.close()
        loop = asyncio.get_running_loop()
        self.socket = socket.socket()
        self.socket.setblocking(False)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        await loop.sock_connect(self.socket, self.address)
        self.used = False

    def close(self) -> None:
        if self.socket:
            self.socket.close()
        self.socket = None

    async def ask(self, request: bytes) -> Answer:
        """The answer to `request`; sent once more where a connection kept open turns out to have been closed."""
        while True:
            fresh = self.socket is None
            if fresh:
                await self.connect()
            try:
                return await asyncio.wait_for(self.exchange(request), PATIENCE)
            except (LostError, OSError) as error:
                self.close()
                if fresh:
                    raise LostError(str(error)) from error
            except TimeoutError as error:
                self.close()
                raise LostError("no answer in time") from error

    async def exchange(self, request: bytes) -> Answer:
        loop = asyncio.get_running_loop()
        started = time.monotonic()
        sending = loop.create_task(loop.sock_sendall(self.socket, memoryview(request)))
        try:
            answer = await self.read(started)
        finally:
            # An answer may come before the whole body has left; the connection is of no use then.
            whole = sending.done()
            sending.cancel()
            with contextlib.suppress(OSError, asyncio.CancelledError):
                await sending
        if not whole or answer.headers.get("connection") == "close":
            self.close()
        return answer

    async def read(self, started: float) -> Answer:
        loop = asyncio.get_running_loop()
        received = bytearray()
        while (end := received.find(b"\r\n\r\n")) < 0:
            received += await self.some(loop)
        head_after = time.monotonic() - started
        first, *lines = received[:end].decode("latin-1").split("\r\n")
        headers = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        body = received[end + 4 :]
        if "content-length" in headers:
            length = int(headers["content-length"])
            while len(body) < length:
                body += await self.some(loop)
        elif headers.get("transfer-encoding") == "chunked":
            # Only its end matters here.
            while not body.endswith(b"0\r\n\r\n"):
                body += await self.some(loop)
        return Answer(int(first.split()[1]), headers, bytes(body), head_after, time.monotonic() - started)

    async def some(self, loop: asyncio.AbstractEventLoop) -> bytes:
        piece = await loop.sock_recv(self.socket, 1 << 18)
        if not piece:
            raise LostError("closed")
        return piece


def request(path: str, body: bytes | None = None, **headers: str) -> bytes:
    """The bytes of a GET, or of a POST of `body`."""
    lines = [f"{'GET' if body is None else 'POST'} {path} HTTP/1.1", "host: localhost"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    if body is not None:
        lines.append(f"content-length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode() + (body or b"")


class Watcher:
    """A process of its own that asks for a path twenty times a second, and notes how long each answer took."""

    def __init__(self, address: str, path: str = "/livez", body: str | None = None):
        self.ours, theirs = Pipe()
        self.ends = Event()
        self.process = Process(target=watch, args=(address, path, body, theirs, self.ends), daemon=True)
        self.process.start()

    def stop(self) -> list[float]:
        """Seconds of each answer; infinite for those that did not come or were no 200."""
        self.ends.set()
        found = self.ours.recv()
        self.process.join()
        return found


def watch(address: str, path: str, body: str | None, pipe: object, ends: object) -> None:
    found, connection = [], HTTPConnection(address, timeout=PATIENCE)
    while not ends.wait(0.05):
        started = time.monotonic()
        try:
            connection.request("POST" if body else "GET", path, body)
            answer = connection.getresponse()
            answer.read()
            found.append(time.monotonic() - started if answer.status == 200 else float("inf"))
        except OSError:
            found.append(float("inf"))
            connection.close()
    pipe.send(found)


def percentile(values: list[float], share: float) -> float:
    """The value that `share` of `values` do not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else float("nan")


def milliseconds(seconds: float) -> str:
    return f"{seconds * 1e3:,.1f} ms"


class Used(NamedTuple):
    """What a process uses: MiB of memory now and at most, and open sockets."""

    memory: float
    peak: float
    sockets: int


def used(pid: int) -> Used:
    lines = (line.split() for line in Path(f"/proc/{pid}/status").read_text().splitlines())
    sizes = {line[0]: int(line[1]) / 1024 for line in lines if line[0] in ("VmRSS:", "VmHWM:")}
    sockets = 0
    for descriptor in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(OSError):
            sockets += str(descriptor.readlink()).startswith("socket:")
    return Used(sizes["VmRSS:"], sizes["VmHWM:"], sockets)


def forget_peak(pid: int) -> None:
    """Begins the peak of a process's memory anew."""
    Path(f"/proc/{pid}/clear_refs").write_text("5")


def many_descriptors() -> None:
    """As many open files as the system lets this process have."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def bar(name: str, wanted: str, found: str, met: bool) -> str:
    """A line of a table of bars."""
    return f"| {name} | {wanted} | {found} | {'met' if met else 'missed'} |"


BARS = "| what | bar | found | |\n|---|---|---|---|"
