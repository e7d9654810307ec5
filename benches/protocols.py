"""The Open Inference Protocol: a binary batch beside the engine, and one row over gRPC beside `/predict`.

    cargo build --release --bins --examples && python3 benches/protocols.py

One core for the server under test, another for the load (h2load, from Debian's nghttp2-client). What HTTP/2 costs
by itself, and what it costs to receive a batch, the bare handler shows. MLServer is a peer of `make bench`.
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
from statistics import median

from load import EXAMPLES, RELEASE, ROW, Server, arguments

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


def batch() -> tuple[bytes, dict[str, str]]:
    """10,000 rows in binary, spread evenly enough for every tree to take all of its ways."""
    values = [(at * 0.618_034 % 1) * 100 for at in range(BATCH * 18)]
    raw = struct.pack(f"<{len(values)}f", *values)
    tensor = {"name": "rows", "shape": [BATCH, 18], "datatype": "FP32", "parameters": {"binary_data_size": len(raw)}}
    head = json.dumps({"inputs": [tensor], "parameters": {"binary_data_output": True}}).encode()
    return head + raw, {"inference-header-content-length": str(len(head))}


def milliseconds(
    server: Server, path: str, body: bytes, headers: dict[str, str], least: int
) -> tuple[float, dict[str, float]]:
    """Of one answer of at least so many bytes, and of its stages by its own header: the median of 30."""
    connection = http.client.HTTPConnection(server.address)
    found = []
    for _ in range(30):
        started = time.perf_counter()
        connection.request("POST", path, body, headers)
        answer = connection.getresponse()
        text = answer.read()
        took = (time.perf_counter() - started) * 1e3
        assert answer.status == 200 and len(text) >= least, text[:200]
        stages = re.findall(r"(\w+);dur=([\d.]+)", answer.headers.get("server-timing", ""))
        found.append((took, {name: float(time) for name, time in stages}))
    found.sort(key=lambda one: one[0])
    return found[len(found) // 2]


def main() -> None:
    options = arguments(__doc__).parse_args()
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        address = "127.0.0.1:18280"
        env = {"IMBA__SERVER__LISTEN": address, "IMBA__FEATURES__EMBEDDED__PATH": f"{folder}/features.redb"}
        imba = Server(stack, address, [str(RELEASE / "imba")], env)
        imba.wait("/predict", ROW)
        bare = Server(stack, "127.0.0.1:18281", [str(EXAMPLES / "bare"), "127.0.0.1:18281"])
        bare.wait("/predict", ROW)

        body, headers = batch()
        received, _ = milliseconds(bare, "/predict", body, headers, 1)
        took, stages = milliseconds(imba, INFER, body, headers, BATCH * 4)
        score, decode = stages["score"], stages["decode"]
        print(f"{BATCH:,} rows, binary: {took:.2f} ms, {took / score:.2f} × the engine's {score:.2f} ms")
        print(f"decoded in {decode:.2f} ms; the bare handler receives them in {received:.2f} ms")

        grpc = ["-Hcontent-type: application/grpc", "-Hte: trailers"]
        call = "/inference.GRPCInferenceService/ModelInfer"
        asked = {
            "/predict": (imba, "/predict", ROW.encode(), ["--h1"]),
            "gRPC, raw contents": (imba, call, grpc_row(), grpc),
            "/predict, HTTP/2": (imba, "/predict", ROW.encode(), []),
            "V2 JSON": (imba, INFER, json_row().encode(), ["--h1"]),
            "bare handler": (bare, "/predict", ROW.encode(), ["--h1"]),
            "bare handler, HTTP/2": (bare, "/predict", ROW.encode(), []),
        }
        rounds = [
            {name: h2load(*question, options.seconds) for name, question in asked.items()}
            for _ in range(options.rounds)
        ]
        print("\n| one row, 32 connections | requests/s | of /predict | server µs/request |\n|---|---|---|---|")
        for name in asked:
            rate, cpu = (median(taken[name][part] for taken in rounds) for part in (0, 1))
            ratio = median(taken[name][0] / taken["/predict"][0] for taken in rounds)
            print(f"| {name} | {rate:,.0f} | {ratio:.2f} | {cpu:.1f} |")


if __name__ == "__main__":
    main()
