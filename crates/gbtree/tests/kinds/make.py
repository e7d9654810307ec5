"""Writes models in the containers and corner cases that people have, with what the official package says of them.

    python make.py OUT_DIR

makes OUT_DIR/<release>/<case>.<ending> and beside each either <case>.expect, the arrays as in ../golden, or
<case>.refused, words that a refusal must hold. Needs the release of xgboost, numpy, scikit-learn, joblib and pandas;
with 3.2.0 also dill, cloudpickle and lz4. README.md tells which releases the archives here were made with.
"""

import bz2
import collections
import gzip
import io
import json
import lzma
import os
import pickle
import sys
import tarfile
import warnings
from typing import ClassVar

import joblib
import numpy as np
import xgboost as xgb

warnings.filterwarnings("ignore")
VERSION = tuple(int(part) for part in xgb.__version__.split(".")[:2])
OUT = os.path.join(sys.argv[1], xgb.__version__)
os.makedirs(OUT, exist_ok=True)
RNG = np.random.RandomState(5)
X = RNG.normal(size=(120, 4)).astype(np.float32)
X[RNG.uniform(size=X.shape) < 0.1] = np.nan
Y = (np.nan_to_num(X[:, 0]) - np.nan_to_num(X[:, 1]) > 0).astype(np.float32)
ROWS = X[:12]


def path(name):
    return os.path.join(OUT, name)


def keep(name, content):
    with open(path(name), "wb") as out:
        out.write(content)


def expect(name, rows=ROWS, **arrays):
    with open(path(name + ".expect"), "wb") as out:
        for key, values in dict(rows=rows, **arrays).items():
            values = np.ascontiguousarray(values, dtype="<f4")
            out.write((" ".join([key] + [str(side) for side in values.shape]) + "\n").encode())
            out.write(values.tobytes())


def expect_booster(name, booster, rows=ROWS, contributions=True):
    data = xgb.DMatrix(rows, feature_names=booster.feature_names)
    arrays = {
        "score": booster.predict(data),
        "margin": booster.predict(data, output_margin=True),
        "leaf": booster.predict(data, pred_leaf=True),
    }
    if contributions:
        arrays["contributions"] = booster.predict(data, pred_contribs=True)
    expect(name, rows, **arrays)


def refused(name, words):
    keep(name + ".refused", words.encode())


def save(name, booster):
    booster.save_model(path(name))


def classifier(**params):
    return xgb.XGBClassifier(**dict({"n_estimators": 5, "max_depth": 3, "n_jobs": 1}, **params)).fit(X, Y)


def base_scores():
    """Links at the edges of their domains."""
    for objective in ("binary:logistic", "reg:logistic", "reg:gamma", "count:poisson", "binary:logitraw"):
        params = {"objective": objective, "max_depth": 2, "base_score": 0.5}
        booster = xgb.train(params, xgb.DMatrix(X, label=Y + (objective == "reg:gamma")), 2)
        save("base.json", booster)
        with open(path("base.json")) as source:
            document = json.load(source)
        os.remove(path("base.json"))
        for text in ("0", "1E-38", "1E-7", "1E-6", "2E-6", "9.99998E-1", "9.999999E-1", "1", "2", "-8E-1"):
            stored = "[%s]" % text if VERSION >= (3, 1) else text
            document["learner"]["learner_model_param"]["base_score"] = stored
            name = "base-%s-%s" % (objective.replace(":", "-"), text.replace(".", "_"))
            keep(name + ".json", json.dumps(document).encode())
            try:
                loaded = xgb.Booster(model_file=path(name + ".json"))
                margin = loaded.predict(xgb.DMatrix(ROWS), output_margin=True)
            except xgb.core.XGBoostError:
                refused(name, "base_score")
                continue
            expect(name, margin=margin, score=loaded.predict(xgb.DMatrix(ROWS)))


