"""MLflow gets the run when MLFLOW_TRACKING_URI is set, and is not needed otherwise."""

import json
import shutil
import sys
from pathlib import Path

import pytest

from conftest import SEARCH, Trained
from imba_training import search, tracking
from imba_training.__main__ import main
from imba_training.columns import FEATURES
from imba_training.failures import Failure
from imba_training.train import train


def test_a_run_is_logged(trained: Trained, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import mlflow

    monkeypatch.setenv("MLFLOW_TRACKING_URI", (tmp_path / "runs").as_uri())
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    (tmp_path / "model").mkdir()
    shutil.copy(trained.model / search.JOURNAL, tmp_path / "model")
    found = train(trained.features, tmp_path / "model", SEARCH)
    client = mlflow.MlflowClient((tmp_path / "runs").as_uri())
    (run,) = client.search_runs([client.get_experiment_by_name("imba").experiment_id])
    assert run.info.status == "FINISHED"
    assert run.data.params["max_depth"] == str(found["parameters"]["max_depth"])
    assert run.data.params["fingerprint"] == found["data"]["fingerprint"]
    assert run.data.metrics["test_auc"] == pytest.approx(found["metrics"]["auc"]["value"])
    assert run.data.metrics["test_auc_low"] == pytest.approx(found["metrics"]["auc"]["low"])
    logged = Path(run.info.artifact_uri.removeprefix("file://"))
    for name in tracking.FILES:
        assert (logged / name).read_bytes() == (tmp_path / "model" / name).read_bytes()
    loaded = mlflow.models.Model.load(str(logged / "model"))
    assert loaded.signature.inputs.input_names() == list(FEATURES)
    assert loaded.flavors["xgboost"]["model_format"] == "ubj"
    assert (logged / "model" / loaded.flavors["xgboost"]["data"]).read_bytes() == (
        tmp_path / "model" / "model.ubj"
    ).read_bytes()


def test_without_mlflow_it_is_said_before_the_search(
    trained: Trained, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:1")
    monkeypatch.setitem(sys.modules, "mlflow", None)
    assert main(["train", str(trained.features), "--out", str(tmp_path / "model")]) == 1
    assert "pip install 'imba-training[mlflow]'" in capsys.readouterr().err
    assert not (tmp_path / "model").exists()


def test_a_server_that_does_not_answer_leaves_the_model(
    trained: Trained, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:1")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    shutil.copy(trained.model / "training.json", tmp_path)
    with pytest.raises(Failure, match=r"MLflow at http://127\.0\.0\.1:1: .*; the model itself is in"):
        tracking.track(json.loads((tmp_path / "training.json").read_text()), tmp_path)
