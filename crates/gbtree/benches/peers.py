"""Times gbtree beside two releases of the official library, TL2cgen's compiled C, daal4py, ONNX Runtime and CatBoost,
on the same models and rows, on one core. Every peer is first seen to give the same scores.

    python peers.py [--work DIR] [--rounds N]

needs what requirements.txt lists, gcc and cargo. The newer XGBoost runs on later Pythons only: its wheel is fetched for
its library. Everything is made below --work (default target/peers). Each round runs every peer once and takes the
least of many readings, because the machine may be shared; a figure is the median over rounds.
"""

import argparse
import glob
import json
import os
import statistics
import subprocess
import sys
import zipfile

import numpy as np
import xgboost as xgb

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.abspath(os.path.join(HERE, "..", "..", ".."))

# name: features, trees, depth, share of missing values, other parameters
MODELS = {
    "insta": (18, 300, 5, 0.0, {}),
    "insta-missing": (18, 300, 5, 0.3, {}),
    "big": (100, 500, 8, 0.0, {}),
    "big-missing": (100, 500, 8, 0.3, {}),
    "deep": (30, 100, 14, 0.0, {"min_child_weight": 0}),
    "lossguide": (30, 200, 0, 0.1, {"grow_policy": "lossguide", "max_leaves": 127}),
    "categorical": (20, 200, 6, 0.1, {"max_cat_to_onehot": 4}),
    "classes": (18, 60, 6, 0.0, {"objective": "multi:softprob", "num_class": 5}),
}
COMPILED = ("insta", "big")
ROWS = 10_000
# Rows to explain: the library takes a sixth of a second for each of the deep model's.
EXPLAINED = {"deep": 8, "big": 16}
EXPLAINED_ROWS = 64
NEWER = "3.4.1"


def data(name, features, missing, rows, seed):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(rows, features)).astype(np.float32)
    if name == "categorical":
        x[:, 10:] = rng.integers(0, 60, size=(rows, features - 10))
    x[rng.uniform(size=x.shape) < missing] = np.nan
    z = np.nan_to_num(x)
    weights = np.random.default_rng(1).normal(size=features) * (np.arange(features) < 12)
    signal = z @ weights + 2.0 * z[:, 0] * z[:, 1] + np.sin(3.0 * z[:, 2]) + rng.normal(size=rows)
    return x, signal


def make(name, work):
    """The model and its rows, and what xgboost says of them."""
    path = os.path.join(work, name)
    if not os.path.exists(path + ".ubj"):
        train(name, path)
    features = MODELS[name][0]
    rows = np.fromfile(path + ".rows", np.float32).reshape(-1, features)
    types = ["c" if name == "categorical" and i >= 10 else "q" for i in range(features)]
    matrix = xgb.DMatrix(rows, feature_types=types, enable_categorical=True)
    xgb.Booster(model_file=path + ".ubj").predict(matrix).astype(np.float32).tofile(path + ".scores")
    return path


def train(name, path):
    features, trees, depth, missing, extra = MODELS[name]
    params = {"objective": "binary:logistic", "max_depth": depth, "eta": 0.1, "tree_method": "hist", "nthread": 1}
    params.update(extra)
    x, signal = data(name, features, missing, 40_000, 2)
    classes = params.get("num_class", 0)
    y = np.digitize(signal, np.quantile(signal, np.linspace(0, 1, classes + 1)[1:-1])) if classes else signal > 0
    types = ["c" if name == "categorical" and i >= 10 else "q" for i in range(features)]
    booster = xgb.train(params, xgb.DMatrix(x, label=y, feature_types=types, enable_categorical=True), trees)
    booster.save_model(path + ".ubj")
    booster.save_model(path + ".json")
    data(name, features, missing, ROWS, 3)[0].tofile(path + ".rows")
    if name in COMPILED:
        import tl2cgen
        import treelite

        model = treelite.frontend.load_xgboost_model(path + ".json")
        source = path + "-c"
        tl2cgen.generate_c_code(model, dirpath=source, params={"parallel_comp": 8}, verbose=False)
        units = [f for f in os.listdir(source) if f.endswith(".c")]
        subprocess.run(["gcc", "-O3", "-shared", "-fPIC", "-o", path + ".so"] + units + ["-lm"], cwd=source, check=True)


