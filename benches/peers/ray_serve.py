"""Ray Serve, one replica. python ray_serve.py PORT"""

import sys
import time
from pathlib import Path

import numpy as np
import ray
import xgboost
from ray import serve
from starlette.requests import Request


@serve.deployment(max_ongoing_requests=64)
class Imba:
    """The demo's model."""

    def __init__(self, model: str) -> None:
        self.booster = xgboost.Booster({"nthread": 1}, model_file=model)

    async def __call__(self, request: Request) -> list[float]:
        rows = np.array((await request.json())["rows"], dtype=np.float32)
        return self.booster.inplace_predict(rows, validate_features=False).tolist()


if __name__ == "__main__":
    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False)
    serve.start(http_options={"host": "127.0.0.1", "port": int(sys.argv[1])})
    serve.run(Imba.bind(str(Path(__file__).resolve().parents[2] / "demo" / "model.ubj")), route_prefix="/predict")
    while True:
        time.sleep(60)
