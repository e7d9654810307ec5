"""How the score depends on single features: everything else as it is, one feature set to a value for all pairs."""

from dataclasses import dataclass

import numpy as np
import xgboost

from .dataset import Dataset

PAIRS = 400  # in the sample
POINTS = 20  # per feature
TURN = 0.02  # of a curve's range: how far it may go back and still count as monotone


@dataclass(frozen=True)
class Curve:
    """Scores over `values` of one feature: the mean over the pairs, and the middle 80 % of the pairs."""

    values: np.ndarray
    mean: np.ndarray
    low: np.ndarray
    high: np.ndarray


def curve(booster: xgboost.Booster, data: Dataset, feature: int) -> Curve | None:
    """The partial dependence on a feature, at quantiles of its values; None where it has no two values."""
    sample = data.rows[np.sort(np.random.default_rng(0).permutation(len(data))[:PAIRS])]
    present = data.rows[:, feature]
    present = present[~np.isnan(present)]
    if not len(present):
        return None
    values = np.unique(np.quantile(present, np.linspace(0.01, 0.99, POINTS), method="nearest"))
    if len(values) < 2:
        return None
    rows = np.repeat(sample[None], len(values), axis=0)
    rows[:, :, feature] = values[:, None]
    flat = rows.reshape(-1, rows.shape[2])
    scores = booster.inplace_predict(flat, validate_features=False).reshape(len(values), -1).astype(np.float64)
    low, high = np.quantile(scores, (0.1, 0.9), axis=1)
    return Curve(values, scores.mean(axis=1), low, high)


def directions(booster: xgboost.Booster, data: Dataset) -> list[int]:
    """1 for a feature whose higher values raise the mean score, -1 where they lower it, 0 where they do neither
    throughout. A feature that no tree splits on does neither."""
    used = set(booster.get_score(importance_type="weight"))
    return [_direction(curve(booster, data, feature)) if name in used else 0 for feature, name in enumerate(data.names)]


def _direction(found: Curve | None) -> int:
    if found is None or not (span := float(np.ptp(found.mean))):
        return 0
    steps = np.diff(found.mean)
    up, down = float(steps[steps > 0].sum()), float(-steps[steps < 0].sum())
    if down <= TURN * span:
        return 1
    return -1 if up <= TURN * span else 0
