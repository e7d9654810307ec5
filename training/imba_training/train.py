"""`train`: searches the parameters, fits the model, tests it and writes what the service and SageMaker take."""

import json
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import optuna
import xgboost

from . import baseline, dataset, evaluation, model
from .columns import SPLITS
from .output import finished_files, say

THRESHOLD = 0.2
REPORT_EVERY = 10.0  # seconds


@dataclass(frozen=True)
class Search:
    trials: int = 30
    rounds: int = 1_000
    patience: int = 30
    seed: int = 1
    threads: int = 1


def suggest(trial: optuna.Trial) -> dict[str, float]:
    """The ranges of the notebook that this package replaces."""
    return {
        "max_depth": trial.suggest_int("max_depth", 3, 12),
        "eta": trial.suggest_float("eta", 0.05, 0.5),
        "min_child_weight": trial.suggest_float("min_child_weight", 2.0, 8.0),
        "subsample": trial.suggest_float("subsample", 0.5, 0.9),
        "gamma": trial.suggest_float("gamma", 0.0, 10.0),
    }


# Tried before the search draws its own.
FIRST_GUESS = {"max_depth": 5, "eta": 0.1, "min_child_weight": 5.0, "subsample": 0.8, "gamma": 0.0}


def train(features: Path, out: Path, search: Search, threshold: float = THRESHOLD) -> dict[str, object]:
    """Reads `features.parquet` in the directory `features`; writes to `out`:

    - `model.ubj` and `model.tar.gz`, the same model;
    - `baseline.json`, see `baseline`;
    - `training.json`: parameters, search history, data sizes, threshold and test metrics; also returned.

    The same data, seed and number of threads give the same bytes.
    """
    parquet = features / "features.parquet"
    data = {split: dataset.load(parquet, split) for split in SPLITS}
    with finished_files(out) as scratch:
        booster, study = _search(data["train"], data["validation"], search)
        scores = {split: booster.predict(data[split].matrix(search.threads)) for split in ("validation", "test")}
        numbers = {
            "xgboost": xgboost.__version__,
            "seed": search.seed,
            "threads": search.threads,
            "data": {split: {"pairs": len(d), "reordered": int(d.labels.sum())} for split, d in data.items()},
            "parameters": model.FIXED | study.best_params,
            "trees": booster.num_boosted_rounds(),
            "validation_auc": study.best_value,
            "threshold": {
                "value": threshold,
                "reason": _reason(data["validation"].labels, scores["validation"], threshold),
            },
            "test": evaluation.evaluate(data["test"].labels, scores["test"], threshold),
            "trials": [{"auc": t.value, "trees": t.user_attrs["trees"], "parameters": t.params} for t in study.trials],
        }
        result = scratch / "result"
        model.write(booster, result)
        _write_json(result / "training.json", numbers)
        _write_json(result / "baseline.json", baseline.baseline(data["train"], scores["test"]))
    _say_result(numbers, out)
    return numbers


def _search(
    train: dataset.Dataset, validation: dataset.Dataset, search: Search
) -> tuple[xgboost.Booster, optuna.Study]:
    """The booster with the best validation AUC, and the history of the search."""
    matrices = train.matrix(search.threads), validation.matrix(search.threads)
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(direction="maximize", sampler=optuna.samplers.TPESampler(seed=search.seed))
    study.enqueue_trial(FIRST_GUESS)
    best: list[xgboost.Booster] = []

    def objective(trial: optuna.Trial) -> float:
        started = time.monotonic()
        name = f"train: trial {trial.number + 1} of {search.trials}"
        booster = model.fit(
            suggest(trial),
            *matrices,
            rounds=search.rounds,
            patience=search.patience,
            seed=search.seed,
            threads=search.threads,
            callbacks=[_Progress(name)],
        )
        auc = float(booster.attr("best_score"))
        earlier = [t.value for t in study.get_trials(deepcopy=False, states=[optuna.trial.TrialState.COMPLETE])]
        if auc > max(earlier, default=-np.inf):
            best[:] = [booster]
        trial.set_user_attr("trees", booster.num_boosted_rounds())
        say(
            f"{name}: validation AUC {auc:.5f} with {booster.num_boosted_rounds()} trees in "
            f"{time.monotonic() - started:.1f} s (best {max([auc, *earlier]):.5f})"
        )
        return auc

    study.optimize(objective, n_trials=search.trials)
    return best[0], study


class _Progress(xgboost.callback.TrainingCallback):
    """A line every ten seconds, so that a long trial does not look dead."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.name, self.said = name, time.monotonic()

    def after_iteration(self, model: xgboost.Booster, epoch: int, evals_log: dict) -> bool:
        if time.monotonic() - self.said > REPORT_EVERY:
            self.said = time.monotonic()
            say(f"{self.name}: round {epoch + 1}, validation AUC {evals_log['validation']['auc'][-1]:.5f}")
        return False


def _reason(labels: np.ndarray, scores: np.ndarray, threshold: float) -> str:
    best = evaluation.decide(labels, scores, evaluation.best_threshold(labels, scores))
    here = evaluation.decide(labels, scores, threshold)
    half = evaluation.decide(labels, scores, 0.5)
    return (
        f"Only {labels.mean():.0%} of the pairs are bought again, so few scores exceed 0.5 and a threshold there "
        f"finds {half['recall']:.0%} of the reorders. A missed reorder costs more than a needless suggestion, which "
        f"the F1 of rare positives reflects: on validation data it is {here['f1']:.3f} at {threshold}, against "
        f"{half['f1']:.3f} at 0.5 and its greatest value {best['f1']:.3f} at {best['threshold']:.3f}."
    )


def _write_json(file: Path, content: dict[str, object]) -> None:
    file.write_text(json.dumps(content, indent=2, allow_nan=False) + "\n", encoding="utf-8")


def _say_result(numbers: dict[str, object], out: Path) -> None:
    test, at, best = numbers["test"], numbers["test"]["at_threshold"], numbers["test"]["at_best_f1"]
    precision = "none" if at["precision"] is None else f"{at['precision']:.3f}"
    say(
        f"train: test AUC {test['auc']:.4f}, log loss {test['log_loss']:.4f}, "
        f"average precision {test['average_precision']:.4f}, calibration error {test['calibration_error']:.4f}\n"
        f"train: at {at['threshold']}: precision {precision}, recall {at['recall']:.3f}, F1 {at['f1']:.3f}; "
        f"greatest F1 {best['f1']:.3f} at {best['threshold']:.3f}\n"
        f"train: {numbers['trees']} trees in {out / 'model.ubj'}"
    )
