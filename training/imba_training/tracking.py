"""MLflow: parameters, metrics, files and the model's signature, when MLFLOW_TRACKING_URI names a server or folder."""

import os
import tempfile
from pathlib import Path

from . import model
from .failures import Failure
from .output import say

VARIABLE = "MLFLOW_TRACKING_URI"
FILES = ("model.ubj", "model.tar.gz", "training.json")


def require() -> None:
    """Fails before hours of training rather than after them."""
    if os.environ.get(VARIABLE):
        _mlflow()


def track(numbers: dict[str, object], out: Path) -> None:
    """Logs one run of `train`, whose files are in `out`; does nothing without the variable."""
    if not os.environ.get(VARIABLE):
        return
    mlflow = _mlflow()
    try:
        mlflow.set_experiment(os.environ.get("MLFLOW_EXPERIMENT_NAME", "imba"))
        with mlflow.start_run() as run:
            mlflow.log_params(
                {
                    **numbers["parameters"],
                    "trees": numbers["trees"],
                    "seed": numbers["seed"],
                    "refit": numbers["refit"]["used"],
                }
            )
            mlflow.log_params({name: numbers["data"][name] for name in ("source", "fingerprint", "sql_fingerprint")})
            mlflow.log_metrics(_metrics(numbers))
            for name in FILES:
                mlflow.log_artifact(str(out / name))
            _log_model(mlflow, numbers, out)
    except (mlflow.exceptions.MlflowException, OSError) as error:
        raise Failure(f"MLflow at {os.environ[VARIABLE]}: {error}; the model itself is in {out}") from error
    say(f"train: MLflow run {run.info.run_id} at {os.environ[VARIABLE]}")


def _mlflow():
    try:
        import mlflow
        import mlflow.models
    except ImportError:
        raise Failure(f"{VARIABLE} is set, but MLflow is not installed: pip install 'imba-training[mlflow]'") from None
    return mlflow


def _metrics(numbers: dict[str, object]) -> dict[str, float]:
    found = {}
    for name, interval in numbers["metrics"].items():
        found |= {
            f"test_{name}": interval["value"],
            f"test_{name}_low": interval["low"],
            f"test_{name}_high": interval["high"],
        }
    return found | {"validation_auc": numbers["validation_auc"], "threshold": numbers["threshold"]["value"]}


def _log_model(mlflow, numbers: dict[str, object], out: Path) -> None:
    """The model as MLflow lays it out: `MLmodel` with the signature beside the file, for its XGBoost flavor."""
    from mlflow.models import Model, ModelSignature
    from mlflow.types import ColSpec, Schema

    inputs = Schema([ColSpec("double", name) for name in numbers["data"]["columns"]])
    layout = Model(signature=ModelSignature(inputs, Schema([ColSpec("double")])))
    layout.add_flavor(
        "xgboost",
        xgb_version=numbers["xgboost"],
        data="model.ubj",
        model_class="xgboost.core.Booster",
        model_format="ubj",
    )
    with tempfile.TemporaryDirectory() as folder:
        booster = model.read(out / "model.ubj")
        (Path(folder) / "model.ubj").write_bytes(model.ubj(booster))
        layout.save(str(Path(folder) / "MLmodel"))
        mlflow.log_artifacts(folder, "model")
