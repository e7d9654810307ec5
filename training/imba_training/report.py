"""`report`: the test results as one self-contained HTML page, and the numbers behind its plots as JSON."""

import html
import json
from importlib import resources
from pathlib import Path
from string import Template

import numpy as np
import xgboost
from sklearn import metrics

from . import dataset, evaluation, model, plots
from .columns import FEATURES
from .failures import Failure
from .output import finished_files, say

CURVE_POINTS = 200
EXPLAINED = 2_000  # pairs in the SHAP summary
HISTOGRAM_BINS = 50

Numbers = dict[str, object]


def report(features: Path, trained: Path, out: Path, threads: int = 1) -> None:
    """Scores the test split with the model in `trained`; writes `report.html` and `report.json` to `out`."""
    training = _read_training(trained / "training.json")
    booster = model.read(trained / "model.ubj", threads)
    test = dataset.load(features / "features.parquet", "test")
    say(f"report: scoring {len(test):,} test pairs")
    scores = booster.predict(test.matrix(threads))
    numbers = _numbers(test.labels, scores, booster, training)
    sample = np.sort(np.random.default_rng(0).permutation(len(test))[:EXPLAINED])
    rows = test.rows[sample]
    matrix = xgboost.DMatrix(rows, feature_names=list(FEATURES), nthread=threads)
    contributions = booster.predict(matrix, pred_contribs=True)[:, :-1]
    strength = np.abs(contributions).mean(axis=0)
    numbers["mean_absolute_shap"] = {name: float(value) for name, value in zip(FEATURES, strength, strict=True)}
    page = _page(numbers, training, contributions, rows)
    with finished_files(out) as scratch:
        result = scratch / "result"
        (result / "report.html").write_text(page, encoding="utf-8")
        (result / "report.json").write_text(json.dumps(numbers, indent=2, allow_nan=False) + "\n", encoding="utf-8")
    say(f"report: {out / 'report.html'}")


def _read_training(file: Path) -> Numbers:
    try:
        return json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise Failure(f"{file}: not there; `python -m imba_training train` makes it") from None
    except (OSError, ValueError) as error:
        raise Failure(f"{file}: cannot be read: {error}") from error


def _numbers(labels: np.ndarray, scores: np.ndarray, booster: xgboost.Booster, training: Numbers) -> Numbers:
    threshold = training["threshold"]["value"]
    false_positives, true_positives, _ = metrics.roc_curve(labels, scores)
    precision, recall, _ = metrics.precision_recall_curve(labels, scores)
    edges = np.linspace(0.0, 1.0, HISTOGRAM_BINS + 1)
    gain = booster.get_score(importance_type="total_gain")
    total = sum(gain.values()) or 1.0
    return {
        "test": evaluation.evaluate(labels, scores, threshold),
        "threshold": training["threshold"],
        "roc": _curve(("false_positive_rate", false_positives), ("true_positive_rate", true_positives)),
        "precision_recall": _curve(("recall", recall[::-1]), ("precision", precision[::-1])),
        "score_histogram": {
            "edges": edges.tolist(),
            "others": np.histogram(scores[labels == 0], edges)[0].tolist(),
            "reorders": np.histogram(scores[labels == 1], edges)[0].tolist(),
        },
        "importance": {name: gain.get(name, 0.0) / total for name in FEATURES},
        "validation_auc_by_trial": [trial["auc"] for trial in training["trials"]],
    }


def _curve(x: tuple[str, np.ndarray], y: tuple[str, np.ndarray]) -> Numbers:
    """A curve thinned to points that are evenly spaced along x; both ends stay."""
    wanted = np.linspace(x[1][0], x[1][-1], CURVE_POINTS)
    points = np.unique(np.concatenate(([0], np.searchsorted(x[1], wanted).clip(0, len(x[1]) - 1), [len(x[1]) - 1])))
    return {name: values[points].tolist() for name, values in (x, y)}


def _page(numbers: Numbers, training: Numbers, contributions: np.ndarray, rows: np.ndarray) -> str:
    test, at = numbers["test"], numbers["test"]["at_threshold"]
    histogram = numbers["score_histogram"]
    roc, curve = numbers["roc"], numbers["precision_recall"]
    template = Template(resources.files(__package__).joinpath("report.html").read_text(encoding="utf-8"))
    return template.substitute(
        auc=f"{test['auc']:.3f}",
        log_loss=f"{test['log_loss']:.3f}",
        average_precision=f"{test['average_precision']:.3f}",
        f1=f"{at['f1']:.3f}",
        precision="none" if at["precision"] is None else f"{at['precision']:.0%}",
        recall=f"{at['recall']:.0%}",
        likely=f"{at['likely']:.0%}",
        threshold=at["threshold"],
        reason=html.escape(numbers["threshold"]["reason"]),
        pairs=f"{test['pairs']:,}",
        base_rate=f"{test['base_rate']:.1%}",
        calibration_error=f"{test['calibration_error']:.4f}",
        trees=training["trees"],
        train_pairs=f"{training['data']['train']['pairs']:,}",
        parameters=_rows(training["parameters"] | {"XGBoost": training["xgboost"], "seed": training["seed"]}),
        decisions="".join(_decision(d) for d in test["f1_by_threshold"]),
        plot_roc=plots.svg(plots.roc, roc["false_positive_rate"], roc["true_positive_rate"], test["auc"]),
        plot_pr=plots.svg(plots.precision_recall, curve["recall"], curve["precision"], test["base_rate"], at),
        plot_calibration=plots.svg(plots.calibration, test["calibration"]),
        plot_f1=plots.svg(plots.f1, test["f1_by_threshold"], at),
        plot_scores=plots.svg(
            plots.scores, histogram["edges"], histogram["others"], histogram["reorders"], at["threshold"]
        ),
        plot_importance=plots.svg(plots.importance, numbers["importance"], height=5.2),
        plot_shap=plots.svg(plots.shap, contributions, rows, height=5.2),
        plot_history=plots.svg(plots.history, numbers["validation_auc_by_trial"]),
    )


def _rows(pairs: Numbers) -> str:
    shown = {name: f"{value:.4g}" if isinstance(value, float) else str(value) for name, value in pairs.items()}
    return "".join(f"<tr><th>{html.escape(name)}</th><td>{html.escape(text)}</td></tr>" for name, text in shown.items())


def _decision(decision: Numbers) -> str:
    values = (decision[name] for name in ("likely", "precision", "recall", "f1"))
    cells = ("none" if value is None else f"{value:.3f}" for value in values)
    return f"<tr><th>{decision['threshold']:.2f}</th>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>"
