"""`report`: the test results as one self-contained HTML page, and the numbers behind its plots as JSON."""

import json
from pathlib import Path

import numpy as np
import xgboost
from sklearn import metrics

from . import card, dataset, dependence, evaluation, model, page
from .dataset import Dataset
from .failures import Failure
from .metrics import TOPS
from .output import finished_files, say

CURVE_POINTS = 200
EXPLAINED = 2_000  # pairs in the SHAP summary
HISTOGRAM_BINS = 50
DEPENDENCES = 6  # of the features with the strongest contributions

Numbers = dict[str, object]


def report(features: Path, trained: Path, out: Path, threads: int = 1) -> None:
    """Scores the test split with the model in `trained`; writes `report.html` and `report.json` to `out`.

    Refuses features that the model was not trained on, and a model that is not the one of its `training.json`.
    """
    training = _read_training(trained / "training.json")
    booster = model.read(trained / "model.ubj", threads)
    splits = dataset.load(features / "features.parquet")
    _require_same(training, booster, splits, features, trained)
    test = splits["test"]
    say(f"report: scoring {len(test):,} test pairs")
    scores = booster.predict(test.matrix(threads))
    numbers = _numbers(test, scores, booster, training)
    sample = test.of(np.sort(np.random.default_rng(0).permutation(len(test))[:EXPLAINED]))
    contributions = booster.predict(sample.matrix(threads), pred_contribs=True)[:, :-1]
    strength = np.abs(contributions).mean(axis=0)
    numbers["mean_absolute_shap"] = {name: float(value) for name, value in zip(test.names, strength, strict=True)}
    numbers["dependence"] = _dependence(booster, test, strength)
    text = page.page(numbers, training, contributions, sample.rows)
    with finished_files(out) as scratch:
        result = scratch / "result"
        (result / "report.html").write_text(text, encoding="utf-8")
        (result / "report.json").write_text(json.dumps(numbers, indent=2, allow_nan=False) + "\n", encoding="utf-8")
    say(f"report: {out / 'report.html'}")


def _read_training(file: Path) -> Numbers:
    try:
        return json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise Failure(f"{file}: not there; `python -m imba_training train` makes it") from None
    except (OSError, ValueError) as error:
        raise Failure(f"{file}: cannot be read: {error}") from error


def _require_same(
    training: Numbers, booster: xgboost.Booster, splits: dict[str, Dataset], features: Path, trained: Path
) -> None:
    data = training["data"]
    own = (card.read(booster) or {}).get("data", {}).get("fingerprint")
    if own != data["fingerprint"]:
        raise Failure(f"{trained / 'model.ubj'}: not the model that training.json beside it describes; train again")
    model.require_features(booster, trained / "model.ubj", splits["test"].names)
    made = dataset.made_by(features).get("sql_fingerprint")
    if made and data["sql_fingerprint"] and made != data["sql_fingerprint"]:
        raise Failure(f"{features}: made by another query than the features that {trained} was trained on")
    if dataset.fingerprint(splits) != data["fingerprint"]:
        raise Failure(f"{features}: not the features that {trained} was trained on: their values differ")


def _numbers(test: Dataset, scores: np.ndarray, booster: xgboost.Booster, training: Numbers) -> Numbers:
    labels, threshold = test.labels, training["threshold"]["value"]
    false_positives, true_positives, _ = metrics.roc_curve(labels, scores)
    precision, recall, _ = metrics.precision_recall_curve(labels, scores)
    edges = np.linspace(0.0, 1.0, HISTOGRAM_BINS + 1)
    gain = booster.get_score(importance_type="total_gain")
    total = sum(gain.values()) or 1.0
    return {
        "test": evaluation.evaluate(labels, scores, threshold),
        "metrics": training["metrics"],
        "baselines": training["baselines"],
        "splits": training["splits"],
        "threshold": training["threshold"],
        "tops": [
            {"k": k, **{name: training["metrics"].get(f"{name}_at_{k}") for name in ("precision", "recall")}}
            for k in TOPS
        ],
        "roc": _curve(("false_positive_rate", false_positives), ("true_positive_rate", true_positives)),
        "precision_recall": _curve(("recall", recall[::-1]), ("precision", precision[::-1])),
        "score_histogram": {
            "edges": edges.tolist(),
            "others": np.histogram(scores[labels == 0], edges)[0].tolist(),
            "reorders": np.histogram(scores[labels == 1], edges)[0].tolist(),
        },
        "slices": {
            name: evaluation.slices(labels, scores, values) for name, values in _slice_values(test).items()
        },
        "importance": {name: gain.get(name, 0.0) / total for name in test.names},
        "validation_auc_by_trial": [t["auc"] for t in training["trials"] if not t["pruned"]],
        "learning_curve": training["learning_curve"],
    }  # fmt: skip


def _slice_values(test: Dataset) -> dict[str, np.ndarray]:
    """How long the customer's history is and how popular the product: by the 18 features or else by counting pairs."""

    def counted(keys: np.ndarray) -> np.ndarray:
        _, where, counts = np.unique(keys, return_inverse=True, return_counts=True)
        return counts[where]

    orders, popularity = test.column("user_orders"), test.column("prod_orders")
    return {
        **({"history: orders of the customer": orders} if orders is not None
           else {"history: products of the customer": counted(test.users)}),
        **({"popularity: purchases of the product": popularity} if popularity is not None
           else {"popularity: test customers who know the product": counted(test.products)}),
    }  # fmt: skip


def _curve(x: tuple[str, np.ndarray], y: tuple[str, np.ndarray]) -> Numbers:
    """A curve thinned to points that are evenly spaced along x; both ends stay."""
    wanted = np.linspace(x[1][0], x[1][-1], CURVE_POINTS)
    points = np.unique(np.concatenate(([0], np.searchsorted(x[1], wanted).clip(0, len(x[1]) - 1), [len(x[1]) - 1])))
    return {name: values[points].tolist() for name, values in (x, y)}


def _dependence(booster: xgboost.Booster, test: Dataset, strength: np.ndarray) -> dict[str, Numbers]:
    found = {}
    for feature in np.argsort(-strength, kind="stable")[:DEPENDENCES]:
        if curve := dependence.curve(booster, test, int(feature)):
            found[test.names[feature]] = {
                name: getattr(curve, name).tolist() for name in ("values", "mean", "low", "high")
            }
    return found
