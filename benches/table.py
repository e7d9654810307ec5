"""The embedded store at size: what a table takes on disk and how much slower its lookups are than a small one's.

Makes tables of `--small` and `--large` pairs, 65 products a user, with the demo's model and columns, imports both,
serves both, and asks in turns for random pairs and users. Then tables take turns under load, for what a swap costs, and
a user of 50,000 products is asked for beside pairs of others. Prints ratios.

    python3 benches/table.py --binary target/release/imba --large 1000000
"""

import argparse
import http.client
import json
import os
import pathlib
import random
import resource
import socket
import statistics
import subprocess
import tempfile
import threading
import time

ROOT = pathlib.Path(__file__).parent.parent
PRODUCTS = 65
GIANT = 50_000


def make_table(path, pairs, columns, seed, giant=0):
    """Writes a CSV table: a few columns are the user's, some counts, the others real numbers. One more user has `giant`
    products."""
    rng = random.Random(seed)  # noqa: S311
    real = [repr(rng.random()) for _ in range(4096)]
    with pathlib.Path(path).open("w", encoding="ascii") as out:
        out.write("user_id,product_id," + ",".join(columns) + "\n")
        own = [at for at, name in enumerate(columns) if not name.startswith("user_")]
        users = [(str(user), PRODUCTS) for user in range(pairs // PRODUCTS)] + [("giant", giant)] * bool(giant)
        for user, products in users:
            row = [str(rng.randrange(3000)) if rng.random() < 0.5 else rng.choice(real) for _ in columns]
            ids = sorted(rng.sample(range(50_000), products), key=str)
            lines = []
            for product in ids:
                for at in own:
                    row[at] = str(rng.randrange(100)) if at % 2 else real[rng.randrange(4096)]
                lines.append(f"{user},{product}," + ",".join(row))
            out.write("\n".join(lines) + "\n")


def run_import(binary, table, folder):
    """Imports, and tells the seconds it took and the most memory of the child in MiB."""
    started = time.monotonic()
    process = subprocess.Popen(
        [binary, "features", "import", table, "--replace"], env=settings(folder), stderr=subprocess.DEVNULL
    )
    _, status, usage = os.wait4(process.pid, 0)
    assert status == 0, "the import failed"
    return time.monotonic() - started, usage.ru_maxrss / 1024


def settings(folder):
    return {
        "IMBA__FEATURES__EMBEDDED__PATH": str(folder / "features.redb"),
        "IMBA__FEATURES__EMBEDDED__SEED": "",
        "IMBA__FEATURES__EMBEDDED__RELOAD_INTERVAL": "200ms",
        "IMBA__MODEL__PATH": str(ROOT / "demo/model.ubj"),
        "IMBA__SERVER__LISTEN": "127.0.0.1:0",
        "IMBA__LOG__ACCESS": "false",
        "IMBA__LOG__FORMAT": "text",
    }


class Service:
    def __init__(self, binary, folder):
        self.process = subprocess.Popen([binary], env=settings(folder), stderr=subprocess.PIPE, text=True)
        for line in self.process.stderr:
            if "server.address=" in line:
                self.address = line.split("server.address=")[1].split()[0].strip('"')
                break
        threading.Thread(target=lambda: [None for _ in self.process.stderr], daemon=True).start()

    def __enter__(self):
        self.connection = http.client.HTTPConnection(self.address)
        self.connection.connect()
        # Head and body are two packets, and the second must not wait for the first one's acknowledgement.
        self.connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()

    def ask(self, method, path, body=None):
        started = time.perf_counter()
        self.connection.request(method, path, body)
        answer = self.connection.getresponse()
        answer.read()
        assert answer.status == 200, answer.status
        return time.perf_counter() - started


def pairs_of(table, count, seed):
    """Random pairs of a table, by reading all of it once."""
    rng, chosen = random.Random(seed), []  # noqa: S311
    with pathlib.Path(table).open(encoding="ascii") as lines:
        next(lines)
        for at, line in enumerate(lines):
            if len(chosen) < count:
                chosen.append(line.split(",", 2)[:2])
            elif rng.random() < count / (at + 1):
                chosen[rng.randrange(count)] = line.split(",", 2)[:2]
    rng.shuffle(chosen)
    return chosen


def main():
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--binary", default=str(ROOT / "target/release/imba"))
    arguments.add_argument("--small", type=int, default=10_000)
    arguments.add_argument("--large", type=int, default=1_000_000)
    arguments.add_argument("--rounds", type=int, default=5)
    arguments.add_argument("--requests", type=int, default=2_000)
    arguments.add_argument("--tables", type=pathlib.Path, help="folder for the tables, which a later run finds there")
    arguments.add_argument("--only-tables", action="store_true", help="make them and measure nothing")
    options = arguments.parse_args()
    binary = options.binary
    with tempfile.TemporaryDirectory() as folder:
        root = pathlib.Path(folder)
        facts = subprocess.run(
            [binary, "model", str(ROOT / "demo/model.ubj"), "--json"], capture_output=True, check=True
        )
        columns = [feature["name"] for feature in json.loads(facts.stdout)["features"]]
        tables, folders, asked = {}, {}, {}
        for size, pairs in (("small", options.small), ("large", options.large)):
            folders[size] = root / size
            folders[size].mkdir()
            tables[size] = (options.tables or root) / f"{pairs}.csv"
            if not tables[size].exists():
                tables[size].parent.mkdir(parents=True, exist_ok=True)
                make_table(tables[size], pairs, columns, 1)
            if options.only_tables:
                continue
            seconds, memory = run_import(binary, tables[size], folders[size])
            stored = (folders[size] / "features.redb").stat().st_size
            content = tables[size].stat().st_size
            print(
                f"{size}: {pairs} pairs, {content / 1e6:.0f} MB of CSV, {stored / 1e6:.0f} MB stored"
                f" ({stored / pairs:.0f} bytes a pair), {pairs / seconds:.0f} rows/s in {memory:.0f} MiB"
            )
            asked[size] = pairs_of(tables[size], options.requests, 2)
        if options.only_tables:
            return
        with Service(binary, folders["small"]) as small, Service(binary, folders["large"]) as large:
            services = {"small": small, "large": large}
            for name, request in (
                ("/predict/pair", lambda service, pair: service.ask("POST", "/predict/pair", ",".join(pair))),
                ("/recommend", lambda service, pair: service.ask("GET", f"/recommend/{pair[0]}")),
            ):
                taken = {"small": [], "large": []}
                for _ in range(options.rounds):
                    for size, service in services.items():
                        taken[size].append(statistics.median(request(service, pair) for pair in asked[size]))
                ratio = min(taken["large"]) / min(taken["small"])
                small, large_one = (min(taken[size]) * 1e6 for size in ("small", "large"))
                print(f"{name}: {small:.0f} µs small, {large_one:.0f} µs large: {ratio:.2f} ×")
            swap(binary, folders["large"], tables, large, asked["large"])
        beside_a_giant(binary, root, columns, asked["small"])


def swap(binary, folder, tables, service, pairs):
    """The 99th percentile of lookups alone, and while the table is imported again and swapped."""

    alone = p99(service, pairs, 5)
    # What is measured is the swap: the new file is written before, and put in place while requests run.
    before = folder / "features.redb"
    copy = folder / "copy"
    copy.write_bytes(before.read_bytes())
    done = threading.Event()

    def swaps():
        while not done.is_set():
            turn = folder / "turn"
            turn.write_bytes(copy.read_bytes())
            turn.replace(before)
            done.wait(1.5)

    thread = threading.Thread(target=swaps)
    thread.start()
    during = p99(service, pairs, 8)
    done.set()
    thread.join()
    print(
        f"p99 of /predict/pair: {alone * 1e6:.0f} µs alone, {during * 1e6:.0f} µs during swaps: {during / alone:.2f} ×"
    )


def p99(service, pairs, seconds):
    """The 99th percentile of the time of one pair."""
    times, until, at = [], time.monotonic() + seconds, 0
    while time.monotonic() < until:
        times.append(service.ask("POST", "/predict/pair", ",".join(pairs[at % len(pairs)])))
        at += 1
    return statistics.quantiles(times, n=100)[98]


def beside_a_giant(binary, root, columns, pairs):
    """The 99th percentile of lookups alone, and while a user of 50,000 products is asked for again and again."""
    folder = root / "giant"
    folder.mkdir()
    table = root / "giant.csv"
    make_table(table, 10_000, columns, 1, giant=GIANT)
    run_import(binary, table, folder)
    with Service(binary, folder) as service:
        alone = p99(service, pairs, 3)
        other = http.client.HTTPConnection(service.address)
        done, took = threading.Event(), []

        def recommend():
            while not done.is_set():
                started = time.perf_counter()
                other.request("GET", "/recommend/giant")
                answer = other.getresponse()
                answer.read()
                assert answer.status == 200, answer.status
                took.append(time.perf_counter() - started)

        thread = threading.Thread(target=recommend)
        thread.start()
        beside = p99(service, pairs, 5)
        done.set()
        thread.join()
    print(
        f"/recommend of a user of {GIANT} products: {statistics.median(took) * 1e3:.1f} ms; p99 of /predict/pair beside"
        f" it: {beside * 1e6:.0f} µs, {alone * 1e6:.0f} µs alone"
    )


if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    main()
