"""The trained model: reproducible, honest about its test, and handed on in files that others read."""

import io
import json
import shutil
import tarfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import xgboost
from sklearn.metrics import roc_auc_score

from conftest import SEARCH, Trained
from imba_training import assessment, card, dataset, evaluation, model, recipes, search
from imba_training.columns import EXAMPLE, FEATURES
from imba_training.failures import Failure
from imba_training.features import features
from imba_training.report import report
from imba_training.synthesize import synthesize
from imba_training.train import _Fits, train


def test_same_seed_same_bytes(trained: Trained, tmp_path: Path) -> None:
    train(trained.features, tmp_path, SEARCH)
    for name in ("model.ubj", "model.tar.gz", "training.json"):
        assert (tmp_path / name).read_bytes() == (trained.model / name).read_bytes(), name


def test_the_search_stays_in_its_ranges_and_keeps_the_best(trained: Trained) -> None:
    trials = trained.training["trials"]
    assert len(trials) == SEARCH.trials
    for trial in trials:
        parameters = trial["parameters"]
        assert 3 <= parameters["max_depth"] <= 12
        assert 0.05 <= parameters["eta"] <= 0.5
        assert 2 <= parameters["min_child_weight"] <= 8
        assert 0.5 <= parameters["subsample"] <= 0.9
        assert 0 <= parameters["gamma"] <= 10
    best = max((trial for trial in trials if not trial["pruned"]), key=lambda trial: trial["auc"])
    assert best["parameters"].items() <= trained.training["parameters"].items()
    assert best["trees"] == trained.training["trees"]
    assert len({json.dumps(trial["parameters"]) for trial in trials}) == SEARCH.trials


def test_an_early_stopped_model_ends_with_its_best_tree(trained: Trained) -> None:
    splits = dataset.load(trained.features / "features.parquet")
    data, validation = splits["train"], splits["validation"]
    history: dict = {}
    steep = {"max_depth": 8, "eta": 0.5}
    booster = model.fit(
        steep,
        data.matrix(1),
        validation.matrix(1),
        rounds=60,
        patience=5,
        seed=1,
        threads=1,
        callbacks=[_Record(history)],
    )
    aucs = history["validation"]["auc"]
    assert len(aucs) < 60
    assert booster.num_boosted_rounds() == int(np.argmax(aucs)) + 1
    scores = booster.predict(validation.matrix(1))
    assert evaluation.evaluate(validation.labels, scores, 0.2)["auc"] == pytest.approx(max(aucs), abs=1e-6)


class _Record(xgboost.callback.TrainingCallback):
    def __init__(self, history: dict) -> None:
        super().__init__()
        self.history = history

    def after_iteration(self, model: xgboost.Booster, epoch: int, evals_log: dict) -> bool:
        self.history.update(evals_log)
        return False


def test_test_metrics_are_those_of_the_model_on_the_test_users(trained: Trained) -> None:
    """Counted out by hand rather than by scikit-learn."""
    test = dataset.load(trained.features / "features.parquet")["test"]
    scores = model.read(trained.model / "model.ubj").predict(test.matrix(1)).astype(float)
    ones, others = scores[test.labels == 1], scores[test.labels == 0]
    ranks = np.searchsorted(np.sort(others), ones, "left") + np.searchsorted(np.sort(others), ones, "right")
    found = trained.training["test"]
    assert found["auc"] == pytest.approx(ranks.sum() / 2 / len(ones) / len(others), abs=1e-9)
    chance = np.where(test.labels == 1, scores, 1 - scores)
    assert found["log_loss"] == pytest.approx(-np.log(chance).mean(), rel=1e-5)
    at = found["at_threshold"]
    likely = scores > 0.2
    assert at["likely"] == pytest.approx(likely.mean())
    assert at["precision"] == pytest.approx(test.labels[likely].mean())
    assert at["recall"] == pytest.approx((ones > 0.2).mean())
    assert at["f1"] == pytest.approx(2 * at["precision"] * at["recall"] / (at["precision"] + at["recall"]))
    assert found["at_best_f1"]["f1"] >= max(row["f1"] for row in found["by_threshold"]) - 1e-9
    assert sum(part["rows"] for part in found["calibration"]) == len(test)


def test_artifacts_hold_one_model_with_names(trained: Trained) -> None:
    content = (trained.model / "model.ubj").read_bytes()
    assert content[:2] == b"{L"
    with tarfile.open(trained.model / "model.tar.gz") as archive:
        assert archive.getnames() == ["xgboost-model"]
        assert archive.extractfile("xgboost-model").read() == content
    booster = xgboost.Booster()
    booster.load_model(bytearray(content))
    assert booster.feature_names == list(FEATURES)
    score = booster.inplace_predict(np.array([EXAMPLE], dtype=np.float32), validate_features=False)[0]
    assert 0 < score < 0.1, "a product bought once, 46 orders ago"


def test_missing_features_are_said(tmp_path: Path) -> None:
    with pytest.raises(Failure, match=r"features\.parquet: not there"):
        train(tmp_path, tmp_path / "out", SEARCH)
    (tmp_path / "features.parquet").write_bytes(b"not parquet")
    with pytest.raises(Failure, match=r"features\.parquet: cannot be read"):
        train(tmp_path, tmp_path / "out", SEARCH)
    assert not (tmp_path / "out").exists()


def test_one_kind_of_label_is_said(tmp_path: Path) -> None:
    import handwritten

    handwritten.rows(handwritten.write(tmp_path, handwritten.TINY))
    with pytest.raises(Failure, match="both kinds are needed"):
        train(tmp_path / "out", tmp_path / "model", SEARCH)


