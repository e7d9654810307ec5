"""BentoML, one worker. python bentoml_service.py PORT"""

import os
import sys
from pathlib import Path

import bentoml
import numpy as np
import xgboost

HERE = Path(__file__).resolve()


@bentoml.service(workers=1, traffic={"timeout": 30})
class Imba:
    """The demo's model."""

    def __init__(self) -> None:
        self.booster = xgboost.Booster({"nthread": 1}, model_file=HERE.parents[2] / "demo" / "model.ubj")

    @bentoml.api
    def predict(self, rows: list[list[float]]) -> list[float]:
        return self.booster.inplace_predict(np.array(rows, dtype=np.float32), validate_features=False).tolist()


if __name__ == "__main__":
    program = Path(sys.executable).parent / "bentoml"
    place = ["--working-dir", str(HERE.parent), "--host", "127.0.0.1", "--port", sys.argv[1]]
    os.execv(program, [str(program), "serve", "bentoml_service:Imba", *place])  # noqa: S606