def equal_labels():
    for name, labels in (("zeros", np.zeros(len(Y))), ("ones", np.ones(len(Y)))):
        booster = xgb.train({"objective": "binary:logistic", "max_depth": 2}, xgb.DMatrix(X, label=labels), 3)
        save("labels-%s.ubj" % name, booster)
        expect_booster("labels-%s" % name, booster)
    rare = np.stack([Y, np.zeros(len(Y)), (np.arange(len(Y)) == 3).astype(float)], axis=1)
    booster = xgb.train({"objective": "binary:logistic", "max_depth": 2}, xgb.DMatrix(X, label=rare), 3)
    save("labels-rare.json", booster)
    expect_booster("labels-rare", booster)


def without_cover():
    """Trees refreshed with fewer rows than they have leaves."""
    booster = xgb.train({"max_depth": 4, "eta": 1.0}, xgb.DMatrix(X, label=np.nan_to_num(X[:, 0])), 3)
    few = xgb.DMatrix(X[:4], label=np.nan_to_num(X[:4, 0]))
    params = {"process_type": "update", "updater": "refresh", "refresh_leaf": False, "max_depth": 4}
    booster = xgb.train(params, few, 3, xgb_model=booster)
    save("refreshed.ubj", booster)
    expect_booster("refreshed", booster)


def crossing_quantiles():
    """Margins of several quantiles may cross; since 3.4 the scores do not."""
    params = {"objective": "reg:quantileerror", "quantile_alpha": [0.2, 0.4, 0.45, 0.5], "max_depth": 3, "eta": 0.9}
    booster = xgb.train(params, xgb.DMatrix(X, label=np.nan_to_num(X[:, 0] - X[:, 1] * X[:, 2])), 5)
    save("quantiles.ubj", booster)
    expect_booster("quantiles", booster)


def old_forest():
    """Several trees per round, which files before 1.6 do not say; early stopping does."""
    data = xgb.DMatrix(X, label=Y)
    params = {"objective": "binary:logistic", "num_parallel_tree": 3, "subsample": 0.7, "max_depth": 2, "eta": 1.0}
    held = xgb.DMatrix(X[::-1], label=1 - Y)
    booster = xgb.train(params, data, 6, evals=[(held, "held")], early_stopping_rounds=2, verbose_eval=False)
    booster = xgb.train(params, data, 3, evals=[(data, "train")], early_stopping_rounds=3, verbose_eval=False)
    for ending in ("json", "bin"):
        save("forest-%s.%s" % (ending, ending), booster)
        expect_booster("forest-%s" % ending, booster)
    wrapper = classifier(num_parallel_tree=3, n_estimators=2, subsample=0.7, use_label_encoder=False)
    keep("forest-wrapper.pkl", pickle.dumps(wrapper))
    expect("forest-wrapper", score=wrapper.predict_proba(ROWS)[:, 1])


class Subclass(xgb.XGBClassifier):
    pass


class Holder:
    def __init__(self, model):
        self.model = model
        self.threshold = 0.4


class Scaling:
    def fit(self, x, y=None):
        self.n_features_in_ = x.shape[1]
        return self

    def transform(self, x):
        return x * 2