def driver(work, name, library):
    """peers.c, linked with one release of the library."""
    path = os.path.join(work, "peers-" + name)
    link = os.path.join(os.path.dirname(library), "libxgboost.so.3")
    if not os.path.exists(link):
        os.symlink(library, link)
    paths = [os.path.dirname(library)] + glob.glob(os.path.join(os.path.dirname(library), "..", "..", "*.libs"))
    flags = ["-Wl,--disable-new-dtags"] + ["-Wl,-rpath," + path for path in paths]
    flags += ["-Wl,-rpath-link," + path for path in paths]
    source = os.path.join(HERE, "peers.c")
    subprocess.run(["gcc", "-O2", "-o", path, source, library] + flags + ["-ldl", "-lm"], check=True)
    return path


def newer(work):
    folder = os.path.join(work, "xgboost-" + NEWER)
    if not os.path.exists(folder):
        wheel = ["--no-deps", "--python-version", "312", "--only-binary=:all:", "-d", work, "xgboost-cpu==" + NEWER]
        subprocess.run([sys.executable, "-m", "pip", "download", "-q"] + wheel, check=True)
        zipfile.ZipFile(glob.glob(os.path.join(work, "xgboost_cpu-%s-*.whl" % NEWER))[0]).extractall(folder)
    return os.path.join(folder, "xgboost", "lib", "libxgboost.so")


def build(work):
    installed = os.path.join(os.path.dirname(xgb.__file__), "lib", "libxgboost.so")
    theirs = {NEWER: driver(work, NEWER, newer(work)), xgb.__version__: driver(work, xgb.__version__, installed)}
    lines = subprocess.run(
        ["cargo", "bench", "-q", "-p", "gbtree", "--bench", "peers", "--no-run", "--message-format=json"],
        cwd=ROOT,
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    ).stdout.splitlines()
    targets = [json.loads(line) for line in lines if '"executable":"' in line]
    return theirs, [t["executable"] for t in targets if t["target"]["name"] == "peers"][0]


def run(command):
    result = subprocess.run(["taskset", "-c", "1"] + command, check=True, stdout=subprocess.PIPE, text=True)
    return {key: float(value) for key, value in (line.split() for line in result.stdout.splitlines())}


MEASURES = (
    ("single", "1 row, µs"),
    ("batch", "10,000 rows, µs per row"),
    ("filled", "10,000 rows, NaN filled, µs per row"),
    ("contributions", "contributions of many rows, µs per row"),
    ("explanation", "contributions of 1 row, µs"),
    ("load", "load, ms"),
    ("ready", "load and the first row, ms"),
)


def main():
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--work", default=os.path.join(ROOT, "target", "peers"))
    options.add_argument("--rounds", type=int, default=5)
    options.add_argument("--models", default=",".join(MODELS))
    options = options.parse_args()
    os.makedirs(options.work, exist_ok=True)
    theirs, ours = build(options.work)
    peers = ["xgboost " + release for release in theirs] + ["tl2cgen", "daal4py", "onnx", "catboost"]
    print("| model | measure | gbtree | %s |" % " | ".join(peers))
    print("|---" * (len(peers) + 3) + "|")
    for name in options.models.split(","):
        path = make(name, options.work)
        features, trees, depth = MODELS[name][:3]
        arguments = [path, str(features), str(EXPLAINED.get(name, EXPLAINED_ROWS))]
        figures = {}
        for _ in range(options.rounds):
            found = run([ours] + arguments)
            for release, driver in theirs.items():
                for key, value in run([driver] + arguments).items():
                    found[key.replace("xgboost", "xgboost " + release)] = value
            if name in COMPILED:
                script = os.path.join(HERE, "peers_python.py")
                found.update(run([sys.executable, script, path, str(features), str(trees), str(depth)]))
            for key, value in found.items():
                figures.setdefault(key, []).append(value)
        for measure, label in MEASURES:
            mine = figures.get("gbtree-" + measure)
            if not mine:
                continue
            cells = []
            for peer in peers:
                values = figures.get("%s-%s" % (peer, measure))
                # Round by round: the machine's speed drifts between them.
                ratio = values and statistics.median(value / own for value, own in zip(values, mine, strict=False))
                cells.append("%.3g (%.1f ×)" % (statistics.median(values), ratio) if values else "")
            print("| %s | %s | %.3g | %s |" % (name, label, statistics.median(mine), " | ".join(cells)))
            sys.stdout.flush()


if __name__ == "__main__":
    main()
