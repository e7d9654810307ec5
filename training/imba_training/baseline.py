"""`baseline.json`: what the training data looked like, for later drift checks."""

import numpy as np

from .columns import FEATURES
from .dataset import Dataset

LEVELS = (0.0, 0.01, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 1.0)


def baseline(train: Dataset, scores: np.ndarray) -> dict[str, object]:
    """Share of missing values, mean and quantiles of each feature, and of the model's `scores` on unseen pairs."""
    return {
        "pairs": len(train),
        "quantile_levels": LEVELS,
        "features": {name: _summary(train.rows[:, index]) for index, name in enumerate(FEATURES)},
        "score": _summary(scores),
    }


def _summary(values: np.ndarray) -> dict[str, object]:
    present = values[~np.isnan(values)].astype(np.float64)
    return {
        "missing": 1.0 - len(present) / len(values),
        "mean": float(present.mean()) if len(present) else None,
        "quantiles": np.quantile(present, LEVELS).tolist() if len(present) else None,
    }
