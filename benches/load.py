"""What the end-to-end measurements share: servers on one core, load from the other, and ratios within a round.

The targets take turns, round by round, and ratios are taken within a round, so that a machine that drifts drifts for
all of them. CPU time per request is the server's own, from /proc: it holds on a busy machine, where requests per second
do not.
"""

import argparse
import json
import os
import re
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from contextlib import ExitStack, suppress
from pathlib import Path
from statistics import median
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
# Another build is measured by naming its folder.
RELEASE = Path(os.environ.get("IMBA_BUILD", ROOT / "target" / "release"))
EXAMPLES = RELEASE / "examples"
ROW = (
    "1,6.67578125,3418,209,0.595703125,514,10.0,11,57,11,1599,0.1498791297340854,1.2884770346494763,"
    "0.22388993120700437,9.017543859649123,0.017543859649122806,46,0.02127659574468085"
)
TICK = 1e6 / os.sysconf("SC_CLK_TCK")
MILLISECONDS = {"us": 1e-3, "ms": 1.0, "s": 1e3}
# No service of AWS is called: the stubs take any signature.
AWS = {
    "AWS_REGION": "eu-west-1",
    "AWS_DEFAULT_REGION": "eu-west-1",  # boto3's name for it
    "AWS_ACCESS_KEY_ID": "AKIDBENCH",
    "AWS_SECRET_ACCESS_KEY": "secret",
}


class Server:
    """A server process on one core, and the address it listens on."""

    def __init__(
        self, stack: ExitStack, address: str, command: list[str], env: dict[str, str] | None = None, core: str = "0"
    ):
        self.address = address
        # A file, as a log is one: what it costs to write is part of the figures.
        self.log = stack.enter_context(tempfile.TemporaryFile())  # noqa: SIM115
        self.process = subprocess.Popen(
            ["taskset", "-c", core, *command],
            env={**os.environ, **AWS, **(env or {})},
            cwd=ROOT,
            stdout=subprocess.DEVNULL,
            stderr=self.log,
        )
        stack.callback(self.process.wait)
        stack.callback(self.process.terminate)

    def wait(self, path: str, body: str | None) -> None:
        """Until it answers: the time from its start to its first answer is not measured here."""
        for _ in range(600):
            try:
                request = urllib.request.Request(f"http://{self.address}{path}", body and body.encode())
                with urllib.request.urlopen(request, timeout=5):
                    return
            except OSError:
                time.sleep(0.1)
        sys.exit(f"{self.address}{path} does not answer")

    def said(self) -> str:
        """What it has written to its log so far."""
        return os.pread(self.log.fileno(), os.fstat(self.log.fileno()).st_size, 0).decode(errors="replace")

    def cpu(self) -> float:
        """Microseconds of processor time so far."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(") ", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) * TICK

    def family(self) -> list[int]:
        """Its process, and those that it has started."""
        parents = {}
        for stat in Path("/proc").glob("[0-9]*/stat"):
            with suppress(OSError):
                parents[int(stat.parent.name)] = int(stat.read_text().rsplit(") ", 1)[1].split()[1])
        found = [self.process.pid]
        for parent in found:
            found.extend(pid for pid, its in parents.items() if its == parent)
        return found

    def signal(self, number: int) -> None:
        """Sends a signal to all of them."""
        for pid in self.family():
            with suppress(ProcessLookupError):
                os.kill(pid, number)


class Load(NamedTuple):
    """What one target did in one round."""

    rate: float  # requests per second
    cpu: float  # microseconds of the server's processor time per request
    p50: float  # milliseconds
    p99: float


def free_address() -> str:
    """An address that nobody listens on; another process may take it, as with every way of choosing one."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{free.getsockname()[1]}"


def imba(stack: ExitStack, env: dict[str, str] | None = None, core: str = "0") -> Server:
    """The service over the demo, on a free port, with a store of its own, once it is ready."""
    address = free_address()
    folder = stack.enter_context(tempfile.TemporaryDirectory())
    settings = {"IMBA__SERVER__LISTEN": address, "IMBA__FEATURES__EMBEDDED__PATH": f"{folder}/store.redb"}
    server = Server(stack, address, [str(RELEASE / "imba")], {**settings, **(env or {})}, core)
    server.wait("/livez", None)
    return server


def post(body: str) -> str:
    """wrk's script for the same POST again and again."""
    return f'wrk.method = "POST"\nwrk.body = {json.dumps(body)}\n'


