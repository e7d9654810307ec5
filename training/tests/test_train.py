"""The trained model: reproducible, honest about its test, and handed on in files that others read."""

import io
import json
import tarfile
from pathlib import Path

import numpy as np
import pytest
import xgboost

from conftest import SEARCH, Trained
from imba_training import dataset, evaluation, model
from imba_training.columns import EXAMPLE, FEATURES
from imba_training.failures import Failure
from imba_training.train import train


def test_same_seed_same_bytes(trained: Trained, tmp_path: Path) -> None:
    train(trained.features, tmp_path, SEARCH)
    for name in ("model.ubj", "model.tar.gz", "baseline.json", "training.json"):
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
    best = max(trials, key=lambda trial: trial["auc"])
    assert best["parameters"].items() <= trained.training["parameters"].items()
    assert best["trees"] == trained.training["trees"]
    assert len({json.dumps(trial["parameters"]) for trial in trials}) == SEARCH.trials


def test_an_early_stopped_model_ends_with_its_best_tree(trained: Trained) -> None:
    data = dataset.load(trained.features / "features.parquet", "train")
    validation = dataset.load(trained.features / "features.parquet", "validation")
    history: dict = {}
    steep = {"max_depth": 8, "eta": 0.5}
    booster = model.fit(
        steep,
        data.matrix(2),
        validation.matrix(2),
        rounds=60,
        patience=5,
        seed=1,
        threads=2,
        callbacks=[_Record(history)],
    )
    aucs = history["validation"]["auc"]
    assert len(aucs) < 60
    assert booster.num_boosted_rounds() == int(np.argmax(aucs)) + 1
    scores = booster.predict(validation.matrix(2))
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
    test = dataset.load(trained.features / "features.parquet", "test")
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
    assert found["at_best_f1"]["f1"] >= max(row["f1"] for row in found["f1_by_threshold"]) - 1e-9
    assert sum(part["pairs"] for part in found["calibration"]) == len(test)


def test_threshold_comes_with_a_reason(trained: Trained) -> None:
    threshold = trained.training["threshold"]
    assert threshold["value"] == 0.2
    assert "F1" in threshold["reason"]


def test_nobody_likely_is_no_precision() -> None:
    decision = evaluation.decide(np.array([0.0, 1.0]), np.array([0.1, 0.2]), 0.9)
    assert decision == {"threshold": 0.9, "likely": 0.0, "precision": None, "recall": 0.0, "f1": 0.0}


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


def test_baseline_describes_the_training_data(trained: Trained) -> None:
    baseline = json.loads((trained.model / "baseline.json").read_text())
    data = dataset.load(trained.features / "features.parquet", "train")
    assert baseline["pairs"] == len(data)
    assert list(baseline["features"]) == list(FEATURES)
    orders = baseline["features"]["up_orders"]
    middle = baseline["quantile_levels"].index(0.5)
    assert orders["quantiles"][middle] == np.median(data.rows[:, 0])
    assert orders["missing"] == 0.0
    assert 0 < baseline["score"]["quantiles"][middle] < 1


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


def test_a_model_of_other_features_is_refused(tmp_path: Path) -> None:
    matrix = xgboost.DMatrix(np.eye(2), np.array([0.0, 1.0]), feature_names=["a", "b"])
    xgboost.train({"objective": "binary:logistic"}, matrix, 1).save_model(tmp_path / "other.ubj")
    with pytest.raises(Failure, match=r"not the 18"):
        model.read(tmp_path / "other.ubj")


def test_archive_without_the_model_is_said(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "model.tar.gz", "w:gz") as archive:
        archive.addfile(tarfile.TarInfo("something"), io.BytesIO())
    with pytest.raises(Failure, match="xgboost-model"):
        model.read(tmp_path / "model.tar.gz")
