"""The card: what is in it, and that it comes through every file that XGBoost and SageMaker know."""

import json
import pickle
import subprocess
import tarfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xgboost

from conftest import Trained
from imba_training import card, dataset, model
from imba_training.columns import FEATURES


@pytest.fixture(scope="module")
def booster(trained: Trained) -> xgboost.Booster:
    return model.read(trained.model / "model.ubj")


@pytest.fixture(scope="module")
def found(booster: xgboost.Booster) -> dict:
    return card.read(booster)


def _saved(suffix: str) -> Callable[[xgboost.Booster, Path], xgboost.Booster]:
    def through(booster: xgboost.Booster, folder: Path) -> xgboost.Booster:
        booster.save_model(folder / f"model.{suffix}")
        return xgboost.Booster(model_file=folder / f"model.{suffix}")

    return through


def _raw(kind: str) -> Callable[[xgboost.Booster, Path], xgboost.Booster]:
    return lambda booster, folder: xgboost.Booster(model_file=booster.save_raw(raw_format=kind))


def _wrapper(booster: xgboost.Booster, folder: Path) -> xgboost.Booster:
    """Through the scikit-learn class, saved by it."""
    booster.save_model(folder / "a.ubj")
    wrapper = xgboost.XGBClassifier()
    wrapper.load_model(folder / "a.ubj")
    wrapper.save_model(folder / "b.json")
    return xgboost.Booster(model_file=folder / "b.json")


def _archive(booster: xgboost.Booster, folder: Path) -> xgboost.Booster:
    model.write(booster, folder)
    with tarfile.open(folder / "model.tar.gz") as archive:
        return xgboost.Booster(model_file=bytearray(archive.extractfile("xgboost-model").read()))


CONTAINERS = {
    "UBJSON": _saved("ubj"),
    "JSON": _saved("json"),
    "raw UBJSON": _raw("ubj"),
    "raw JSON": _raw("json"),
    "pickle": lambda booster, folder: pickle.loads(pickle.dumps(booster)),  # noqa: S301 (our own)
    "scikit-learn": _wrapper,
    "model.tar.gz": _archive,
    "copy": lambda booster, folder: booster.copy(),
}


@pytest.mark.parametrize("container", CONTAINERS)
def test_it_comes_through_every_container(
    container: str, booster: xgboost.Booster, found: dict, trained: Trained, tmp_path: Path
) -> None:
    other = CONTAINERS[container](booster, tmp_path)
    assert card.read(other) == found
    assert float(other.attr("imba.threshold")) == found["threshold"]["value"] == 0.2
    rows = dataset.load(trained.features / "features.parquet")["test"].rows[:100]
    ours, theirs = (b.inplace_predict(rows, validate_features=False) for b in (booster, other))
    np.testing.assert_array_equal(ours, theirs)


def test_models_of_others_have_none(tmp_path: Path) -> None:
    matrix = xgboost.DMatrix(np.eye(2), np.array([0.0, 1.0]))
    assert card.read(xgboost.train({"objective": "binary:logistic"}, matrix, 1)) is None


def test_the_service_s_program_reads_the_model(imba: Path, trained: Trained) -> None:
    run = subprocess.run([imba, "model", trained.model / "model.ubj"], capture_output=True, text=True, timeout=60)
    assert run.returncode == 0, run.stderr
    assert "binary:logistic" in run.stdout


def test_it_says_where_the_model_comes_from(found: dict, trained: Trained) -> None:
    data = trained.training["data"]
    assert found["version"] == 1
    assert found["trained_at"] == "2026-05-28T20:26:40Z" == trained.training["trained_at"]
    assert found["data"]["fingerprint"] == data["fingerprint"]
    assert found["data"]["sql_fingerprint"] == data["sql_fingerprint"]
    assert data["sql_fingerprint"] == json.loads((trained.features / "features.json").read_text())["sql_fingerprint"]
    assert found["software"]["xgboost"] == xgboost.__version__
    assert found["trees"] == trained.training["trees"]
    assert found["objective"] == "binary:logistic"
    for name in ("auc", "log_loss", "average_precision", "basket_f1"):
        assert found["metrics"][name] == pytest.approx(trained.training["metrics"][name], rel=1e-5)
    assert found["metrics"]["baseline_auc"]["value"] < found["metrics"]["auc"]["value"]
    assert found["threshold"] == trained.training["threshold"]


