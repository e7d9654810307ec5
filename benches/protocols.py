"""The Open Inference Protocol: a binary batch beside the engine, one row over gRPC beside `/predict`, and MLServer.

    cargo build --release --bins && python3 benches/protocols.py [--peer PYTHON]

One core for the server under test, another for the load (h2load, from Debian's nghttp2-client). PYTHON has the packages
of `tests/peers/oracles.txt`.
"""

import http.client
import json
import re
import struct
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from statistics import median

from load import RELEASE, ROOT, ROW, Server, arguments, post, wrk

BATCH = 10_000
INFER = "/v2/models/imba/infer"


def varint(number: int) -> bytes:
    low, rest = number & 127, number >> 7
    return bytes([low | 128]) + varint(rest) if rest else bytes([low])


def field(number: int, value: bytes) -> bytes:
    return varint(number << 3 | 2) + varint(len(value)) + value


def grpc_row() -> bytes:
    """A call of ModelInfer with one row in raw contents."""
    values = [float(cell) for cell in ROW.split(",")]
    shape = varint(1) + varint(len(values))
    tensor = field(1, b"rows") + field(2, b"FP32") + field(3, shape)
    raw = struct.pack(f"<{len(values)}f", *values)
    message = field(1, b"imba") + field(5, tensor) + field(7, raw)
    return b"\0" + struct.pack(">I", len(message)) + message


def json_row() -> str:
    values = [float(cell) for cell in ROW.split(",")]
    return json.dumps({"inputs": [{"name": "rows", "shape": [1, len(values)], "datatype": "FP32", "data": values}]})


def h2load(server: Server, path: str, body: bytes, options: list[str], seconds: int) -> tuple[float, float]:
    """Requests per second, and microseconds of the server's processor time per request."""
    with tempfile.NamedTemporaryFile() as file:
        file.write(body)
        file.flush()
        before = server.cpu()
        command = ["taskset", "-c", "1", "h2load", "-t1", "-c32", f"-D{seconds}", f"-d{file.name}", *options]
        run = subprocess.run([*command, f"http://{server.address}{path}"], capture_output=True, text=True, check=True)
        used = server.cpu() - before
    count, failed = (int(number) for number in re.search(r"(\d+) succeeded, (\d+) failed", run.stdout).groups())
    if failed or not count:
        sys.exit(run.stdout)
    return count / seconds, used / count


def batch(server: Server) -> tuple[float, float]:
    """Milliseconds of an answer to 10,000 rows in binary, and of the engine for them, by the answer's own header."""
    # Spread evenly enough for every tree to take all of its ways.
    values = [(at * 0.618_034 % 1) * 100 for at in range(BATCH * 18)]
    raw = struct.pack(f"<{len(values)}f", *values)
    tensor = {"name": "rows", "shape": [BATCH, 18], "datatype": "FP32", "parameters": {"binary_data_size": len(raw)}}
    head = json.dumps({"inputs": [tensor], "parameters": {"binary_data_output": True}}).encode()
    connection = http.client.HTTPConnection(server.address)
    found = []
    for _ in range(30):
        started = time.perf_counter()
        connection.request("POST", INFER, head + raw, {"inference-header-content-length": str(len(head))})
        answer = connection.getresponse()
        body = answer.read()
        took = (time.perf_counter() - started) * 1e3
        assert answer.status == 200 and len(body) > BATCH * 4, body[:200]
        score = float(re.search(r"score;dur=([\d.]+)", answer.headers["server-timing"])[1])
        found.append((took / score, took, score))
    return sorted(found)[len(found) // 2][1:]


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--peer", metavar="PYTHON", help="also MLServer, of this interpreter's packages")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        address = "127.0.0.1:18280"
        env = {"IMBA__SERVER__LISTEN": address, "IMBA__FEATURES__EMBEDDED__PATH": f"{folder}/features.redb"}
        imba = Server(stack, address, [str(RELEASE / "imba")], env)
        imba.wait("/predict", ROW)

        took, score = batch(imba)
        print(f"{BATCH:,} rows, binary: {took:.2f} ms, {took / score:.2f} × the engine's {score:.2f} ms (median of 30)")

        grpc = ["-Hcontent-type: application/grpc", "-Hte: trailers"]
        call = "/inference.GRPCInferenceService/ModelInfer"
        rounds = [
            (
                h2load(imba, "/predict", ROW.encode(), ["--h1"], options.seconds),
                h2load(imba, call, grpc_row(), grpc, options.seconds),
                h2load(imba, INFER, json_row().encode(), ["--h1"], options.seconds),
            )
            for _ in range(options.rounds)
        ]
        print("\n| one row, 32 connections | requests/s | of /predict | server µs/request |\n|---|---|---|---|")
        for at, name in enumerate(("/predict", "gRPC, raw contents", "V2 JSON")):
            rate, cpu = (median(one[at][part] for one in rounds) for part in (0, 1))
            ratio = median(one[at][0] / one[0][0] for one in rounds)
            print(f"| {name} | {rate:,.0f} | {ratio:.2f} | {cpu:.1f} |")

        if options.peer:
            settings = {
                "http_port": 18281,
                "grpc_port": 18282,
                "metrics_port": 18283,
                "host": "127.0.0.1",
                "parallel_workers": 0,
            }
            uri = str(ROOT / "demo" / "model.ubj")
            model = {"name": "imba", "implementation": "mlserver_xgboost.XGBoostModel", "parameters": {"uri": uri}}
            Path(folder, "settings.json").write_text(json.dumps(settings))
            Path(folder, "model-settings.json").write_text(json.dumps(model))
            mlserver = str(Path(options.peer).parent / "mlserver")
            peer = Server(stack, "127.0.0.1:18281", [mlserver, "start", folder])
            peer.wait(INFER, json_row())
            rounds = [
                [wrk(server, INFER, post(json_row()), 32, options.seconds).rate for server in (peer, imba)]
                for _ in range(options.rounds)
            ]
            rate, ratio = median(rate for rate, _ in rounds), median(ours / rate for rate, ours in rounds)
            print(f"\nMLServer, V2 JSON, one row: {rate:,.0f} requests/s; imba {ratio:.0f} ×")


if __name__ == "__main__":
    main()