def wrk(
    server: Server, path: str, script: str, connections: int, seconds: int, patience: int = 2, scheme: str = "http"
) -> Load:
    """The load of `connections` that each send a request as soon as the last one is answered.

    An answer that takes more than `patience` seconds is none.
    """
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as file:
        file.write(script)
        file.flush()
        command = ["taskset", "-c", "1", "wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--latency"]
        command.append(f"--timeout={patience}s")
        url = f"{scheme}://{server.address}{path}"
        before = server.cpu()
        run = subprocess.run([*command, "-s", file.name, url], capture_output=True, text=True, check=True)
        used = server.cpu() - before
    if refused := re.search(r"Non-2xx.*|Socket errors.*", run.stdout):
        sys.exit(f"{url}: {refused[0]}")

    def percentile(name: str) -> float:
        number, unit = re.search(rf"{name}%\s+([\d.]+)(us|ms|s)", run.stdout).groups()
        return float(number) * MILLISECONDS[unit]

    rate = float(re.search(r"Requests/sec:\s+([\d.]+)", run.stdout)[1])
    count = int(re.search(r"(\d+) requests in", run.stdout)[1])
    return Load(rate, used / max(count, 1), percentile("50"), percentile("99"))


def arguments(description: str) -> argparse.ArgumentParser:
    """The options that all measurements have."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=int, default=3, help="of load per target and round")
    parser.add_argument("--rounds", type=int, default=5)
    return parser


def beside_plain_calls(
    options: argparse.Namespace,
    path: str,
    body: str,
    script: str,
    env: dict[str, str],
    peer: list[str] | None = None,
) -> None:
    """imba before the stub of AWS, beside a handler that makes one plain call of the SDK per request.

    `peer`, a command that takes a port and the stub's URL, is measured beside imba before the stub of 0 s.
    """
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        servers = {}
        for at, delay in enumerate(["0s", "5ms"]):
            stub, imba, plain = (f"127.0.0.1:{port + at}" for port in (18190, 18170, 18180))
            Server(stack, stub, [str(EXAMPLES / "aws_stub"), stub, delay], core="1")
            time.sleep(0.3)
            settings = {
                "IMBA__SERVER__LISTEN": imba,
                "IMBA__FEATURES__EMBEDDED__PATH": f"{name}/{at}.redb",
                # The plain handler writes none either.
                "IMBA__LOG__ACCESS": "false",
                "IMBA__AWS__ENDPOINT_URL": f"http://{stub}",
                **env,
            }
            command = [str(EXAMPLES / "plain_aws"), plain, f"http://{stub}"]
            servers["plain", delay] = Server(stack, plain, command)
            servers["imba", delay] = Server(stack, imba, [str(RELEASE / "imba")], settings)
        if peer:
            address = "127.0.0.1:18189"
            servers["peer", "0s"] = Server(stack, address, [*peer, "18189", "http://127.0.0.1:18190"])
        for server in servers.values():
            server.wait(path, body)

        print("| stub | connections | requests/s | of plain | CPU, plain's of it | p50 | of plain | p99 |")
        print("|---|---|---|---|---|---|---|---|")
        for delay, connections in (("0s", 64), ("0s", 1), ("5ms", 64), ("5ms", 1)):
            rounds = [
                [wrk(servers[kind, delay], path, script, connections, options.seconds) for kind in ("plain", "imba")]
                for _ in range(options.rounds)
            ]
            rate, p50, p99 = (median(getattr(imba, key) for _, imba in rounds) for key in ("rate", "p50", "p99"))
            of_plain = median(imba.rate / plain.rate for plain, imba in rounds)
            used = median(plain.cpu / imba.cpu for plain, imba in rounds)
            latency = median(imba.p50 / plain.p50 for plain, imba in rounds)
            print(
                f"| {delay} | {connections} | {rate:,.0f} | {of_plain:.2f} × | {used:.2f} × "
                f"| {p50:.2f} ms | {latency:.2f} × | {p99:.2f} ms |",
                flush=True,
            )
        if peer:
            rounds = [
                [wrk(servers[kind, "0s"], path, script, 64, options.seconds).rate for kind in ("peer", "imba")]
                for _ in range(options.rounds)
            ]
            rate, ratio = median(rate for rate, _ in rounds), median(imba / rate for rate, imba in rounds)
            print(f"\n{Path(peer[-1]).stem}, 0s, 64 connections: {rate:,.0f} requests/s; imba {ratio:.0f} ×")
