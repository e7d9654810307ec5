"""The service under everything at once: small and large requests, hostile ones, slow readers, slow heads, half-closed
connections, callers that hang up, new models and tables good and bad, an endpoint with faults.

    cargo build --release --bins --examples && python3 benches/soak.py --time 10m

By the minute (more often in a short run) it prints memory, latency of the requests of one row, answers by status and
open connections. It fails on a panic, on an answer that is wrong, missing or a fault of the service's own, on memory
that grows without end, and on a stop that is not clean.
"""

import argparse
import asyncio
import contextlib
import gzip
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import ExitStack
from pathlib import Path
from statistics import median

from client import PATIENCE, Answer, Connection, LostError, many_descriptors, milliseconds, percentile, request, used
from load import EXAMPLES, RELEASE, ROOT, ROW, Server, free_address, imba
from targets import NAMES

OK, SERVER_FAULT, OVERLOADED, LATE, BAD_GATEWAY = 200, 500, 503, 504, 502
ONE_ROW = request("/predict", ROW.encode())
LARGE_ROWS = 5_000
LARGE = request("/predict", "\n".join([ROW] * LARGE_ROWS).encode())
UNITS = {"s": 1, "m": 60, "h": 3600}
GROWTH, SLACK_MIB = 1.25, 48

HOSTILE = [
    request("/predict", b'{"instances":[' + b"1," * 500_000 + b"1]}", content_type="application/json"),
    request("/predict", b"\n" * (6 << 20), accept="application/json"),
    request("/predict/pair", b"7,8\n" * 90_000, accept="application/json"),
    request("/predict", b'{"instances":' + b"[" * 100_000, content_type="application/json"),
    request("/predict", gzip.compress(b"1" * (50 << 20)), content_encoding="gzip"),
    request("/predict", b"\xff\xfe" * 1000),
    request("/predict", ROW.encode(), content_type="text/csv; charset=latin-1"),
    request("/predict", ROW.encode(), accept=";,;q=*/*"),
    request("/recommend/" + "%2e" * 3000),
    request("/" + "a" * 60_000),
    request("/predict", ROW.encode(), **{f"x-{at}": "y" * 200 for at in range(400)}),
    b"PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 64,
    b"GET / HTTP/1.1\r\ncontent-length: -1\r\n\r\n",
    b"POST /predict HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\nfffffffffffffffff\r\n",
]


