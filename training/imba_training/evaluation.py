"""How good scores are: the numbers behind `training.json` and the report."""

import numpy as np
from sklearn import metrics

BINS = 10
THRESHOLDS = np.round(np.arange(0.05, 0.96, 0.05), 2)

Numbers = dict[str, object]


def evaluate(labels: np.ndarray, scores: np.ndarray, threshold: float) -> Numbers:
    """Metrics of `scores` (probabilities) against `labels` (0 or 1), both of shape (pairs,)."""
    best = best_threshold(labels, scores)
    return {
        "pairs": len(labels),
        "reordered": int(labels.sum()),
        "base_rate": float(labels.mean()),
        "auc": float(metrics.roc_auc_score(labels, scores)),
        "log_loss": float(metrics.log_loss(labels, scores)),
        "average_precision": float(metrics.average_precision_score(labels, scores)),
        "brier": float(metrics.brier_score_loss(labels, scores)),
        "calibration_error": calibration_error(labels, scores),
        "at_threshold": decide(labels, scores, threshold),
        "at_best_f1": decide(labels, scores, best),
        "f1_by_threshold": [decide(labels, scores, float(t)) for t in THRESHOLDS],
        "calibration": calibration(labels, scores),
    }


def decide(labels: np.ndarray, scores: np.ndarray, threshold: float) -> Numbers:
    """What happens when a score above `threshold` counts as "likely"; no precision when none does."""
    likely = scores > threshold
    hits = float(labels[likely].sum())
    return {
        "threshold": threshold,
        "likely": float(likely.mean()),
        "precision": hits / int(likely.sum()) if likely.any() else None,
        "recall": hits / float(labels.sum()),
        "f1": 2 * hits / (int(likely.sum()) + float(labels.sum())),
    }


def best_threshold(labels: np.ndarray, scores: np.ndarray) -> float:
    """The threshold above which "likely" gives the greatest F1."""
    precision, recall, thresholds = metrics.precision_recall_curve(labels, scores)
    f1 = 2 * precision * recall / np.maximum(precision + recall, 1e-12)
    return float(np.nextafter(thresholds[int(np.argmax(f1[:-1]))], 0.0))  # the curve's thresholds are inclusive


def calibration(labels: np.ndarray, scores: np.ndarray) -> list[Numbers]:
    """Mean score and share of reorders in bins of equally many pairs, lowest scores first."""
    order = np.argsort(scores, kind="stable")
    return [
        {"score": float(scores[part].mean()), "reordered": float(labels[part].mean()), "pairs": len(part)}
        for part in np.array_split(order, BINS)
        if len(part)
    ]


def calibration_error(labels: np.ndarray, scores: np.ndarray) -> float:
    """The expected calibration error: mean distance of score and share, over the bins of `calibration`."""
    bins = calibration(labels, scores)
    return sum(abs(b["score"] - b["reordered"]) * b["pairs"] for b in bins) / len(labels)
