"""The report's page: numbers into tables, plots and sentences."""

import html
import json
from importlib import resources
from string import Template

import numpy as np

from . import plots
from .assessment import verdict
from .evaluation import SMALL

Numbers = dict[str, object]

_METRICS = {
    "auc": "area under ROC",
    "average_precision": "average precision",
    "log_loss": "log loss",
    "basket_f1": "mean F1 of the predicted baskets",
    "precision": "of “likely” are right",
    "recall": "of reorders are found",
}


def page(numbers: Numbers, training: Numbers, contributions: np.ndarray, rows: np.ndarray) -> str:
    """The page, from the report's numbers and `training.json`; `contributions` are those of the test pairs `rows`."""
    test, at = numbers["test"], numbers["test"]["at_threshold"]
    template = Template(resources.files(__package__).joinpath("report.html").read_text(encoding="utf-8"))
    text = {
        "verdict": verdict(training),
        "small": "small" if min(training["test"]["customers"], test["reordered"]) < SMALL else "",
        "reason": numbers["threshold"]["reason"],
        "threshold": f"{at['threshold']:g}",
        "pairs": f"{test['pairs']:,}",
        "customers": f"{training['test']['customers']:,}",
        "base_rate": f"{test['base_rate']:.1%}",
        "calibration_error": f"{test['calibration_error']:.4f}",
        "trees": str(training["trees"]),
        "fitted_pairs": f"{_fitted_pairs(training):,}",
        "refit": _refit(training["refit"]),
    }
    tables = {
        "figures": "".join(_figure(numbers["metrics"], name, label) for name, label in _METRICS.items()),
        "baselines": _baselines(numbers),
        "splits": _splits(numbers["splits"]),
        "confusion": _confusion(at),
        "decisions": json.dumps(
            [[d[n] for n in ("threshold", "true_positives", "false_positives", "false_negatives", "true_negatives")]
             for d in test["by_threshold"]]
        ),
        "cost": f"{numbers['threshold']['false_negative_cost'] / numbers['threshold']['false_positive_cost']:.3g}",
        "tops": "".join(
            _row(f"best {t['k']}", _interval(t["precision"]), _interval(t["recall"])) for t in numbers["tops"]
        ),
        "lift": "".join(
            _row(f"best {part['share']:.0%}", f"{part['rows']:,}", f"{part['lift']:.2f}") for part in test["lift"]
        ),
        "slices": "".join(_slice(name, parts) for name, parts in numbers["slices"].items()),
        "origin": _origin(training),
        "parameters": "".join(_row(name, value) for name, value in training["parameters"].items()),
        "dependences": "".join(
            f"<figure>{plots.svg(f'Score by {name}', plots.dependence, name, curve, height=2.8)}</figure>"
            for name, curve in numbers["dependence"].items()
        ),
    }  # fmt: skip
    return template.substitute(
        {name: html.escape(value) for name, value in text.items()} | tables | _plots(numbers, contributions, rows)
    )


def _plots(numbers: Numbers, contributions: np.ndarray, rows: np.ndarray) -> dict[str, str]:
    test, at = numbers["test"], numbers["test"]["at_threshold"]
    roc, curve, histogram = numbers["roc"], numbers["precision_recall"], numbers["score_histogram"]
    names = list(numbers["importance"])
    tall = max(3.6, 0.9 + 0.21 * len(names))
    svg = plots.svg
    return {
        "plot_roc": svg(
            f"ROC curve, area {test['auc']:.3f}",
            plots.roc,
            roc["false_positive_rate"],
            roc["true_positive_rate"],
            test["auc"],
        ),
        "plot_pr": svg(
            "Precision by recall", plots.precision_recall, curve["recall"], curve["precision"], test["base_rate"], at
        ),
        "plot_calibration": svg("Share of reorders by mean score", plots.calibration, test["calibration"]),
        "plot_threshold": svg("Precision, recall and F1 by threshold", plots.by_threshold, test["by_threshold"], at),
        "plot_scores": svg(
            "Pairs by score",
            plots.scores,
            histogram["edges"],
            histogram["others"],
            histogram["reorders"],
            at["threshold"],
        ),
        "plot_history": svg("Validation AUC by trial", plots.history, numbers["validation_auc_by_trial"]),
        "plot_learning": svg("Validation AUC by customers learned from", plots.learning, numbers["learning_curve"]),
        "plot_importance": svg("Share of the gain by feature", plots.importance, numbers["importance"], height=tall),
        "plot_shap": svg("Contributions by feature", plots.shap, contributions, rows, names, height=tall),
    }


