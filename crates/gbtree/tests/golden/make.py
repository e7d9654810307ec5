"""Writes golden models and their expected outputs with whatever release of xgboost is installed.

    python make.py OUT_DIR

makes OUT_DIR/<release>/<case>.<format> and OUT_DIR/<release>/<case>.expect. The releases and the Python each
needs are listed in README.md. An .expect file is a sequence of arrays: a header line "name d0 d1 ...", then the
float32 values, little-endian, row-major.
"""

import json
import os
import pickle
import sys
import warnings

import numpy as np
import xgboost as xgb

warnings.filterwarnings("ignore")
VERSION = tuple(int(part) for part in xgb.__version__.split(".")[:2])
QUIET = {"verbosity": 0} if VERSION >= (0, 82) else {"silent": 1}
# 0.4 takes zeros for missing unless told otherwise.
MISSING = {"missing": np.nan} if VERSION < (0, 6) else {}
FEATURES = 6
ROWS = 16


def grid(rng, rows, step):
    """Values on a grid, so that training thresholds are hit exactly; one in eight is missing."""
    values = np.round(rng.normal(0, 1.5, (rows, FEATURES)) / step) * step
    values[rng.uniform(size=values.shape) < 0.125] = np.nan
    return values.astype(np.float32)


def training_data():
    rng = np.random.RandomState(7)
    x = grid(rng, 240, 0.25)
    filled = np.nan_to_num(x)
    signal = filled[:, 0] - 0.7 * filled[:, 1] * (filled[:, 2] > 0) + 0.5 * np.abs(filled[:, 3])
    return x, (signal + rng.normal(0, 0.3, len(x))).astype(np.float32)


def score_rows():
    rng = np.random.RandomState(11)
    x = grid(rng, ROWS, 0.125)
    x[0] = np.nan
    x[1] = 0.0
    x[2] = -0.0
    return x


def labels(kind, signal):
    if kind == "binary":
        return (signal > 0.3).astype(np.float32)
    if kind == "classes":
        return np.digitize(signal, [-0.6, 0.8]).astype(np.float32)
    if kind == "positive":
        return np.round(np.exp(signal / 2), 2).astype(np.float32) + 0.1
    if kind == "count":
        return np.round(np.exp(signal / 2)).astype(np.float32)
    if kind == "survival":
        times = np.round(np.exp(signal / 2), 2) + 0.1
        return np.where(signal > 1.5, -times, times).astype(np.float32)
    if kind == "relevance":
        return np.digitize(signal, [-0.6, 0.8]).astype(np.float32)
    if kind == "targets":
        return np.stack([signal, -2 * signal + 1, np.abs(signal)], axis=1)
    if kind == "multilabel":
        return np.stack([signal > 0, signal > 1], axis=1).astype(np.float32)
    return signal


def case(name, objective, kind="real", since=(0, 0), rounds=4, data="numeric", until=(99, 0), **params):
    return dict(
        name=name, objective=objective, kind=kind, since=since, until=until, rounds=rounds, data=data, params=params
    )


LINEAR = "reg:squarederror" if VERSION >= (0, 90) else "reg:linear"
LATER = (1, 0)