@pytest.mark.parametrize("content", [b"", b"{L nothing", b"\x1f\x8b broken"])
def test_broken_models_are_said(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "model.ubj").write_bytes(content)
    with pytest.raises(Failure, match=r"model\.ubj: not a model"):
        model.read(tmp_path / "model.ubj")


def test_archive_without_the_model_is_said(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "model.tar.gz", "w:gz") as archive:
        archive.addfile(tarfile.TarInfo("something"), io.BytesIO())
    with pytest.raises(Failure, match="xgboost-model"):
        model.read(tmp_path / "model.tar.gz")


def test_the_final_fit_has_the_found_trees(trained: Trained) -> None:
    """The parameters and the number of trees give the very model that the search found best."""
    splits = dataset.load(trained.features / "features.parquet")
    parameters = {name: trained.training["parameters"][name] for name in search.RANGES}
    again = model.fit(
        parameters,
        splits["train"].matrix(1),
        rounds=trained.training["trees"],
        seed=SEARCH.seed,
        threads=SEARCH.threads,
    )
    scores = again.predict(splits["validation"].matrix(1))
    assert roc_auc_score(splits["validation"].labels, scores) == pytest.approx(
        trained.training["validation_auc"], abs=1e-6
    )


def test_the_refit_learns_from_the_validation_users_too(trained: Trained, tmp_path: Path) -> None:
    splits = dataset.load(trained.features / "features.parquet")
    found = {}
    for refit, learned in (("never", splits["train"]), ("always", splits["train"].with_(splits["validation"]))):
        (tmp_path / refit).mkdir()
        shutil.copy(trained.model / search.JOURNAL, tmp_path / refit)
        found[refit] = train(trained.features, tmp_path / refit, SEARCH, refit=refit)
        made = card.read(model.read(tmp_path / refit / "model.ubj"))["data"]
        assert (made["rows"], made["customers"]) == (len(learned), len(set(learned.users)))
        assert found[refit]["refit"]["used"] == (refit == "always")
    gain = found["always"]["metrics"]["auc"]["value"] - found["never"]["metrics"]["auc"]["value"]
    told = found["always"]["refit"]["test_gain"]
    assert told["value"] == pytest.approx(gain)
    assert told["low"] <= gain <= told["high"]


def test_the_decision_to_refit_does_not_look_at_the_test_users(trained: Trained, made: Path, tmp_path: Path) -> None:
    splits = dataset.load(made / "features.parquet")
    turned = splits | {"test": replace(splits["test"], labels=1 - splits["test"].labels)}
    options = replace(SEARCH, trials=1, rounds=10)
    found = search.search(splits, options, tmp_path, "data")
    gains = [
        _Fits(data, found, options).refit("auto", _Fits(data, found, options).fit(data["train"]))
        for data in (splits, turned)
    ]
    assert gains[0] == gains[1]


def test_the_learning_curve_ends_with_the_whole(trained: Trained) -> None:
    curve = trained.training["learning_curve"]
    customers = trained.training["data"]["train"]["customers"]
    assert [point["customers"] for point in curve] == [round(customers * share) for share in (0.125, 0.25, 0.5, 1)]
    assert curve[-1]["auc"] == pytest.approx(trained.training["validation_auc"], abs=1e-6)


def test_the_baselines_are_told_apart_from_the_model(trained: Trained) -> None:
    found = trained.training["baselines"]
    assert len(found) == 3
    assert "logistic regression" in found
    assert "the last basket again" in found
    for numbers in found.values():
        assert numbers["auc"]["low"] < numbers["auc"]["value"] < numbers["auc"]["high"]
        assert numbers["auc"]["minus_first"]["value"] == pytest.approx(
            numbers["auc"]["value"] - trained.training["metrics"]["auc"]["value"]
        )
    assert assessment.verdict(trained.training).startswith("The model is better than the best baseline, logistic")


def test_one_column_is_what_it_says(trained: Trained) -> None:
    splits = dataset.load(trained.features / "features.parquet")
    (name,) = (name for name in trained.training["baselines"] if name.endswith(" alone"))
    column = name.removesuffix(" alone").removeprefix("low ")
    auc = roc_auc_score(splits["test"].labels, splits["test"].column(column))
    assert trained.training["baselines"][name]["auc"]["value"] == pytest.approx(max(auc, 1 - auc), abs=1e-6)


def test_small_data_says_that_it_is_small(tmp_path: Path) -> None:
    """And a model that is no better than one column says that too, as on 64 users."""
    synthesize(tmp_path / "shop", users=64, products=60, seed=4, all_train=True)
    features(tmp_path / "shop", tmp_path / "made")
    found = train(tmp_path / "made", tmp_path / "model", replace(SEARCH, trials=1, rounds=20))
    said = assessment.verdict(found)
    assert "cannot be told from the best baseline" in said
    assert "The test data is small" in said


def test_features_of_any_names_can_be_learned(tmp_path: Path, shop: Path) -> None:
    (tmp_path / "own.sql").write_text(
        "SELECT user_id, product_id, up_orders AS times, prod_orders AS popularity FROM features"
    )
    (tmp_path / "own.txt").write_text("times\npopularity\n")
    features(shop, tmp_path / "made", recipe=recipes.own(tmp_path / "own.sql", tmp_path / "own.txt"))
    train(tmp_path / "made", tmp_path / "model", replace(SEARCH, trials=1, rounds=20))
    booster = model.read(tmp_path / "model" / "model.ubj")
    assert booster.feature_names == ["times", "popularity"]
    report(tmp_path / "made", tmp_path / "model", tmp_path / "report")
    assert "popularity: test customers who know the product" in (tmp_path / "report" / "report.json").read_text()
    with pytest.raises(
        Failure, match="a model of 2 features, not of these 18: it needs times, popularity; it does not know up_orders"
    ):
        model.require_features(booster, Path("model.ubj"), FEATURES)