def containers():
    import cloudpickle
    import dill
    from sklearn.calibration import CalibratedClassifierCV
    from sklearn.model_selection import GridSearchCV, RandomizedSearchCV
    from sklearn.multiclass import OneVsRestClassifier
    from sklearn.pipeline import Pipeline
    from sklearn.preprocessing import FunctionTransformer, LabelEncoder, StandardScaler

    model = classifier()
    booster = model.get_booster()
    raw = bytes(booster.save_raw("ubj"))

    def same(name, content, contributions=True):
        keep(name, content)
        expect_booster(name.partition(".")[0], booster)

    for name, stored in [
        ("tuple", (model, {"auc": 0.9})),
        ("list", ["notes", model]),
        ("dict", {"model": model, "features": list("abcd"), "labels": LabelEncoder().fit([0, 1])}),
        ("ordered", collections.OrderedDict(model=model, encoder=None)),
        ("nested", {"a": [({"b": booster},)]}),
        ("twice", (model, model.get_booster())),
        ("object-array", np.array([model, None], dtype=object)),
        ("holder", Holder(model)),
        ("passthrough", Pipeline([("nothing", "passthrough"), ("xgb", model)])),
        ("pipeline", Pipeline([("xgb", model)])),
    ]:
        for protocol in (2, 4):
            same("%s-%d.pkl" % (name, protocol), pickle.dumps(stored, protocol=protocol))
        same("%s-dill.pkl" % name, dill.dumps(stored, recurse=False))
        same("%s-cloudpickle.pkl" % name, cloudpickle.dumps(stored))
        buffer = io.BytesIO()
        joblib.dump(stored, buffer)
        same("%s-joblib.joblib" % name, buffer.getvalue())

    for kind in ("zlib", "gzip", "bz2", "lzma", "xz", "lz4"):
        for level in (1, 9):
            file = path("compressed-%s-%d.joblib" % (kind, level))
            joblib.dump({"model": model, "array": np.arange(7)}, file, compress=(kind, level))
            expect_booster("compressed-%s-%d" % (kind, level), booster)
    arrays = {
        "a": np.arange(12, dtype=np.int16).reshape(3, 4),
        "b": np.asfortranarray(np.ones((3, 5))),
        "c": np.array(["red", "blue"]),
        "d": np.array(["x", None, {"y": 1}], dtype=object),
        "e": np.zeros(3, dtype=[("u", "i4"), ("v", "f8")]),
        "f": np.array(["2020-01-01"], dtype="datetime64[D]"),
        "g": np.zeros((0, 3)),
        "model": model,
        "h": np.array([True, False]),
    }
    joblib.dump(arrays, path("arrays.joblib"))
    expect_booster("arrays", booster)
    joblib.dump(arrays, path("arrays-old.joblib"), protocol=2)
    expect_booster("arrays-old", booster)

    subclass = Subclass(n_estimators=5, max_depth=3, n_jobs=1).fit(X, Y)
    for name, dumps in (("pickle", pickle.dumps), ("dill", dill.dumps), ("cloudpickle", cloudpickle.dumps)):
        keep("subclass-%s.pkl" % name, dumps(subclass))
        expect_booster("subclass-%s" % name, subclass.get_booster())
    for name, search in [
        ("grid", GridSearchCV(xgb.XGBClassifier(n_estimators=3), {"max_depth": [2, 3]}, cv=2)),
        ("random", RandomizedSearchCV(xgb.XGBClassifier(n_estimators=3), {"max_depth": [2, 3]}, n_iter=2, cv=2)),
        (
            "grid-pipeline",
            GridSearchCV(Pipeline([("m", xgb.XGBClassifier(n_estimators=3))]), {"m__max_depth": [2]}, cv=2),
        ),
    ]:
        search.fit(X, Y)
        best = search.best_estimator_
        best = best.steps[-1][1] if isinstance(best, Pipeline) else best
        keep("search-%s.pkl" % name, pickle.dumps(search))
        expect_booster("search-%s" % name, best.get_booster())
        joblib.dump(search, path("search-%s-joblib.joblib" % name), compress=3)
        expect_booster("search-%s-joblib" % name, best.get_booster())

    # What a wrapper does beside its Booster.
    for missing in (0, -999.0, np.float32(-1), float("nan")):
        x = X.copy()
        x[np.isnan(x)] = missing
        wrapper = xgb.XGBClassifier(n_estimators=5, max_depth=3, missing=missing).fit(x, Y)
        name = "missing-%s" % missing
        keep(name + ".pkl", pickle.dumps(wrapper))
        expect(
            name, x[:12], score=wrapper.predict_proba(x[:12])[:, 1], margin=wrapper.predict(x[:12], output_margin=True)
        )
    wrapper = xgb.XGBClassifier(n_estimators=40, early_stopping_rounds=3, eval_metric="logloss", learning_rate=1.0)
    wrapper.fit(X, Y, eval_set=[(X[::-1], np.roll(Y, 7))], verbose=False)
    keep("early.pkl", pickle.dumps(wrapper))
    rows = np.nan_to_num(ROWS)
    expect("early", rows, score=wrapper.predict_proba(rows)[:, 1], margin=wrapper.predict(rows, output_margin=True))
    keep("early-booster.pkl", pickle.dumps(wrapper.get_booster()))
    expect_booster("early-booster", wrapper.get_booster())

    # Archives and compressed files.
    half = len(raw) // 2
    same("members.ubj", gzip.compress(raw[:half]) + gzip.compress(raw[half:]))
    same("padded.ubj", gzip.compress(raw) + bytes(100))
    same("bz2.ubj", bz2.compress(raw))
    same("xz.ubj", lzma.compress(raw))
    same("lzma.ubj", lzma.compress(raw, format=lzma.FORMAT_ALONE))
    text = bytes(booster.save_raw("json"))
    for name, files in [
        ("tar-ubj", {"model.ubj": raw, "code/inference.py": b"import xgboost"}),
        ("tar-json", {"./model.json": text, "./code/model.json": b"{}", "./metrics.json": b'{"auc": 1}'}),
        ("tar-pkl", {"model.pkl": pickle.dumps(model), "code/requirements.txt": b"xgboost"}),
        ("tar-xgb", {"model/model.xgb": raw, "MLmodel": b"flavors:\n  xgboost: {}\n"}),
        ("tar-other", {"booster-7": raw, "notes.txt": b"hello"}),
        ("tar-gz", {"xgboost-model": gzip.compress(raw)}),
    ]:
        same(name + ".tar", archive(files))
    keep("tar-two.tar", archive({"a.ubj": raw, "b.json": text}))
    refused("tar-two", "several models: a.ubj, b.json")

    # Not the model alone, or not a model.
    scaled = Pipeline([("scaler", StandardScaler()), ("xgb", xgb.XGBClassifier(n_estimators=2))]).fit(
        np.nan_to_num(X), Y
    )
    function = Pipeline([("log", FunctionTransformer(np.abs)), ("xgb", model)])
    for name, stored, words in [
        ("scaled", scaled, 'the step "scaler" (sklearn.preprocessing._data.StandardScaler)'),
        ("function", function, 'the step "log"'),
        ("own", Pipeline([("mine", Scaling().fit(X)), ("xgb", model)]), 'the step "mine" (__main__.Scaling)'),
        ("beside", {"scaler": StandardScaler().fit(X), "model": model}, 'StandardScaler at ["scaler"]'),
        ("beside-own", {"prepare": Scaling().fit(X), "model": model}, 'Scaling at ["prepare"]'),
        ("calibrated", CalibratedClassifierCV(model, cv="prefit").fit(X, Y), "CalibratedClassifierCV"),
        ("rest", OneVsRestClassifier(xgb.XGBClassifier(n_estimators=2)).fit(X, Y), "OneVsRestClassifier"),
        ("several", [model, subclass], "several models, as at [0] and [1]"),
        ("unfitted", xgb.XGBClassifier(), "XGBClassifier was never fitted"),
        ("unfitted-search", GridSearchCV(xgb.XGBClassifier(), {"max_depth": [1]}), "GridSearchCV was never fitted"),
        ("nothing", {"a": [1, 2.5, "b"]}, "a dictionary"),
    ]:
        keep("refused-%s.pkl" % name, pickle.dumps(stored))
        refused("refused-%s" % name, words)
    keep("refused-config.json", booster.save_config().encode())
    refused("refused-config", "save_config")