class Soak:
    """What is going on, and what was found."""

    def __init__(self, service: Server, behind: Server, scores: set[bytes], folder: Path):
        self.service, self.behind, self.scores, self.folder = service, behind, scores, folder
        self.answers: Counter[str] = Counter()
        self.latencies: list[float] = []
        self.faults: list[str] = []
        self.memory: list[float] = []
        self.random = random.Random(1)  # noqa: S311
        self.ends = asyncio.Event()

    def note(self, kind: str, status: int, allowed: tuple[int, ...] = (OVERLOADED, LATE)) -> None:
        self.answers[f"{kind} {status}"] += 1
        if status >= SERVER_FAULT and status not in allowed:
            self.faults.append(f"{kind}: {status}")

    async def ask(self, connection: Connection, kind: str, bytes_: bytes) -> Answer | None:
        try:
            return await connection.ask(bytes_)
        except (LostError, OSError) as error:
            self.faults.append(f"{kind}: lost: {error}")
            return None

    async def repeat(self, work: Callable[[], Awaitable[None]], pause: float) -> None:
        while not self.ends.is_set():
            await work()
            await asyncio.sleep(pause * (0.5 + self.random.random()))

    def one_row(self) -> Callable[[], Awaitable[None]]:
        connection = Connection(self.service.address)

        async def work() -> None:
            if answer := await self.ask(connection, "row", ONE_ROW):
                self.note("row", answer.status)
                self.latencies.append(answer.after)
                if answer.status == OK and answer.body not in self.scores:
                    self.faults.append(f"row: {answer.body[:60]!r} is no score of either model")

        return work

    def large(self) -> Callable[[], Awaitable[None]]:
        connection = Connection(self.service.address)

        async def work() -> None:
            if answer := await self.ask(connection, "batch", LARGE):
                self.note("batch", answer.status)
                lines = set(answer.body.split(b"\n")) if answer.status == OK else set()
                if answer.status == OK and (answer.body.count(b"\n") + 1 != LARGE_ROWS or len(lines) != 1):
                    self.faults.append("batch: an answer of two models, or not of every row")

        return work

    def before_the_endpoint(self) -> Callable[[], Awaitable[None]]:
        connection = Connection(self.behind.address)

        async def work() -> None:
            if answer := await self.ask(connection, "endpoint", ONE_ROW):
                self.note("endpoint", answer.status, (BAD_GATEWAY, OVERLOADED, LATE))
                if answer.status == OK and answer.body != b"0.5":
                    self.faults.append(f"endpoint: {answer.body[:60]!r}")

        return work

    async def hostile(self) -> None:
        connection = Connection(self.service.address)
        with contextlib.suppress(LostError, OSError):
            answer = await connection.ask(self.random.choice(HOSTILE))
            self.note("hostile", answer.status)
        connection.close()

    async def slow_reader(self) -> None:
        body = "\n".join([ROW] * 20_000).encode()
        with contextlib.suppress(OSError):
            reader, writer = await asyncio.open_connection(*self.service.address.split(":"), limit=1024)
            writer.write(request("/explain", body[: 5_000 * (len(ROW) + 1)], accept="application/json"))
            for _ in range(20):
                if self.ends.is_set() or not await reader.read(100):
                    break
                await asyncio.sleep(1)
            writer.transport.abort()

    async def slow_head(self) -> None:
        with contextlib.suppress(OSError):
            _, writer = await asyncio.open_connection(*self.service.address.split(":"))
            for byte in ONE_ROW[:40]:
                if self.ends.is_set():
                    break
                writer.write(bytes([byte]))
                await writer.drain()
                await asyncio.sleep(1)
            writer.transport.abort()

    async def half_closed(self) -> None:
        with contextlib.suppress(OSError):
            reader, writer = await asyncio.open_connection(*self.service.address.split(":"))
            writer.write(ONE_ROW)
            writer.write_eof()
            answer = await reader.read()
            writer.close()
            # Who stops sending may be gone for good, which looks the same: an answer, or the end at once.
            self.note("half-closed", int(answer.split()[1]) if answer else 0)

    async def hangs_up(self) -> None:
        with contextlib.suppress(OSError):
            _, writer = await asyncio.open_connection(*self.service.address.split(":"))
            whole = self.random.choice([ONE_ROW, LARGE])
            writer.write(whole[: self.random.randrange(1, len(whole))])
            await asyncio.sleep(self.random.random() / 10)
            writer.transport.abort()

    async def new_model(self) -> None:
        new = self.folder / "new"
        good = [self.folder / "a.ubj", self.folder / "b.ubj"]
        choice = self.random.randrange(4)
        if choice < len(good):
            shutil.copy(good[choice], new)
        else:
            new.write_bytes(good[0].read_bytes()[:5000] if choice == len(good) else b"this is no model")
        new.rename(self.folder / "model.ubj")

    async def new_table(self) -> None:
        bad = self.random.random() < 0.5
        table = self.folder / "bad.csv" if bad else ROOT / "demo" / "features.csv"
        command = [str(RELEASE / "imba"), "features", "import", str(table), "--replace"]
        running = await asyncio.create_subprocess_exec(
            *command, cwd=self.folder, env=self.environment(), stderr=subprocess.PIPE, stdout=subprocess.DEVNULL
        )
        _, said = await running.communicate()
        self.answers[f"import {running.returncode}"] += 1
        if (running.returncode == 0) == bad:
            self.faults.append(f"import of a {'bad' if bad else 'good'} table: {said.decode()[:300]}")

    def environment(self) -> dict[str, str]:
        return {
            "IMBA__MODEL__PATH": str(self.folder / "a.ubj"),
            "IMBA__FEATURES__EMBEDDED__PATH": str(self.folder / "store.redb"),
        }

    async def pair(self) -> None:
        connection = Connection(self.service.address)
        if answer := await self.ask(connection, "recommend", request(f"/recommend/{self.random.randrange(1, 200)}")):
            self.note("recommend", answer.status)
        connection.close()

    async def watch(self, seconds: float) -> None:
        """Prints a line by the minute, or ten lines of a short run."""
        print(
            "| s | memory, MiB | before the endpoint | row p50 | p99 | slowest | sockets | answers |\n"
            + "|---" * 8
            + "|"
        )
        started, step = time.monotonic(), min(60.0, seconds / 10)
        while (now := time.monotonic() - started) < seconds:
            await asyncio.sleep(min(step, seconds - now))
            ours, behind = used(self.service.process.pid), used(self.behind.process.pid)
            self.memory.append(ours.memory)
            latencies, self.latencies = self.latencies, []
            tail = " | ".join(milliseconds(percentile(latencies, share)) for share in (0.5, 0.99, 1.0))
            answers = ", ".join(f"{kind}: {count}" for kind, count in sorted(self.answers.items()))
            elapsed = time.monotonic() - started
            print(
                f"| {elapsed:.0f} | {ours.memory:.0f} (most {ours.peak:.0f}) | {behind.memory:.0f} | {tail} "
                f"| {ours.sockets} | {answers} |",
                flush=True,
            )
        self.ends.set()

    async def run(self, seconds: float) -> None:
        work = [(self.one_row(), 0.02) for _ in range(8)]
        work += [(self.large(), 0.5) for _ in range(3)]
        work += [(self.before_the_endpoint(), 0.02) for _ in range(16)]
        work += [(self.hostile, 0.3)] * 4 + [(self.slow_reader, 0.5)] * 6 + [(self.slow_head, 0.5)] * 20
        work += [(self.half_closed, 0.2), (self.hangs_up, 0.1), (self.pair, 0.1)]
        work += [(self.new_model, 3.0), (self.new_table, 10.0)]
        tasks = [asyncio.create_task(self.repeat(*one), name=one[0].__qualname__) for one in work]
        await self.watch(seconds)
        done, stuck = await asyncio.wait(tasks, timeout=2 * PATIENCE)
        self.faults += [f"{task.get_name()}: {task.exception()!r}" for task in done if task.exception()]
        self.faults += [f"{task.get_name()}: no end" for task in stuck]
        for task in stuck:
            task.cancel()

    def judge(self) -> None:
        """Stops both services, and says what is wrong."""
        for server in (self.service, self.behind):
            server.process.send_signal(signal.SIGTERM)
            if code := server.process.wait(60):
                self.faults.append(f"exit code {code} at the stop")
            self.faults += [line[:500] for line in server.said().splitlines() if "panicked" in line]
        warm = self.memory[len(self.memory) // 3 :]
        half = len(warm) // 2
        before, after = median(warm[:half]), median(warm[half:])
        if after > GROWTH * before + SLACK_MIB:
            self.faults.append(f"memory grows: {before:.0f} MiB in the middle, {after:.0f} MiB at the end")


def score(model: Path) -> bytes:
    """What the model in process says of the row."""
    command = [str(RELEASE / "imba"), "score", "--model", str(model)]
    return subprocess.run(command, input=ROW.encode(), capture_output=True, check=True).stdout.strip()


def seconds(text: str) -> float:
    """A time like 90s, 10m or 2h."""
    return float(text[:-1]) * UNITS[text[-1]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--time", type=seconds, default="10m", help="how long: 90s, 10m, 2h")
    options = parser.parse_args()
    many_descriptors()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        shutil.copy(ROOT / "demo" / "model.ubj", folder / "a.ubj")
        shutil.copy(ROOT / "tests" / "fixtures" / "binary.ubj", folder / "b.ubj")
        shutil.copy(folder / "a.ubj", folder / "model.ubj")
        (folder / "bad.csv").write_text("user_id,product_id,feature\n1,2,3\n")
        stub = free_address()
        Server(stack, stub, [str(EXAMPLES / "aws_stub"), stub, "5ms", "0.1"], core="0,1")
        time.sleep(0.5)
        reloads = {"IMBA__MODEL__RELOAD_INTERVAL": "1s", "IMBA__FEATURES__EMBEDDED__RELOAD_INTERVAL": "1s"}
        paths = {
            "IMBA__MODEL__PATH": str(folder / "model.ubj"),
            "IMBA__FEATURES__EMBEDDED__PATH": str(folder / "store.redb"),
            "IMBA__FEATURES__EMBEDDED__SEED": str(ROOT / "demo" / "features.csv"),
        }
        endpoint = {
            "IMBA__SCORER__KIND": "sagemaker",
            "IMBA__SCORER__SAGEMAKER__ENDPOINT_NAME": "imba",
            "IMBA__AWS__ENDPOINT_URL": f"http://{stub}",
            "IMBA__FEATURES__KIND": "none",
            "IMBA__FEATURES__COLUMNS": ",".join(NAMES),
        }
        service = imba(stack, {**reloads, **paths}, core="0,1")
        behind = imba(stack, endpoint, core="0,1")
        soak = Soak(service, behind, {score(folder / "a.ubj"), score(folder / "b.ubj")}, folder)
        asyncio.run(soak.run(options.time))
        soak.judge()
    for fault, count in Counter(soak.faults).most_common(20):
        print(f"{count} × {fault}", file=sys.stderr)
    sys.exit(1 if soak.faults else 0)


if __name__ == "__main__":
    main()
