"""The model's card: what travels in the model file itself, as the XGBoost attributes `imba.card` and `imba.threshold`.

The card is one JSON object. The service shows it, takes its threshold from it and compares what it is asked with the
quantiles in it. Readers treat every part but `version` as optional.
"""

import json
import os
import time
from collections.abc import Sequence

import numpy as np
import xgboost

from . import __version__, dependence
from .dataset import Dataset
from .failures import Failure

VERSION = 1
LIMIT = 64 * 1024  # bytes
LEVELS = (0, 0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99, 1)
MOST_BINS = 24
SCORE_BINS = 50

Card = dict[str, object]


def build(
    booster: xgboost.Booster,
    *,
    trained_at: str,
    fitted: Dataset,
    scores: np.ndarray,
    threshold: Card,
    metrics: Card,
    calibration: list[Card],
    data: Card,
) -> Card:
    """The card of `booster`, fitted on `fitted`; `scores` are of the test pairs, `data` is source and fingerprints."""
    edges = np.linspace(0, 1, SCORE_BINS + 1)
    directions = dependence.directions(booster, fitted)
    return {
        "version": VERSION,
        "trained_at": trained_at,
        "data": {
            **{name: value for name, value in data.items() if value},
            "rows": len(fitted),
            "customers": len(np.unique(fitted.users)),
            "positive_share": _short(fitted.labels.mean()),
        },
        "software": {"imba_training": __version__, "xgboost": xgboost.__version__},
        "objective": "binary:logistic",
        "trees": booster.num_boosted_rounds(),
        "threshold": threshold,
        "metrics": {name: {k: _short(v) for k, v in found.items()} for name, found in metrics.items()},
        "calibration": [{name: _short(value) for name, value in part.items()} for part in calibration],
        "scores": {"edges": [_short(e) for e in edges], "counts": np.histogram(scores, edges)[0].tolist()},
        "features": [
            {"name": name, **_summary(fitted.rows[:, index]), "direction": directions[index]}
            for index, name in enumerate(fitted.names)
        ],
    }


def now() -> str:
    """The time as the card spells it; SOURCE_DATE_EPOCH replaces it, for builds that must give the same bytes."""
    given = os.environ.get("SOURCE_DATE_EPOCH", "")
    if given and not given.isdigit():
        raise Failure(f"SOURCE_DATE_EPOCH={given}: seconds since 1970 are expected")
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(int(given) if given else None))


def attach(booster: xgboost.Booster, card: Card) -> None:
    """Writes the card into the model. With very many features it goes without their histograms, or without them."""
    for drop in ((), ("histogram",), ("histogram", "quantiles"), None):
        features = [] if drop is None else [{k: v for k, v in f.items() if k not in drop} for f in card["features"]]
        text = json.dumps(card | {"features": features}, separators=(",", ":"), allow_nan=False)
        if len(text) <= LIMIT:
            break
    booster.set_attr(**{"imba.card": text, "imba.threshold": repr(card["threshold"]["value"])})


def read(booster: xgboost.Booster) -> Card | None:
    """The card of a model that has one."""
    text = booster.attr("imba.card")
    return json.loads(text) if text else None


def _summary(values: np.ndarray) -> Card:
    present = values[~np.isnan(values)].astype(np.float64)
    missing = _short(1.0 - len(present) / len(values))
    if not len(present):
        return {"missing_share": missing}
    whole = bool((present == np.round(present)).all())
    quantiles = np.quantile(present, LEVELS, method="inverted_cdf" if whole else "linear")
    edges = _edges(quantiles, whole)
    return {
        "quantiles": {f"{level:g}": _short(value) for level, value in zip(LEVELS, quantiles, strict=True)},
        "missing_share": missing,
        "whole": whole,
        "histogram": {"edges": [_short(e) for e in edges], "counts": np.histogram(present, edges)[0].tolist()},
    }


def _edges(quantiles: Sequence[float], whole: bool) -> np.ndarray:
    """Of even bins between the 1st and the 99th percentile, the outermost widened to the least and greatest values."""
    least, low, high, greatest = quantiles[0], quantiles[1], quantiles[-2], quantiles[-1]
    if whole and greatest - least < MOST_BINS:
        return np.arange(least, greatest + 2) - 0.5
    if high <= low:
        low, high = least, greatest
    if whole:
        step = max(1.0, np.ceil((high - low + 1) / MOST_BINS))
        inner = np.arange(low + step, high + 1, step) - 0.5
        least, greatest = least - 0.5, greatest + 0.5
    else:
        inner = np.linspace(low, high, MOST_BINS + 1)[1:-1]
    inner = np.array([_short(e) for e in inner])
    inner = inner[(inner > least) & (inner < greatest)]
    # The written edges are rounded; the outer ones outwards, so that they hold every value.
    edges = np.unique(np.concatenate(([_outwards(least, -1)], inner, [_outwards(greatest, 1)])))
    return edges if len(edges) > 1 else np.array([least - 0.5, least + 0.5])


def _outwards(value: float, side: int) -> float:
    rounded = _short(value)
    if (rounded - value) * side < 0:
        rounded = _short(value + side * abs(value) * 1e-5)
    return rounded


def _short(value: float) -> float | int:
    """Six digits, which is more than any reader needs; whole numbers without a point."""
    value = float(value)
    if value == int(value) and abs(value) < 2**53:
        return int(value)
    return float(f"{value:.6g}")
