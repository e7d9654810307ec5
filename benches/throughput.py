"""Requests per second of the service beside a bare handler of the same server, in one run.

    cargo build --release --bins --examples && python3 benches/throughput.py

One core for the server under test, another for the load (wrk, from Debian).
"""

import tempfile
from contextlib import ExitStack
from statistics import median

from load import EXAMPLES, RELEASE, ROOT, ROW, Load, Server, arguments, post, wrk


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--connections", type=int, default=32)
    parser.add_argument("--peer", metavar="PYTHON", help="also benches/fastapi_xgboost.py, run by this interpreter")
    options = parser.parse_args()

    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:

        def imba(port: int, **env: str) -> Server:
            address = f"127.0.0.1:{port}"
            path = {"IMBA__FEATURES__EMBEDDED__PATH": f"{folder}/{port}.redb"}
            return Server(stack, address, [str(RELEASE / "imba")], {"IMBA__SERVER__LISTEN": address, **path, **env})

        bare = Server(stack, "127.0.0.1:18081", [str(EXAMPLES / "bare"), "127.0.0.1:18081"])
        service, quiet = imba(18080), imba(18082, IMBA__LOG__ACCESS="false")
        targets = {
            "bare handler": (bare, "/predict", ROW),
            "/livez": (service, "/livez", None),
            "/predict": (service, "/predict", ROW),
            "/predict, no access log": (quiet, "/predict", ROW),
            "/predict/pair": (service, "/predict/pair", "1,2"),
            "/recommend, 65 products": (service, f"/recommend/{customer_with(65)}?limit=10", None),
        }
        if options.peer:
            peer = [options.peer, str(ROOT / "benches" / "fastapi_xgboost.py"), "18083"]
            targets["FastAPI + xgboost"] = (Server(stack, "127.0.0.1:18083", peer), "/predict", ROW)
        for server, path, body in targets.values():
            server.wait(path, body)

        rounds: dict[str, list[Load]] = {target: [] for target in targets}
        for _ in range(options.rounds):
            for target, (server, path, body) in targets.items():
                script = post(body) if body else ""
                rounds[target].append(wrk(server, path, script, options.connections, options.seconds))

    baseline = rounds["bare handler"]
    print(f"{options.connections} connections, medians of {options.rounds} rounds of {options.seconds} s\n")
    print("| target | requests/s | of bare | server µs/request | bare's of it |\n|---|---|---|---|---|")
    for target, runs in rounds.items():
        rate, cpu = median(run.rate for run in runs), median(run.cpu for run in runs)
        rate_ratio = median(run.rate / base.rate for run, base in zip(runs, baseline, strict=True))
        cpu_ratio = median(base.cpu / run.cpu for run, base in zip(runs, baseline, strict=True))
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
