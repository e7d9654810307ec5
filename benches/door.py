"""What the door costs: `/predict` with a key and a plan beside without, over TLS beside plain, and remembered beside a
bare handler that answers a constant.

    cargo build --release --bins --examples && python3 benches/door.py
"""

import json
import socket
import subprocess
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from statistics import median

from load import EXAMPLES, RELEASE, ROW, Server, arguments, free_address, imba, post, wrk


def issue(folder: Path, plan: str) -> tuple[str, str]:
    """A new key, and the file that holds its line."""
    command = [RELEASE / "imba", "key", "new", "--name", "bench", "--plan", plan]
    key, line = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split("\n")[:2]
    (folder / "keys.csv").write_text(line + "\n")
    return key, str(folder / "keys.csv")


def certificate(folder: Path) -> dict[str, str]:
    """A certificate for localhost that lasts a day, as the settings that name it."""
    files = folder / "certificate.pem", folder / "key.pem"
    command = [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:P-256",
        "-nodes",
        "-days",
        "1",
    ]
    command += ["-subj", "/CN=localhost", "-out", files[0], "-keyout", files[1]]
    subprocess.run(command, capture_output=True, check=True)
    return {"IMBA__SERVER__TLS__CERTIFICATE": str(files[0]), "IMBA__SERVER__TLS__KEY": str(files[1])}


def secured(stack: ExitStack, folder: Path) -> Server:
    """The service over TLS, once it accepts connections."""
    address = free_address()
    settings = {"IMBA__SERVER__LISTEN": address, "IMBA__FEATURES__EMBEDDED__PATH": str(folder / "tls.redb")}
    server = Server(stack, address, [str(RELEASE / "imba")], {**settings, **certificate(folder)})
    host, port = address.split(":")
    for _ in range(600):
        try:
            socket.create_connection((host, int(port)), 1).close()
        except OSError:
            time.sleep(0.1)
        else:
            return server
    raise SystemExit(f"{address} does not answer: {server.said()}")


def main() -> None:
    options = arguments(__doc__).parse_args()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        key, keys = issue(folder, "wide")
        planned = {
            "IMBA__ACCESS__KEYS": keys,
            "IMBA__ACCESS__PLANS__WIDE__RATE": "1000000/s",
            "IMBA__ACCESS__PLANS__WIDE__QUOTA": "1000000000000/month",
            "IMBA__ACCESS__QUOTA_STORE": str(folder / "quotas.redb"),
        }
        bare = Server(stack, address := free_address(), [str(EXAMPLES / "bare"), address])
        bare.wait("/predict", ROW)
        plain = imba(stack)
        asked = post(ROW)
        with_key = asked + f"wrk.headers['x-api-key'] = {json.dumps(key)}\n"
        pairs = [
            (
                "a key and a plan, of without",
                (plain, asked, "http"),
                (imba(stack, planned), with_key, "http"),
                64,
                0.93,
            ),
            ("TLS, of plain", (plain, asked, "http"), (secured(stack, folder), asked, "https"), 1, 0.8),
            (
                "remembered, of a bare handler",
                (bare, asked, "http"),
                (imba(stack, {"IMBA__ANSWERS__CACHE_TTL": "1h"}), asked, "http"),
                64,
                0.95,
            ),
        ]
        print("| /predict, 1 row | connections | requests/s | ratio | bar | server CPU, ratio |\n" + "|---" * 6 + "|")
        for name, *targets, connections, bar in pairs:
            rounds = [
                [
                    wrk(server, "/predict", script, connections, options.seconds, scheme=scheme)
                    for server, script, scheme in targets
                ]
                for _ in range(options.rounds)
            ]
            rate = median(ours.rate for _, ours in rounds)
            ratio = median(ours.rate / other.rate for other, ours in rounds)
            used = median(other.cpu / ours.cpu for other, ours in rounds)
            print(f"| {name} | {connections} | {rate:,.0f} | {ratio:.3f} | {bar} | {used:.3f} |", flush=True)


if __name__ == "__main__":
    main()