def _fitted_pairs(training: Numbers) -> int:
    data = training["data"]
    return data["train"]["pairs"] + (data["validation"]["pairs"] if training["refit"]["used"] else 0)


def _figure(metrics: Numbers, name: str, label: str) -> str:
    found = metrics.get(name)
    value = f"{found['value']:.3f}" if found else "none"
    interval = f"<em>{found['low']:.3f} to {found['high']:.3f}</em>" if found else ""
    return f'<div class="card"><strong>{value}</strong>{interval}<span>{label}</span></div>'


def _row(name: object, *cells: object) -> str:
    return (
        f"<tr><th>{html.escape(str(name))}</th>" + "".join(f"<td>{html.escape(str(c))}</td>" for c in cells) + "</tr>"
    )


def _interval(found: Numbers | None) -> str:
    return f"{found['value']:.3f} [{found['low']:.3f}, {found['high']:.3f}]" if found else "none"


def _baselines(numbers: Numbers) -> str:
    shown = ("auc", "average_precision", "log_loss", "basket_f1")
    rows = [_row("the model", *(_interval(numbers["metrics"].get(name)) for name in shown), "")]
    for name, found in numbers["baselines"].items():
        gain = found["auc"]["minus_first"]
        less = f"{-gain['value']:+.3f} [{-gain['high']:+.3f}, {-gain['low']:+.3f}]"
        rows.append(_row(name, *(_interval(found.get(metric)) for metric in shown), less))
    return "".join(rows)


def _splits(splits: Numbers) -> str:
    names = {"auc": "area under ROC", "average_precision": "average precision", "log_loss": "log loss",
             "f1": "F1 of pairs", "basket_f1": "mean F1 of baskets"}  # fmt: skip
    return "".join(
        _row(label, *(f"{splits[split][name]:.4f}" for split in ("train", "validation", "test")))
        for name, label in names.items()
    )


def _confusion(at: Numbers) -> str:
    cells = {name: f'<td id="{name}">{at[name]:,}</td>' for name in at if name.endswith(("positives", "negatives"))}
    return (
        f"<tr><th>called likely</th>{cells['true_positives']}{cells['false_positives']}</tr>"
        f"<tr><th>not called likely</th>{cells['false_negatives']}{cells['true_negatives']}</tr>"
    )


def _slice(name: str, parts: list[Numbers]) -> str:
    subject, _, of = name.partition(": ")
    rows = "".join(
        _row(
            f"{part['from']:g} to {part['to']:g}" if part["from"] < part["to"] else f"{part['from']:g}",
            f"{part['pairs']:,}",
            f"{part['observed']:.1%}",
            f"{part['predicted']:.1%}",
            f"{part['auc']:.3f}" if part["auc"] is not None else "none",
        )
        for part in parts
    )
    head = "".join(f"<th>{label}</th>" for label in (of, "pairs", "reordered", "mean score", "area under ROC"))
    table = f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"
    return f'<div class="card"><h2>By {subject}</h2>{table}</div>'


def _refit(refit: Numbers) -> str:
    if refit["gain"] is None:
        return "The model learned from the training customers only."
    helps = (
        "learning from half of the validation customers as well changes the AUC on the other half by "
        f"{refit['gain']:+.4f}"
    )
    if not refit["used"]:
        return f"The model learned from the training customers only: {helps}."
    test = refit["test_gain"]
    return (
        f"The model learned from the training and the validation customers: {helps}. On the test customers the "
        f"difference is {test['value']:+.4f} [{test['low']:+.4f}, {test['high']:+.4f}]."
    )


def _origin(training: Numbers) -> str:
    data = training["data"]
    shown = {
        "data": data["source"],
        "trained at": training["trained_at"],
        "features": f"{data['query'] or 'unknown query'}, {len(data['columns'])} columns",
        "as of": data["as_of"] or "unknown",
        "fingerprint of the data": data["fingerprint"],
        "fingerprint of the query": data["sql_fingerprint"] or "unknown",
        "search": f"{training['search']}, {len(training['trials'])} trials",
        "XGBoost": training["xgboost"],
        "seed": training["seed"],
    }
    return "".join(_row(name, value) for name, value in shown.items())
