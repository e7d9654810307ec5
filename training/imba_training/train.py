"""`train`: searches the parameters, fits the model, tests it and writes what the service and SageMaker take."""

import json
from pathlib import Path

import numpy as np
import xgboost

from . import assessment, card, dataset, evaluation, model, thresholds, tracking
from .dataset import Dataset
from .output import finished_files, say
from .search import Found, Search, search

CURVE = (0.125, 0.25, 0.5)  # shares of the training customers in the learning curve, before all of them
REFITS = ("auto", "always", "never")

Numbers = dict[str, object]


def train(
    features: Path,
    out: Path,
    options: Search,
    rule: thresholds.Rule | None = None,
    *,
    refit: str = "auto",
    source: str | None = None,
) -> Numbers:
    """Reads `features.parquet` in the directory `features`; writes to `out`:

    - `model.ubj` and `model.tar.gz`, the same model with its card (see `card`);
    - `training.json`: parameters, search history, data sizes, fingerprints, threshold and metrics; also returned;
    - `search.journal`, from which an interrupted search goes on.

    `refit` says whether the final model also learns from the validation users. The same data, options and number of
    threads give the same bytes, but for the time in the card.
    """
    rule = rule or thresholds.Rule.parse(thresholds.DEFAULT)
    splits = dataset.load(features / "features.parquet")
    made, fingerprint = dataset.made_by(features), dataset.fingerprint(splits)
    trained_at = card.now()
    with finished_files(out) as scratch:
        found = search(splits, options, out, fingerprint)
        fits = _Fits(splits, found, options)
        candidate = fits.fit(splits["train"])
        scores = {name: candidate.predict(data.matrix(options.threads)) for name, data in splits.items()}
        threshold = thresholds.choose(rule, splits["validation"].labels, scores["validation"])
        say("train: learning curve")
        curve = fits.learning_curve(candidate)
        refitted = fits.refit(refit, candidate)
        booster, fitted = candidate, splits["train"]
        if refitted["used"]:
            fitted = splits["train"].with_(splits["validation"])
            booster = fits.fit(fitted)
        final = booster.predict(splits["test"].matrix(options.threads))
        say("train: testing, with intervals by customer")
        tested = assessment.assess(splits, scores, final, threshold["value"], refitted)
        numbers = {
            "trained_at": trained_at,
            "xgboost": xgboost.__version__,
            "seed": options.seed,
            "threads": options.threads,
            "data": {
                "source": source or f"{features.resolve().name}, {_customers(splits):,} customers",
                "fingerprint": fingerprint,
                "sql_fingerprint": made.get("sql_fingerprint"),
                "query": made.get("query"),
                "as_of": made.get("as_of"),
                "columns": list(splits["train"].names),
                **{name: _sizes(data) for name, data in splits.items()},
            },
            "parameters": model.FIXED | found.parameters,
            "trees": booster.num_boosted_rounds(),
            "validation_auc": found.auc,
            "search": found.ended,
            "threshold": threshold,
            "learning_curve": curve,
            "refit": refitted,
            **tested,
            "trials": found.trials,
        }
        card.attach(booster, assessment.card_of(booster, numbers, fitted, final))
        result = scratch / "result"
        model.write(booster, result)
        (result / "training.json").write_text(json.dumps(numbers, indent=2, allow_nan=False) + "\n", encoding="utf-8")
    _say_result(numbers, out)
    tracking.track(numbers, out)
    return numbers


class _Fits:
    """Fits with the parameters and the number of trees that the search found."""

    def __init__(self, splits: dict[str, Dataset], found: Found, options: Search) -> None:
        self.splits, self.found, self.options = splits, found, options

    def fit(self, data: Dataset) -> xgboost.Booster:
        say(f"train: fitting {self.found.trees} trees on {len(data):,} pairs")
        return model.fit(
            self.found.parameters,
            data.matrix(self.options.threads),
            rounds=self.found.trees,
            seed=self.options.seed,
            threads=self.options.threads,
        )

    def auc(self, booster: xgboost.Booster, data: Dataset) -> float:
        return float(evaluation.metrics.roc_auc_score(data.labels, booster.predict(data.matrix(self.options.threads))))

    def learning_curve(self, whole: xgboost.Booster) -> list[Numbers]:
        """Validation AUC of models of ever more of the training customers; the last is the whole one."""
        train, validation = self.splits["train"], self.splits["validation"]
        users = np.random.default_rng(self.options.seed).permutation(np.unique(train.users))
        points = []
        for share in CURVE:
            part = train.of(np.isin(train.users, users[: max(1, round(len(users) * share))]))
            if 0 < part.labels.sum() < len(part):
                points.append((len(np.unique(part.users)), self.auc(self.fit(part), validation)))
        points.append((len(users), self.auc(whole, validation)))
        return [{"customers": customers, "auc": auc} for customers, auc in points]

    def refit(self, wish: str, candidate: xgboost.Booster) -> Numbers:
        """Whether to learn from the validation users too: only if half of them help to predict the other, both ways.

        The test users have no say in it. `gain` is the mean difference of the AUC on the halves.
        """
        if wish == "never":
            return {"used": False, "gain": None}
        validation, train = self.splits["validation"], self.splits["train"]
        users = np.unique(validation.users)
        is_first = np.isin(
            validation.users, np.random.default_rng(self.options.seed).permutation(users)[: len(users) // 2]
        )
        halves = validation.of(is_first), validation.of(~is_first)
        gains = []
        for added, judged in (halves, halves[::-1]):
            if 0 < judged.labels.sum() < len(judged):
                gains.append(self.auc(self.fit(train.with_(added)), judged) - self.auc(candidate, judged))
        gain = float(np.mean(gains)) if gains else None
        return {"used": wish == "always" or (gain is not None and gain > 0), "gain": gain}


def _sizes(data: Dataset) -> Numbers:
    return {"pairs": len(data), "reordered": int(data.labels.sum()), "customers": len(np.unique(data.users))}


def _customers(splits: dict[str, Dataset]) -> int:
    return sum(len(np.unique(data.users)) for data in splits.values())


def _say_result(numbers: Numbers, out: Path) -> None:
    def spell(name: str) -> str:
        found = numbers["metrics"][name]
        return f"{found['value']:.4f} [{found['low']:.4f}, {found['high']:.4f}]"

    at = numbers["test"]["at_threshold"]
    precision = "none" if at["precision"] is None else f"{at['precision']:.3f}"
    say(
        f"train: test AUC {spell('auc')}, log loss {spell('log_loss')}, "
        f"average precision {spell('average_precision')}, mean F1 of baskets {spell('basket_f1')}\n"
        f"train: {assessment.verdict(numbers)}\n"
        f"train: at {at['threshold']:g}: precision {precision}, recall {at['recall']:.3f}, F1 {at['f1']:.3f}\n"
        f"train: {numbers['trees']} trees in {out / 'model.ubj'}"
    )
    if numbers["search"] != "complete":
        say(f"train: the search is {numbers['search']} after {len(numbers['trials'])} trials; the same command goes on")