class Python2(pickle._Pickler):
    """Names as Python 2 writes them."""

    dispatch: ClassVar = dict(pickle._Pickler.dispatch)

    def save_str(self, text):
        if len(text) > 100 or not text.isascii():
            super().save_str(text)
        else:
            self.write(b"S" + repr(text).encode() + b"\n")
            self.memoize(text)

    dispatch[str] = save_str


def protocols():
    """Pickles without a header, in which bytes are text."""
    import pandas as pd

    model = classifier(n_estimators=2, max_depth=2)
    booster = model.get_booster()
    names = ["a", "San Jose", "r\u00e9d", "\u20ac\n\U0001f600"]
    named = xgb.XGBClassifier(n_estimators=2, max_depth=2).fit(pd.DataFrame(X, columns=names), Y)
    x = np.where(np.isnan(X), np.float32(-1), X)
    early = xgb.XGBClassifier(n_estimators=9, early_stopping_rounds=2, learning_rate=1.0, missing=np.float32(-1))
    early.fit(x, Y, eval_set=[(x[::-1], np.roll(Y, 7))], verbose=False)
    for protocol in (0, 1):
        for name, stored in [
            ("wrapper", model),
            ("booster", booster),
            ("dict", {"model": model, "text": "it's \\", "other": [None, True, 1.5, 10**30, b"\xff", {2}]}),
            ("one", {1: booster}),
            ("list", [model, "notes"]),
            ("tuple", ("notes", model)),
            ("ordered", collections.OrderedDict(model=model)),
            ("holder", Holder(model)),
            ("names", named),
        ]:
            name = "protocol-%s-%d" % (name, protocol)
            keep(name + ".pkl", pickle.dumps(stored, protocol=protocol))
            expect_booster(name, (named if "names" in name else model).get_booster(), contributions=False)
        name = "protocol-early-%d" % protocol
        keep(name + ".pkl", pickle.dumps(early, protocol=protocol))
        rows = x[:12]
        expect(name, rows, score=early.predict_proba(rows)[:, 1], margin=early.predict(rows, output_margin=True))
        for name, stored, words in [
            ("scaling", {"prepare": Scaling().fit(X), "model": model}, 'Scaling at ["prepare"]'),
            ("several", [model, named], "several models, as at [0] and [1]"),
            ("unfitted", [xgb.XGBClassifier()], "XGBClassifier was never fitted"),
        ]:
            keep("protocol-%s-%d.pkl" % (name, protocol), pickle.dumps(stored, protocol=protocol))
            refused("protocol-%s-%d" % (name, protocol), words)
    buffer = io.BytesIO()
    Python2(buffer, 0).dump({'it\'s "x"': booster})
    keep("protocol-python2.pkl", buffer.getvalue())
    expect_booster("protocol-python2", booster, contributions=False)