def test_the_features_are_described_as_pandas_does(found: dict, trained: Trained) -> None:
    splits = dataset.load(trained.features / "features.parquet")
    fitted = splits["train"].with_(splits["validation"]) if trained.training["refit"]["used"] else splits["train"]
    assert found["data"]["rows"] == len(fitted)
    assert found["data"]["customers"] == len(set(fitted.users))
    assert found["data"]["positive_share"] == pytest.approx(fitted.labels.mean(), rel=1e-5)
    table = pd.DataFrame(fitted.rows, columns=FEATURES)
    assert [feature["name"] for feature in found["features"]] == list(FEATURES)
    for feature in found["features"]:
        column = table[feature["name"]]
        assert feature["missing_share"] == pytest.approx(column.isna().mean(), abs=1e-6)
        present = column.dropna().astype(float)
        assert feature["whole"] == bool((present % 1 == 0).all())
        tolerance = max(1e-4 * (present.max() - present.min()), 1e-6)
        kind = "lower" if feature["whole"] else "linear"
        for level, value in feature["quantiles"].items():
            expected = present.quantile(float(level), interpolation=kind)
            assert abs(value - expected) <= (1 if feature["whole"] else tolerance), (feature["name"], level)
        edges, counts = feature["histogram"]["edges"], feature["histogram"]["counts"]
        assert len(edges) == len(counts) + 1 <= 25
        assert edges == sorted(set(edges))
        assert sum(counts) == len(present), "every value is in a bin"
        assert counts == np.histogram(present, edges)[0].tolist()
        if feature["whole"]:
            assert all(edge % 1 == 0.5 for edge in edges), "bins are centred on whole numbers"


def test_directions_are_those_of_the_scores(found: dict, booster: xgboost.Booster, trained: Trained) -> None:
    directions = {feature["name"]: feature["direction"] for feature in found["features"]}
    assert directions["up_order_rate_since_first_order"] == 1
    rows = dataset.load(trained.features / "features.parquet")["train"].rows[:300]
    for name, sign in directions.items():
        assert sign in (-1, 0, 1)
        if not sign:
            continue
        low, high = rows.copy(), rows.copy()
        column = FEATURES.index(name)
        low[:, column], high[:, column] = np.nanquantile(rows[:, column], (0.05, 0.95))
        less, more = (booster.inplace_predict(r, validate_features=False).mean() for r in (low, high))
        assert (more - less) * sign > 0, name


def test_scores_and_calibration_are_of_the_test_pairs(found: dict, trained: Trained) -> None:
    test = trained.training["test"]
    assert sum(found["scores"]["counts"]) == test["pairs"] == sum(part["rows"] for part in found["calibration"])
    assert found["scores"]["edges"][0] == 0
    assert found["scores"]["edges"][-1] == 1
    assert [part["predicted"] for part in found["calibration"]] == sorted(
        part["predicted"] for part in found["calibration"]
    )


@pytest.mark.parametrize(
    ("features", "kept"), [(18, {"histogram", "quantiles"}), (150, {"quantiles"}), (900, set()), (5_000, None)]
)
def test_it_stays_within_its_limit(features: int, kept: set[str] | None) -> None:
    rng = np.random.default_rng(0)
    rows, labels = rng.random((200, features), dtype=np.float32), (rng.random(200) < 0.5).astype(np.float32)
    data = dataset.Dataset(tuple(f"feature_{i}" for i in range(features)), rows, labels, np.arange(200), np.arange(200))
    booster = xgboost.train({"objective": "binary:logistic"}, data.matrix(2), 1)
    made = card.build(
        booster,
        trained_at=card.now(),
        fitted=data,
        scores=rng.random(50),
        threshold={"value": 0.2},
        metrics={},
        calibration=[],
        data={"source": "noise", "sql_fingerprint": None},
    )
    card.attach(booster, made)
    assert len(booster.attr("imba.card")) <= card.LIMIT
    found = card.read(booster)["features"]
    if kept is None:
        assert found == []
    else:
        assert len(found) == features
        assert {"histogram", "quantiles"} & found[0].keys() == kept
    assert "sql_fingerprint" not in card.read(booster)["data"]


def test_a_wrong_date_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "yesterday")
    with pytest.raises(card.Failure, match="SOURCE_DATE_EPOCH=yesterday"):
        card.now()
