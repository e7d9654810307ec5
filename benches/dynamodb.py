"""`/predict/pair` before a DynamoDB table (a stub on loopback), beside a handler of one plain `GetItem` per request.

    cargo build --release --bins --examples && python3 benches/dynamodb.py

As `benches/sagemaker.py`, whose parts it uses: one core for the server under test, the other for the load and the stub.
Every request asks for another pair. The plain handler answers with the row; imba scores it as well.
"""

import argparse
import sys
import tempfile
import time
import urllib.request
from contextlib import ExitStack
from pathlib import Path
from statistics import median

from sagemaker import RELEASE, start, wrk

ROUTE = "/predict/pair"
# wrk runs this in each of its threads.
SCRIPT = """
wrk.method = "POST"
wrk.path = "/predict/pair"
local at = 0
request = function()
  at = at + 1
  return wrk.format(nil, nil, nil, (at % 200000) .. "," .. (at % 49999))
end
"""


def wait(address: str) -> None:
    for _ in range(200):
        try:
            with urllib.request.urlopen(f"http://{address}{ROUTE}", b"1,2", timeout=5):
                return
        except OSError:
            time.sleep(0.1)
    sys.exit(f"{address} does not answer")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=int, default=3, help="of load per target and round")
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()

    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        script = Path(name) / "request.lua"
        script.write_text(SCRIPT)
        servers = {}
        for at, delay in enumerate(["0s", "5ms"]):
            stub = f"127.0.0.1:{18390 + at}"
            start(stack, 1, [str(RELEASE / "examples" / "dynamodb_stub"), stub, delay])
            time.sleep(0.3)
            for kind, address in (("imba", f"127.0.0.1:{18370 + at}"), ("plain", f"127.0.0.1:{18380 + at}")):
                if kind == "plain":
                    command, env = [str(RELEASE / "examples" / "plain_dynamodb"), address, f"http://{stub}"], {}
                else:
                    command = [str(RELEASE / "imba")]
                    env = {
                        "IMBA__SERVER__LISTEN": address,
                        "IMBA__FEATURES__KIND": "dynamodb",
                        "IMBA__FEATURES__DYNAMODB__IN_FLIGHT": "8",
                        "IMBA__AWS__ENDPOINT_URL": f"http://{stub}",
                    }
                servers[kind, delay] = (start(stack, 0, command, env), address)
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