CASES = [
    case("squarederror", LINEAR),
    case("linear", "reg:linear"),
    case("reg-logistic", "reg:logistic", "binary", base_score=0.3),
    case("logistic", "binary:logistic", "binary", base_score=0.5),
    case("logistic-base", "binary:logistic", "binary", base_score=0.2),
    case("logitraw", "binary:logitraw", "binary", base_score=0.3),
    case("hinge", "binary:hinge", "binary", since=(0, 80)),
    case("poisson", "count:poisson", "count", base_score=0.7),
    case("cox", "survival:cox", "survival", since=(0, 80)),
    case("gamma", "reg:gamma", "positive", base_score=1.5),
    case("tweedie", "reg:tweedie", "positive", base_score=0.8, tweedie_variance_power=1.3),
    case("squaredlogerror", "reg:squaredlogerror", "positive", since=(1, 0)),
    case("pseudohuber", "reg:pseudohubererror", since=(1, 3)),
    case("absoluteerror", "reg:absoluteerror", since=(1, 7)),
    case("quantile", "reg:quantileerror", since=(2, 0), quantile_alpha=0.6),
    case("quantiles", "reg:quantileerror", since=(2, 0), quantile_alpha=[0.1, 0.5, 0.9]),
    case("expectile", "reg:expectileerror", since=(3, 3), expectile_alpha=0.6),
    case("expectiles", "reg:expectileerror", since=(3, 3), expectile_alpha=[0.1, 0.5, 0.9]),
    case("expectiles-base", "reg:expectileerror", since=(3, 3), expectile_alpha=[0.2, 0.7], base_score=0.5),
    case("expectiles-no-trees", "reg:expectileerror", since=(3, 3), rounds=0, expectile_alpha=[0.2, 0.7]),
    case("aft", "survival:aft", "aft", since=(1, 2)),
    case("softprob", "multi:softprob", "classes", num_class=3),
    case("softmax", "multi:softmax", "classes", num_class=3, base_score=0.9),
    case("pairwise", "rank:pairwise", "relevance"),
    case("ndcg", "rank:ndcg", "relevance"),
    case("map", "rank:map", "binary"),
    case("auto-base-logistic", "binary:logistic", "binary", since=(2, 0)),
    case("auto-base-poisson", "count:poisson", "count", since=(2, 0)),
    case("auto-base-softprob", "multi:softprob", "classes", since=(3, 1), num_class=3),
    case("dart", "binary:logistic", "binary", rounds=8, booster="dart", rate_drop=0.5, seed=3),
    case("dart-softprob", "multi:softprob", "classes", rounds=5, num_class=3, booster="dart", rate_drop=0.5, seed=3),
    case("gblinear", LINEAR, booster="gblinear", base_score=0.25),
    case("gblinear-logistic", "binary:logistic", "binary", booster="gblinear", base_score=0.3),
    case("gblinear-softprob", "multi:softprob", "classes", booster="gblinear", num_class=3),
    case("forest", "binary:logistic", "binary", rounds=2, num_parallel_tree=3, subsample=0.6, seed=5),
    case(
        "forest-softprob", "multi:softprob", "classes", rounds=2, num_class=3, num_parallel_tree=2, subsample=0.6,
        seed=5,
    ),
    case("targets", LINEAR, "targets", since=(1, 6)),
    case("multilabel", "binary:logistic", "multilabel", since=(1, 6)),
    case(
        "vector-targets", LINEAR, "targets", since=(2, 0), multi_strategy="multi_output_tree", tree_method="hist"
    ),
    case(
        "vector-softprob", "multi:softprob", "classes", since=(2, 0), num_class=3, tree_method="hist",
        multi_strategy="multi_output_tree",
    ),
    case("onehot", "binary:logistic", "binary", since=(1, 6), data="codes", tree_method="hist", max_cat_to_onehot=99),
    case("partition", LINEAR, since=(1, 6), data="codes", tree_method="hist", max_cat_to_onehot=1),
    case(
        "partition-vector", LINEAR, "targets", since=(2, 0), data="codes", tree_method="hist", max_cat_to_onehot=1,
        multi_strategy="multi_output_tree",
    ),
    case("strings", LINEAR, since=(3, 1), data="strings", tree_method="hist", max_cat_to_onehot=1),
    case("no-trees", "binary:logistic", "binary", rounds=0, base_score=0.3),
    case("no-trees-auto", "count:poisson", "count", rounds=0, since=(2, 0)),
    case("single-leaf", "binary:logistic", "binary", rounds=2, min_child_weight=10000.0, base_score=0.3),
    case("pruned", LINEAR, rounds=5, gamma=8.0, max_depth=5, tree_method="exact"),
    case("lossguide", LINEAR, grow_policy="lossguide", max_leaves=12, max_depth=0, tree_method="hist"),
    case("deep", LINEAR, rounds=2, max_depth=14, min_child_weight=0.0, reg_lambda=0.0),
    case("names", "binary:logistic", "binary", since=(1, 0), data="names"),
    case("sliced", "multi:softprob", "classes", since=(1, 3), rounds=5, num_class=3),
    case("early-stopping", "binary:logistic", "binary", rounds=30, eta=1.0),
]

WORDS = ["zz", "apple", "Äpfel", "bread", "crème", "dill", "商品"]
NAMES = ['plain', 'with "quotes"', "comma, and\ttab", "back\\slash", "naïve 商品", "{brace}"]


