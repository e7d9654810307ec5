"""Time from the start of a process to its first answer, and its memory after some requests: the demo, beside FastAPI.

    cargo build --release && python3 benches/start.py --peer PYTHON

PYTHON is an interpreter that has what benches/fastapi_xgboost.py needs. The first start of imba makes its store from
the demo's table; it is shown apart.
"""

import tempfile
import time
from contextlib import ExitStack
from http import HTTPStatus
from http.client import HTTPConnection
from pathlib import Path
from statistics import median

from load import RELEASE, ROOT, ROW, Server, arguments

REQUESTS = 200


def measure(address: str, command: list[str], env: dict[str, str]) -> tuple[float, float]:
    """Milliseconds to the first answer, and MiB of resident memory after `REQUESTS` of them."""
    started = time.monotonic()
    with ExitStack() as stack:
        server = Server(stack, address, command, env)
        connection = HTTPConnection(address)
        while True:
            try:
                connection.connect()
                break
            except ConnectionRefusedError:
                time.sleep(0.0005)
        first = 0.0
        for _ in range(REQUESTS):
            connection.request("POST", "/predict", ROW)
            answer = connection.getresponse()
            if answer.status != HTTPStatus.OK:
                raise SystemExit(f"{address}: {answer.status} {answer.read()!r}")
            answer.read()
            first = first or (time.monotonic() - started) * 1e3
        connection.close()
        status = Path(f"/proc/{server.process.pid}/status").read_text()
        resident = next(line for line in status.splitlines() if line.startswith("VmRSS"))
        return first, int(resident.split()[1]) / 1024


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--peer", metavar="PYTHON", required=True)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        imba = {"IMBA__SERVER__LISTEN": "127.0.0.1:18084", "IMBA__FEATURES__EMBEDDED__PATH": f"{folder}/store.redb"}
        peer = [options.peer, str(ROOT / "benches" / "peers" / "fastapi_xgboost.py"), "18085"]
        first, _ = measure("127.0.0.1:18084", [str(RELEASE / "imba")], imba)
        rounds = [
            (measure("127.0.0.1:18084", [str(RELEASE / "imba")], imba), measure("127.0.0.1:18085", peer, {}))
            for _ in range(options.rounds)
        ]
    ours, theirs = ([median(run[side][at] for run in rounds) for at in (0, 1)] for side in (0, 1))
    print("| | start to first answer | resident memory |\n|---|---|---|")
    print(f"| imba, first start | {first:.0f} ms | |")
    print(f"| imba | {ours[0]:.0f} ms | {ours[1]:.0f} MiB |")
    print(f"| FastAPI + xgboost | {theirs[0]:.0f} ms | {theirs[1]:.0f} MiB |")
    print(f"| FastAPI's of imba's | {theirs[0] / ours[0]:.0f} × | {theirs[1] / ours[1]:.1f} × |")


if __name__ == "__main__":
    main()
