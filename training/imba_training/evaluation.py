"""How good scores are: the numbers behind `training.json` and the report."""

import numpy as np
from sklearn import metrics

BINS = 10
THRESHOLDS = np.round(np.arange(0.01, 1.0, 0.01), 2)
SMALL = 200  # customers in the test split, or reorders, below which a result says little

Numbers = dict[str, object]


def evaluate(labels: np.ndarray, scores: np.ndarray, threshold: float) -> Numbers:
    """Figures of `scores` (probabilities) against `labels` (0 or 1), both of shape (pairs,)."""
    decisions = decisions_by_threshold(labels, scores)
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
        "at_best_f1": max(decisions, key=lambda d: d["f1"]),
        "by_threshold": decisions,
        "calibration": calibration(labels, scores),
        "lift": lift(labels, scores),
    }


def decide(labels: np.ndarray, scores: np.ndarray, threshold: float) -> Numbers:
    """What happens when a score above `threshold` counts as "likely"; no precision when none does."""
    likely = scores > threshold
    hits, called, ones = int(labels[likely].sum()), int(likely.sum()), int(labels.sum())
    return {
        "threshold": float(threshold),
        "true_positives": hits,
        "false_positives": called - hits,
        "false_negatives": ones - hits,
        "true_negatives": len(labels) - called - ones + hits,
        "likely": called / len(labels),
        "precision": hits / called if called else None,
        "recall": hits / ones if ones else None,
        "f1": 2 * hits / max(called + ones, 1),
    }


def decisions_by_threshold(labels: np.ndarray, scores: np.ndarray) -> list[Numbers]:
    return [decide(labels, scores, threshold) for threshold in THRESHOLDS]


def calibration(labels: np.ndarray, scores: np.ndarray) -> list[Numbers]:
    """Mean score and share of reorders in bins of equally many pairs, lowest scores first."""
    order = np.argsort(scores, kind="stable")
    return [
        {"predicted": float(scores[part].mean()), "observed": float(labels[part].mean()), "rows": len(part)}
        for part in np.array_split(order, BINS)
        if len(part)
    ]


def calibration_error(labels: np.ndarray, scores: np.ndarray) -> float:
    """The expected calibration error: mean distance of score and share, over the bins of `calibration`."""
    bins = calibration(labels, scores)
    return sum(abs(b["predicted"] - b["observed"]) * b["rows"] for b in bins) / len(labels)


def lift(labels: np.ndarray, scores: np.ndarray) -> list[Numbers]:
    """How many times as often as on average the best-scored 1, 5, 10, 20 and 50 % of the pairs are reordered."""
    ranked = labels[np.argsort(-scores, kind="stable")]
    counts = {share: max(1, round(len(labels) * share)) for share in (0.01, 0.05, 0.1, 0.2, 0.5)}
    return [
        {"share": share, "rows": count, "lift": float(ranked[:count].mean() / labels.mean())}
        for share, count in counts.items()
    ]


def slices(labels: np.ndarray, scores: np.ndarray, values: np.ndarray, parts: int = 4) -> list[Numbers]:
    """The pairs in up to `parts` slices of about as many, by `values`; AUC only where both labels occur."""
    edges = np.unique(np.quantile(values, np.linspace(0, 1, parts + 1)[1:-1]))
    place = np.searchsorted(edges, values, side="left")
    found = []
    for part in np.unique(place):
        here = place == part
        both = 0 < labels[here].sum() < here.sum()
        found.append(
            {
                "from": float(values[here].min()),
                "to": float(values[here].max()),
                "pairs": int(here.sum()),
                "observed": float(labels[here].mean()),
                "predicted": float(scores[here].mean()),
                "auc": float(metrics.roc_auc_score(labels[here], scores[here])) if both else None,
            }
        )
    return found