def archive(files):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


def categories():
    """Codes for rows without names; the values they stand for are in the models."""
    import pandas as pd

    colours = ["blue", "green", "r\u00e9d", "zo\u00eb"] if VERSION >= (3, 4) else ["blue", "green", "red", "white"]
    frame = pd.DataFrame(
        {
            "colour": pd.Categorical(RNG.choice(colours, 120), categories=colours),
            "shop": pd.Categorical(RNG.choice([27, 5, 300], 120), categories=[27, 5, 300]),
            "x": X[:, 0],
        }
    )
    data = xgb.DMatrix(frame, label=Y + (frame.colour == "green"), enable_categorical=True)
    booster = xgb.train({"max_depth": 4, "max_cat_to_onehot": 1}, data, 4)
    save("categories.ubj", booster)
    codes = np.stack([frame.colour.cat.codes, frame.shop.cat.codes, frame.x], axis=1)[:12]
    values = xgb.DMatrix(frame[:12], enable_categorical=True)
    expect("categories", codes, score=booster.predict(values), leaf=booster.predict(values, pred_leaf=True))


def blanks():
    """Categories that differ by blanks alone."""
    import pandas as pd

    towns = ["San Jose", "a", " a", "a ", "New  York", "\t", "b"]
    town = np.array(towns)[np.arange(120) % len(towns)]
    frame = pd.DataFrame({"town": pd.Categorical(town, categories=towns), "x": X[:, 0]})
    labels = (np.arange(120) % len(towns)).astype(float) ** 2
    data = xgb.DMatrix(frame, label=labels, enable_categorical=True)
    booster = xgb.train({"max_depth": 4, "max_cat_to_onehot": 1}, data, 4)
    save("categories-blanks.ubj", booster)
    values = xgb.DMatrix(frame[:12], enable_categorical=True)
    codes = np.stack([frame.town.cat.codes, frame.x], axis=1)[:12]
    expect("categories-blanks", codes, score=booster.predict(values), leaf=booster.predict(values, pred_leaf=True))


if VERSION == (1, 5):
    old_forest()
elif VERSION >= (3, 1):
    base_scores()
    categories()
    if VERSION >= (3, 2):
        equal_labels()
    if VERSION >= (3, 4):
        without_cover()
        crossing_quantiles()
    if VERSION == (3, 2):
        containers()
        protocols()
        blanks()
else:
    base_scores()
