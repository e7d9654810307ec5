"""The model's examination: against its baselines, with intervals by customer, and what of it goes into the card."""

import numpy as np
import xgboost

from . import baselines, card, evaluation
from .dataset import Dataset
from .metrics import Scored, intervals

Numbers = dict[str, object]


def assess(
    splits: dict[str, Dataset], scores: dict[str, np.ndarray], final: np.ndarray, threshold: float, refitted: Numbers
) -> Numbers:
    """Everything that is measured, on the test users unless it says otherwise.

    `scores` by split are those of the model of the training users alone, `final` those of the final model on the test
    users; `refitted` is told what the refit changed.
    """
    test = splits["test"]
    simple = baselines.scores(splits["train"], {name: splits[name] for name in ("validation", "test")})
    thresholds_of = {
        name: max(
            evaluation.decisions_by_threshold(splits["validation"].labels, s["validation"]), key=lambda d: d["f1"]
        )["threshold"]
        for name, s in simple.items()
    }
    rivals = {name: Scored(test.labels, s["test"], test.users, thresholds_of[name]) for name, s in simple.items()}
    if refitted["used"]:
        rivals["without refit"] = Scored(test.labels, scores["test"], test.users, threshold)
    found = intervals({"model": Scored(test.labels, final, test.users, threshold)} | rivals)
    metrics = found.pop("model")
    if refitted["used"]:
        refitted["test_gain"] = _negative(found.pop("without refit")["auc"]["minus_first"])
    return {
        "test": {"customers": len(np.unique(test.users))} | evaluation.evaluate(test.labels, final, threshold),
        "metrics": metrics,
        "baselines": found,
        "splits": {
            name: Scored(data.labels, scores[name], data.users, threshold).metrics()
            for name, data in splits.items()
        },
    }  # fmt: skip


def _negative(interval: Numbers) -> Numbers:
    return {"value": -interval["value"], "low": -interval["high"], "high": -interval["low"]}


def card_of(booster: xgboost.Booster, numbers: Numbers, fitted: Dataset, scores: np.ndarray) -> card.Card:
    data, metrics = numbers["data"], numbers["metrics"]
    column = next(name for name in numbers["baselines"] if name.endswith(" alone"))
    shown = {name: metrics[name] for name in ("auc", "log_loss", "average_precision", "basket_f1") if name in metrics}
    alone = {k: v for k, v in numbers["baselines"][column]["auc"].items() if k != "minus_first"}
    return card.build(
        booster,
        trained_at=numbers["trained_at"],
        fitted=fitted,
        scores=scores,
        threshold=numbers["threshold"],
        metrics=shown | {"baseline_auc": alone},
        calibration=numbers["test"]["calibration"],
        data={name: data[name] for name in ("source", "fingerprint", "sql_fingerprint")},
    )


def verdict(numbers: Numbers) -> str:
    """Whether the model is better than the best baseline, in one sentence; and that little data says little."""
    name, rival = max(numbers["baselines"].items(), key=lambda item: item[1]["auc"]["value"])
    gain = _negative(rival["auc"]["minus_first"])
    figures = f"{gain['value']:+.4f} AUC [{gain['low']:+.4f}, {gain['high']:+.4f}]"
    if gain["low"] > 0:
        said = f"The model is better than the best baseline, {name}: {figures}."
    elif gain["high"] < 0:
        said = f"The model is worse than the best baseline, {name}: {figures}."
    else:
        said = f"The model cannot be told from the best baseline, {name}: {figures}."
    test = numbers["test"]
    if min(test["customers"], test["reordered"]) < evaluation.SMALL:
        said += (
            f" The test data is small, {test['customers']:,} customers with {test['reordered']:,} reorders: "
            "mind the intervals, other customers would give other figures."
        )
    return said
