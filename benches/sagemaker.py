"""`/predict` before a SageMaker endpoint (a stub on loopback), beside a handler of one plain SDK call per request.

    cargo build --release --bins --examples && python3 benches/sagemaker.py

One core for the server under test, the other for the load (wrk) and the stub. The targets take turns within a round,
and ratios are taken within a round. CPU time is the server's own, from /proc.
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
MILLISECONDS = {"us": 1e-3, "ms": 1.0, "s": 1e3}
SURROUNDINGS = {"AWS_REGION": "eu-west-1", "AWS_ACCESS_KEY_ID": "AKIDBENCH", "AWS_SECRET_ACCESS_KEY": "secret"}


def start(stack: ExitStack, core: int, command: list[str], env: dict[str, str] | None = None) -> subprocess.Popen:
    process = subprocess.Popen(
        ["taskset", "-c", str(core), *command],
        env={**os.environ, **SURROUNDINGS, **(env or {})},
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    stack.callback(process.wait)
    stack.callback(process.terminate)
    return process


def wait(address: str) -> None:
    """Until it answers a row. By hand, because `http.py` in this folder stands before the module that urllib needs."""
    host, port = address.split(":")
    request = f"POST /predict HTTP/1.1\r\nhost: {host}\r\ncontent-length: {len(ROW)}\r\n\r\n{ROW}"
    for _ in range(200):
        try:
            with socket.create_connection((host, int(port)), timeout=5) as connection:
                connection.sendall(request.encode())
                if connection.recv(65536).startswith(b"HTTP/1.1 200"):
                    return
        except OSError:
            pass
        time.sleep(0.1)
    sys.exit(f"{address} does not answer")


def cpu(process: subprocess.Popen) -> float:
    fields = Path(f"/proc/{process.pid}/stat").read_text().rsplit(") ", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) * TICK


def wrk(process: subprocess.Popen, address: str, connections: int, seconds: int, script: Path) -> dict[str, float]:
    before = cpu(process)
    command = ["taskset", "-c", "1", "wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--latency", "-s", str(script)]
    run = subprocess.run([*command, f"http://{address}/predict"], capture_output=True, text=True, check=True)
    if refused := re.search(r"Non-2xx.*|Socket errors.*", run.stdout):
        sys.exit(f"{address}: {refused[0]}")

    def percentile(name: str) -> float:
        number, unit = re.search(rf"{name}%\s+([\d.]+)(us|ms|s)", run.stdout).groups()
        return float(number) * MILLISECONDS[unit]

    return {
        "rate": float(re.search(r"Requests/sec:\s+([\d.]+)", run.stdout)[1]),
        "cpu": (cpu(process) - before) / int(re.search(r"(\d+) requests in", run.stdout)[1]),
        "p50": percentile("50"),
        "p99": percentile("99"),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=int, default=3, help="of load per target and round")
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()

    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        folder = Path(name)
        script = folder / "request.lua"
        script.write_text(f'wrk.method = "POST"\nwrk.body = {json.dumps(ROW)}\n')
        servers = {}
        for at, delay in enumerate(["0s", "5ms"]):
            stub = f"127.0.0.1:{18190 + at}"
            start(stack, 1, [str(RELEASE / "examples" / "sagemaker_stub"), stub, delay])
            for kind, address in (("imba", f"127.0.0.1:{18170 + at}"), ("plain", f"127.0.0.1:{18180 + at}")):
                if kind == "plain":
                    command, env = [str(RELEASE / "examples" / "plain_sagemaker"), address, f"http://{stub}"], {}
                else:
                    command = [str(RELEASE / "imba")]
                    env = {
                        "IMBA__SERVER__LISTEN": address,
                        "IMBA__FEATURES__EMBEDDED__PATH": str(folder / f"{at}.redb"),
                        # The plain handler writes no log either.
                        "IMBA__LOG__ACCESS": "false",
                        "IMBA__SCORER__KIND": "sagemaker",
                        "IMBA__SCORER__SAGEMAKER__ENDPOINT_NAME": "imba",
                        "IMBA__SCORER__SAGEMAKER__IN_FLIGHT": "8",
                        "IMBA__AWS__ENDPOINT_URL": f"http://{stub}",
                    }
                servers[kind, delay] = (start(stack, 0, command, env), address)
                time.sleep(0.3)
                wait(address)

        print("| stub | connections | requests/s | of plain | CPU, plain's of it | p50 | of plain | p99 |")
        print("|---|---|---|---|---|---|---|---|")
        for delay, connections in (("0s", 64), ("0s", 1), ("5ms", 64), ("5ms", 1)):
            rounds = [
                {kind: wrk(*servers[kind, delay], connections, options.seconds, script) for kind in ("plain", "imba")}
                for _ in range(options.rounds)
            ]
            middle = {key: median(run["imba"][key] for run in rounds) for key in ("rate", "p50", "p99")}
            rate = median(run["imba"]["rate"] / run["plain"]["rate"] for run in rounds)
            used = median(run["plain"]["cpu"] / run["imba"]["cpu"] for run in rounds)
            p50 = median(run["imba"]["p50"] / run["plain"]["p50"] for run in rounds)
            print(
                f"| {delay} | {connections} | {middle['rate']:,.0f} | {rate:.2f} × | {used:.2f} × "
                f"| {middle['p50']:.2f} ms | {p50:.2f} × | {middle['p99']:.2f} ms |"
            )


if __name__ == "__main__":
    main()
