"""Requests per second of the service beside a bare handler of the same server, in one run.

    cargo build --release --bins --examples && python3 benches/throughput.py

One core for the server under test, another for the load (wrk, from Debian). The targets take turns, round by round, and
ratios are taken within a round, so that a machine that drifts drifts for all of them. CPU time per request is the
server's own, from /proc: it holds on a busy machine, where requests per second do not.
"""

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import time
import urllib.request
from contextlib import ExitStack
from pathlib import Path
from statistics import median

ROOT = Path(__file__).resolve().parent.parent
RELEASE = ROOT / "target" / "release"
ROW = (
    "1,6.67578125,3418,209,0.595703125,514,10.0,11,57,11,1599,0.1498791297340854,1.2884770346494763,"
    "0.22388993120700437,9.017543859649123,0.017543859649122806,46,0.02127659574468085"
)
TICK = 1e6 / os.sysconf("SC_CLK_TCK")


class Server:
    """A server process on one core, and the address it listens on."""

    def __init__(self, stack: ExitStack, address: str, command: list[str], env: dict[str, str] | None = None):
        self.address = address
        environment = {**os.environ, **(env or {})}
        log = tempfile.TemporaryFile()  # noqa: SIM115 - as long as the process
        self.process = subprocess.Popen(
            ["taskset", "-c", "0", *command], env=environment, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=log
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

    def cpu(self) -> float:
        """Microseconds of processor time so far, children included."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(") ", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) * TICK


def wrk(
    server: Server, path: str, body: str | None, seconds: int, connections: int, folder: Path
) -> tuple[float, float]:
    """Requests per second, and microseconds of the server's processor time per request."""
    script = folder / "request.lua"
    script.write_text("" if body is None else f'wrk.method = "POST"\nwrk.body = {json.dumps(body)}\n')
    command = ["taskset", "-c", "1", "wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "-s", str(script)]
    before = server.cpu()
    run = subprocess.run([*command, f"http://{server.address}{path}"], capture_output=True, text=True, check=True)
    used = server.cpu() - before
    if refused := re.search(r"Non-2xx.*|Socket errors.*", run.stdout):
        sys.exit(f"{path}: {refused[0]}")
    count = int(re.search(r"(\d+) requests in", run.stdout)[1])
    return float(re.search(r"Requests/sec:\s+([\d.]+)", run.stdout)[1]), used / count


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=int, default=3, help="of load per target and round")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--connections", type=int, default=32)
    parser.add_argument("--peer", metavar="PYTHON", help="also benches/fastapi_xgboost.py, run by this interpreter")
    options = parser.parse_args()

    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        folder = Path(name)
        bare = Server(stack, "127.0.0.1:18081", [str(RELEASE / "examples" / "bare"), "127.0.0.1:18081"])
        imba = Server(
            stack,
            "127.0.0.1:18080",
            [str(RELEASE / "imba")],
            {"IMBA__SERVER__LISTEN": "127.0.0.1:18080", "IMBA__FEATURES__EMBEDDED__PATH": str(folder / "bench.redb")},
        )
        quiet = Server(
            stack,
            "127.0.0.1:18082",
            [str(RELEASE / "imba")],
            {
                "IMBA__SERVER__LISTEN": "127.0.0.1:18082",
                "IMBA__FEATURES__EMBEDDED__PATH": str(folder / "quiet.redb"),
                "IMBA__LOG__ACCESS": "false",
            },
        )
        targets = {
            "bare handler": (bare, "/predict", ROW),
            "/livez": (imba, "/livez", None),
            "/predict": (imba, "/predict", ROW),
            "/predict, no access log": (quiet, "/predict", ROW),
            "/predict/pair": (imba, "/predict/pair", "1,2"),
            "/recommend, 65 products": (imba, f"/recommend/{customer_with(65)}?limit=10", None),
        }
        if options.peer:
            peer = [options.peer, str(ROOT / "benches" / "fastapi_xgboost.py"), "18083"]
            targets["FastAPI + xgboost"] = (Server(stack, "127.0.0.1:18083", peer), "/predict", ROW)
        for server, path, body in targets.values():
            server.wait(path, body)

        rounds: dict[str, list[tuple[float, float]]] = {target: [] for target in targets}
        for _ in range(options.rounds):
            for target, (server, path, body) in targets.items():
                rounds[target].append(wrk(server, path, body, options.seconds, options.connections, folder))

    baseline = rounds["bare handler"]
    print(f"{options.connections} connections, medians of {options.rounds} rounds of {options.seconds} s\n")
    print("| target | requests/s | of bare | server µs/request | bare's of it |\n|---|---|---|---|---|")
    for target, runs in rounds.items():
        rate, cpu = (median(run[i] for run in runs) for i in (0, 1))
        rate_ratio = median(run[0] / base[0] for run, base in zip(runs, baseline, strict=True))
        cpu_ratio = median(base[1] / run[1] for run, base in zip(runs, baseline, strict=True))
        print(f"| {target} | {rate:,.0f} | {rate_ratio:.3f} | {cpu:.2f} | {cpu_ratio:.3f} |")


def customer_with(products: int) -> str:
    """The customer of the demo whose number of products is nearest to `products`."""
    counts: dict[str, int] = {}
    with (ROOT / "demo" / "features.csv").open() as table:
        next(table)
        for line in table:
            user = line.split(",", 1)[0]
            counts[user] = counts.get(user, 0) + 1
    return min(counts, key=lambda user: abs(counts[user] - products))


if __name__ == "__main__":
    main()