def frame(codes, data):
    """Columns 3 to 5 become categories: small codes, larger codes, or strings and integers."""
    import pandas as pd

    table = pd.DataFrame({"f%d" % i: codes[:, i] for i in range(FEATURES)})
    if data == "strings":
        text = [None if np.isnan(v) else WORDS[int(v)] for v in codes[:, 3]]
        table["f3"] = pd.Categorical(text, categories=sorted(WORDS))
        ints = [None if np.isnan(v) else int(v) * 11 + 5 for v in codes[:, 4]]
        table["f4"] = pd.Categorical(ints, categories=[int(v) * 11 + 5 for v in range(12)])
    return table


def coded(x):
    codes = x.copy()
    for column, kinds in ((3, 7), (4, 12), (5, 40)):
        codes[:, column] = np.where(np.isnan(x[:, column]), np.nan, np.abs(np.round(x[:, column] * 8)) % kinds)
    return codes


def matrices(spec, x, signal, rows):
    """Training matrix, scoring matrix, scoring rows as this library sees them."""
    extra = dict(MISSING)
    if spec["data"] == "names":
        extra["feature_names"] = NAMES if VERSION >= (1, 0) else None
    if spec["data"] in ("codes", "strings"):
        x, rows = coded(x), coded(rows)
        if spec["data"] == "codes":
            extra = {"feature_types": ["q"] * 3 + ["c"] * 3, "enable_categorical": True}
            rows[3, 3:] = [7, 15, 55]  # unseen
            rows[4, 3:] = [1.75, 3.5, 0.25]  # fractions truncate
            rows[5, 3] = 1e9  # far beyond every set
        else:
            extra = {"enable_categorical": True}
    made = lambda values: frame(values, "strings") if spec["data"] == "strings" else values
    if spec["kind"] == "aft":
        times = labels("positive", signal)
        train = xgb.DMatrix(made(x), **extra)
        train.set_float_info("label_lower_bound", times)
        train.set_float_info("label_upper_bound", np.where(signal > 1.5, np.inf, times).astype(np.float32))
    else:
        train = xgb.DMatrix(made(x), label=labels(spec["kind"], signal), **extra)
    if spec["objective"].startswith("rank:"):
        train.set_group([20] * 12)
    if VERSION < (1, 4) and spec["data"] == "numeric":
        rows[6, 0], rows[7, 1] = np.inf, -np.inf
    matrix = xgb.DMatrix(made(rows), **extra)
    if spec["data"] == "strings":  # the engine takes codes: places in the model's own list of categories
        order = [sorted(WORDS).index(word) for word in WORDS]
        rows[:, 3] = [v if np.isnan(v) else order[int(v)] for v in rows[:, 3]]
    return train, matrix, rows


def write(path, arrays):
    with open(path, "wb") as out:
        for name, values in arrays:
            values = np.ascontiguousarray(values, dtype="<f4")
            out.write((" ".join([name] + [str(size) for size in values.shape]) + "\n").encode())
            out.write(values.tobytes())


def outputs(spec, booster, matrix, rows):
    arrays = [("rows", rows)]

    # Without a limit, 0.x drops trees of dart at random when it predicts.
    dart = spec["params"].get("booster") == "dart"
    limit = {"ntree_limit": spec["rounds"]} if dart and VERSION < (1, 0) else {}

    def add(name, **options):
        options = dict(limit, **options)
        try:
            arrays.append((name, booster.predict(matrix, **options)))
        except Exception as error:  # the release does not offer this output for this model
            print("   %s: no %s: %s" % (spec["name"], name, str(error).strip().splitlines()[0][:100]))

    add("score")
    add("margin", output_margin=True)
    linear = spec["params"].get("booster") == "gblinear"
    if not linear:
        # Leaves do not depend on drops, and before 0.7 their limit counts trees, not iterations.
        add("leaf", pred_leaf=True, **dict.fromkeys(limit, 0))
    vector = spec["params"].get("multi_strategy") == "multi_output_tree"
    # 0.x leaves dart's weights out of the contributions, and 0.7 counts pruned leaves into their bias.
    pruned = spec["name"] == "pruned" and VERSION == (0, 7)
    if not (vector and VERSION < (3, 3)) and not (dart and VERSION < (1, 0)) and not pruned:
        add("contributions", pred_contribs=True)
        if not linear and spec["name"] not in ("deep", "forest-softprob"):
            add("interactions", pred_interactions=True)
    if VERSION >= (1, 4) and spec["rounds"] >= 4 and not linear:
        add("margin-1-3", output_margin=True, iteration_range=(1, 3))
        add("leaf-0-2", pred_leaf=True, iteration_range=(0, 2))
    if VERSION >= (1, 4) and spec["data"] == "numeric":
        infinite = rows.copy()
        infinite[6, 0], infinite[7, 1] = np.inf, -np.inf
        try:
            arrays.append(("infinite-rows", infinite))
            arrays.append(("infinite-margin", booster.inplace_predict(infinite, predict_type="margin")))
        except Exception as error:
            arrays.pop()
            print("   %s: no infinite rows: %s" % (spec["name"], str(error).splitlines()[0][:100]))
    return arrays


