"""What a model has to beat: one column, the last basket, and a logistic regression."""

import numpy as np
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from .dataset import Dataset

FITTED_ON = 500_000  # pairs at most, drawn at random: these models do not get better with more
SINCE_LAST = "up_orders_since_last_order"


def scores(train: Dataset, others: dict[str, Dataset]) -> dict[str, dict[str, np.ndarray]]:
    """By name of the baseline, its probabilities for each of `others`; fitted on `train`."""
    part = np.sort(np.random.default_rng(0).permutation(len(train))[:FITTED_ON])
    sample = train.of(part)
    column, sign = best_column(sample)
    found = {f"{'' if sign > 0 else 'low '}{train.names[column]} alone": _logistic(sample, others, [column])}
    if (since := sample.column(SINCE_LAST)) is not None:
        rates = [float((sample.labels[since > 0].sum() + 1) / ((since > 0).sum() + 2)),
                 float((sample.labels[since == 0].sum() + 1) / ((since == 0).sum() + 2))]  # fmt: skip
        found["the last basket again"] = {
            name: np.where(data.column(SINCE_LAST) == 0, rates[1], rates[0]) for name, data in others.items()
        }
    found["logistic regression"] = _logistic(sample, others, list(range(len(train.names))))
    return found


def best_column(data: Dataset) -> tuple[int, int]:
    """The column that alone ranks `data` best, and 1 if high values mean a reorder, else -1. Missing ranks lowest."""
    aucs = []
    for index in range(len(data.names)):
        values = data.rows[:, index]
        lowest = np.nanmin(values) - 1 if not np.isnan(values).all() else 0.0
        aucs.append(roc_auc_score(data.labels, np.nan_to_num(values, nan=lowest)))
    strength = np.abs(np.array(aucs) - 0.5)
    column = int(np.argmax(strength))
    return column, 1 if aucs[column] >= 0.5 else -1


def _logistic(train: Dataset, others: dict[str, Dataset], columns: list[int]) -> dict[str, np.ndarray]:
    pipeline = make_pipeline(
        SimpleImputer(strategy="median", keep_empty_features=True),
        StandardScaler(),
        LogisticRegression(max_iter=1_000),
    )
    pipeline.fit(train.rows[:, columns].astype(np.float64), train.labels)
    return {
        name: pipeline.predict_proba(data.rows[:, columns].astype(np.float64))[:, 1] for name, data in others.items()
    }
