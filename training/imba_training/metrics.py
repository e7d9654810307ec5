"""Metrics of scored pairs, with a weight per customer, which is how they are bootstrapped."""

import numpy as np

TOPS = (1, 5, 10)
FEWEST_RESAMPLES, MOST_RESAMPLES = 200, 1_000  # of the bootstrap; the fewer, the more pairs


class Scored:
    """Scores (probabilities) beside labels (0 or 1) and users, all of shape (pairs,), and a threshold for "likely".

    What can be summed up per customer is; only the ranking metrics look at every pair for every resample. No dot
    products: BLAS starts threads for vectors this short, which takes longer than the sum.
    """

    def __init__(self, labels: np.ndarray, scores: np.ndarray, users: np.ndarray, threshold: float) -> None:
        self.labels, self.scores, self.threshold = labels.astype(np.float64), scores.astype(np.float64), threshold
        self.users, self.customer = np.unique(users, return_inverse=True)
        order = np.argsort(-self.scores, kind="stable")
        self._ranked_customer, self._ranked_label = self.customer[order], self.labels[order]
        ranked = self.scores[order]
        self._ties = np.flatnonzero(np.concatenate(([True], ranked[1:] != ranked[:-1])))
        self._sums = self._sums_by_customer()
        self._by_customer = {"basket_f1": self._basket_f1()} | self._tops()

    def metrics(self, weights: np.ndarray | None = None) -> dict[str, float]:
        """Every metric by name, NaN where undefined; `weights`, shape (customers,), say how often each counts."""
        weights = np.ones(len(self.users)) if weights is None else weights
        sums = {name: float((weights * values).sum()) for name, values in self._sums.items()}
        positives, likely = sums["positives"], sums["likely"]
        with np.errstate(divide="ignore", invalid="ignore"):
            found = {
                **dict(zip(("auc", "average_precision"), self._ranking(weights), strict=True)),
                "log_loss": sums["loss"] / sums["pairs"],
                "brier": sums["squares"] / sums["pairs"],
                "precision": float(np.divide(sums["hits"], likely)),
                "recall": float(np.divide(sums["hits"], positives)),
                "f1": float(np.divide(2 * sums["hits"], likely + positives)),
            }
        for name, values in self._by_customer.items():
            counts = ~np.isnan(values)
            total = weights[counts].sum()
            found[name] = float((weights[counts] * values[counts]).sum() / total) if total else float("nan")
        return found

    def _sums_by_customer(self) -> dict[str, np.ndarray]:
        chance = np.clip(self.scores, 1e-15, 1 - 1e-15)
        likely = self.scores > self.threshold
        per_pair = {
            "pairs": np.ones(len(self.labels)),
            "positives": self.labels,
            "likely": likely,
            "hits": likely * self.labels,
            "loss": -np.where(self.labels == 1, np.log(chance), np.log1p(-chance)),
            "squares": (self.scores - self.labels) ** 2,
        }
        return {
            name: np.bincount(self.customer, values.astype(np.float64), len(self.users))
            for name, values in per_pair.items()
        }

    def _ranking(self, weights: np.ndarray) -> tuple[float, float]:
        """Area under ROC, and average precision; pairs of the same score stand or fall together."""
        weight = weights[self._ranked_customer]
        positive = weight * self._ranked_label
        positives = np.add.reduceat(positive, self._ties)
        negatives = np.add.reduceat(weight, self._ties) - positives
        above, below = np.cumsum(positives), np.cumsum(negatives)
        if not above[-1] or not below[-1]:
            return float("nan"), float("nan")
        auc = float((negatives * (above - positives / 2)).sum() / above[-1] / below[-1])
        called = above + below
        precision = np.divide(above, called, out=np.zeros_like(above), where=called > 0)
        return auc, float((positives * precision).sum() / above[-1])

    def _basket_f1(self) -> np.ndarray:
        """F1 of each customer's predicted basket, the metric of Kaggle's Instacart competition: an empty basket is the
        basket {None}, so that predicting nothing where nothing is reordered is right, and nothing else is then."""
        hits, likely, actual = (self._sums[name] for name in ("hits", "likely", "positives"))
        both = 2 * hits / np.maximum(likely + actual, 1)
        return np.where((likely == 0) & (actual == 0), 1.0, both)

    def _tops(self) -> dict[str, np.ndarray]:
        """Precision and recall among the k best scores of each customer; recall is NaN for one without reorders."""
        order = np.lexsort((-self.scores, self.customer))
        sizes = np.bincount(self.customer, minlength=len(self.users))
        place = np.arange(len(order)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
        found = {}
        for k in TOPS:
            top = order[place < k]
            hits = np.bincount(self.customer[top], self.labels[top], len(self.users))
            found[f"precision_at_{k}"] = hits / np.minimum(sizes, k)
            with np.errstate(divide="ignore", invalid="ignore"):
                found[f"recall_at_{k}"] = np.where(self._sums["positives"] > 0, hits / self._sums["positives"], np.nan)
        return found


def intervals(models: dict[str, Scored], seed: int = 0) -> dict[str, dict[str, dict[str, float]]]:
    """For each model and metric `value` and its 95 % interval `low` to `high`; all models of the same pairs.

    The bootstrap draws customers, not pairs, because the pairs of one customer resemble each other; it draws the same
    customers for every model, and so gives intervals of their differences to the first one: `minus_first`.
    """
    first = next(iter(models.values()))
    customers, pairs = len(first.users), len(first.labels)
    resamples = int(np.clip(2e8 // pairs, FEWEST_RESAMPLES, MOST_RESAMPLES))
    rng = np.random.default_rng(seed)
    values = {name: scored.metrics() for name, scored in models.items()}
    drawn: dict[str, list[dict[str, float]]] = {name: [] for name in models}
    for _ in range(resamples):
        weights = np.bincount(rng.integers(customers, size=customers), minlength=customers).astype(np.float64)
        for name, scored in models.items():
            drawn[name].append(scored.metrics(weights))
    columns = {
        name: {metric: np.array([row[metric] for row in rows]) for metric in values[name]}
        for name, rows in drawn.items()
    }
    lead = next(iter(models))
    result = {}
    for name in models:
        result[name] = {}
        for metric, value in values[name].items():
            found = _interval(value, columns[name][metric])
            if found and name != lead:
                difference = columns[name][metric] - columns[lead][metric]
                found["minus_first"] = _interval(value - values[lead][metric], difference)
            if found:
                result[name][metric] = found
    return result


def _interval(value: float, drawn: np.ndarray) -> dict[str, float] | None:
    drawn = drawn[~np.isnan(drawn)]
    if np.isnan(value) or not len(drawn):
        return None
    low, high = np.quantile(drawn, (0.025, 0.975))
    return {"value": float(value), "low": float(low), "high": float(high)}
