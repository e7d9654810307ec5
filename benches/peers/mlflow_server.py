"""MLflow's scoring server over its XGBoost flavour, one worker. python mlflow_server.py PORT"""

import os
import sys
import tempfile
from pathlib import Path

import mlflow.xgboost
import xgboost

if __name__ == "__main__":
    booster = xgboost.Booster({"nthread": 1}, model_file=Path(__file__).resolve().parents[2] / "demo" / "model.ubj")
    folder = Path(tempfile.mkdtemp()) / "model"
    mlflow.xgboost.save_model(booster, folder)
    program = Path(sys.executable).parent / "mlflow"
    # It starts uvicorn by its name.
    os.environ["PATH"] = f"{program.parent}:{os.environ['PATH']}"
    place = ["-m", str(folder), "-h", "127.0.0.1", "-p", sys.argv[1], "--env-manager", "local", "--workers", "1"]
    os.execv(program, [str(program), "models", "serve", *place])  # noqa: S606