def save(booster, base):
    """The model in every format this release writes."""
    binary = {True: ".model", False: ".deprecated"}[VERSION < (2, 1)]
    if VERSION < (3, 1):
        try:
            booster.save_model(base + binary)
            os.rename(base + binary, base + ".bin")
        except xgb.core.XGBoostError:  # categories and vector leaves have no binary form
            os.remove(base + binary)
    if VERSION < (0, 6):
        booster.set_param({"save_base64": 1})
        booster.save_model(base + ".bs64")
    if VERSION >= (1, 0):
        booster.save_model(base + ".json")
    if VERSION >= (1, 6):
        booster.save_model(base + ".ubj")


def wrappers(out, x, signal, rows):
    """Pickles: a Booster by every protocol, and the sklearn wrappers."""
    train = xgb.DMatrix(x, label=labels("binary", signal), **MISSING)
    params = dict(QUIET, objective="binary:logistic", max_depth=3, base_score=0.4)
    booster = xgb.train(params, train, 4)
    if VERSION >= (0, 6):
        booster.set_attr(note="kept")
    for protocol in (0, 2, 4):
        with open(os.path.join(out, "booster-p%d.pkl" % protocol), "wb") as file:
            pickle.dump(booster, file, protocol=protocol)
    matrix = xgb.DMatrix(rows, **MISSING)
    arrays = [("rows", rows), ("score", booster.predict(matrix)), ("margin", booster.predict(matrix, output_margin=True))]
    for protocol in (0, 2, 4):
        write(os.path.join(out, "booster-p%d.expect" % protocol), arrays)
    classes = labels("classes", signal).astype(int)
    for name, model, y in (
        ("classifier", xgb.XGBClassifier(n_estimators=4, max_depth=3), classes),
        ("regressor", xgb.XGBRegressor(n_estimators=4, max_depth=3, objective=LINEAR), signal),
    ):
        model.fit(x, y)
        for protocol in (2, 4):
            base = os.path.join(out, "%s-p%d" % (name, protocol))
            with open(base + ".pkl", "wb") as file:
                pickle.dump(model, file, protocol=protocol)
            inner = model.get_booster() if VERSION >= (0, 7) else model.booster()
            score = inner.predict(matrix)
            write(base + ".expect", [("rows", rows), ("score", score)])


def main():
    out = os.path.join(sys.argv[1], xgb.__version__)
    if not os.path.isdir(out):
        os.makedirs(out)
    x, signal = training_data()
    for spec in CASES:
        if not spec["since"] <= VERSION <= spec["until"]:
            continue
        base = os.path.join(out, spec["name"])
        train, matrix, rows = matrices(spec, x, signal, score_rows())
        params = dict(QUIET, objective=spec["objective"], max_depth=3, eta=0.4, nthread=1)
        params.update(spec["params"])
        if params.get("booster") == "gblinear":
            params.pop("max_depth")
            params["updater"] = "coord_descent"
        try:
            if spec["name"] == "early-stopping":
                held = xgb.DMatrix(x[:40], label=labels("binary", -signal[:40]), **MISSING)
                booster = xgb.train(
                    params, train, spec["rounds"], evals=[(held, "held")], early_stopping_rounds=3, verbose_eval=False
                )
            else:
                booster = xgb.train(params, train, spec["rounds"])
            if spec["name"] == "sliced":
                booster = booster[1:4]
        except Exception as error:
            print("   %s: not trained: %s" % (spec["name"], str(error).strip().splitlines()[0][:120]))
            continue
        save(booster, base)
        write(base + ".expect", outputs(spec, booster, matrix, rows))
    wrappers(out, x, signal, score_rows())


if __name__ == "__main__":
    main()
