"""Times gbtree beside the official library and TL2cgen's compiled C, on the same models and rows, on one core.

    python peers.py [--work DIR] [--rounds N]

needs xgboost, treelite, tl2cgen and numpy from PyPI, gcc and cargo. Everything is made below --work (default
target/peers). Each round runs every peer
once and takes the least of many readings, because the machine may be shared; a figure is the median over rounds.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys

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
EXPLAINED = {"deep": 4}
EXPLAINED_ROWS = 50


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
    features, trees, depth, missing, extra = MODELS[name]
    path = os.path.join(work, name)
    if os.path.exists(path + ".ubj"):
        return path
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
    return path


def build(work):
    library = os.path.dirname(xgb.__file__)
    driver = os.path.join(work, "peers")
    subprocess.run(
        [
            "gcc",
            "-O2",
            "-o",
            driver,
            os.path.join(HERE, "peers.c"),
            os.path.join(library, "lib", "libxgboost.so"),
            "-Wl,-rpath," + os.path.join(library, "lib"),
            "-ldl",
            "-lm",
        ],
        check=True,
    )
    lines = subprocess.run(
        ["cargo", "bench", "-q", "-p", "gbtree", "--bench", "peers", "--no-run", "--message-format=json"],
        cwd=ROOT,
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    ).stdout.splitlines()
    targets = [json.loads(line) for line in lines if '"executable":"' in line]
    return driver, [t["executable"] for t in targets if t["target"]["name"] == "peers"][0]


def run(command):
    result = subprocess.run(["taskset", "-c", "1"] + command, check=True, stdout=subprocess.PIPE, text=True)
    return {key: float(value) for key, value in (line.split() for line in result.stdout.splitlines())}


def main():
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--work", default=os.path.join(ROOT, "target", "peers"))
    options.add_argument("--rounds", type=int, default=5)
    options.add_argument("--models", default=",".join(MODELS))
    options = options.parse_args()
    os.makedirs(options.work, exist_ok=True)
    theirs, ours = build(options.work)
    print("| model | measure | gbtree | xgboost %s | ratio | TL2cgen | ratio |" % xgb.__version__)
    print("|---|---|---|---|---|---|---|")
    for name in options.models.split(","):
        path = make(name, options.work)
        arguments = [path, str(MODELS[name][0]), str(EXPLAINED.get(name, EXPLAINED_ROWS))]
        figures = {}
        for _ in range(options.rounds):
            for driver in (theirs, ours):
                for key, value in run([driver] + arguments).items():
                    figures.setdefault(key, []).append(value)
        median = {key: statistics.median(values) for key, values in figures.items()}
        for measure, label in (
            ("single", "1 row, µs"),
            ("batch", "10,000 rows, µs per row"),
            ("filled", "10,000 rows, NaN filled, µs per row"),
            ("contributions", "contributions, µs per row"),
            ("load", "load, ms"),
        ):
            if "gbtree-" + measure not in median:
                continue
            mine, peer = median["gbtree-" + measure], median["xgboost-" + measure]
            compiled = median.get("tl2cgen-" + measure)
            cells = ["%.3g" % mine, "%.3g" % peer, "%.1f" % (peer / mine)]
            cells += ["%.3g" % compiled, "%.1f" % (compiled / mine)] if compiled else ["", ""]
            print("| %s | %s | %s |" % (name, label, " | ".join(cells)))
            sys.stdout.flush()
        if "gbtree-filled" in median:
            cost = [median[who + "-batch"] / median[who + "-filled"] for who in ("gbtree", "xgboost")]
            print("| %s | missing values: time with over without | %.2f | %.2f | | | |" % (name, *cost))


if __name__ == "__main__":
    main()
