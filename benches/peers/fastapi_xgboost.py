"""The peer that most teams would write: FastAPI over the official package, one worker, one thread.

python fastapi_xgboost.py PORT
"""

import json
import sys
from pathlib import Path

import numpy as np
import uvicorn
import xgboost
from fastapi import FastAPI, HTTPException, Request
from fastapi.responses import PlainTextResponse, Response

MODEL = Path(__file__).resolve().parents[2] / "demo" / "model.ubj"
booster = xgboost.Booster({"nthread": 1}, model_file=MODEL)
app = FastAPI()


async def rows_of(request: Request) -> np.ndarray:
    lines = (await request.body()).decode().splitlines()
    try:
        return np.array([[float(cell or "nan") for cell in line.split(",")] for line in lines], dtype=np.float32)
    except ValueError as error:
        raise HTTPException(422, str(error)) from error


@app.post("/predict", response_class=PlainTextResponse)
async def predict(request: Request) -> str:
    scores = booster.inplace_predict(await rows_of(request), validate_features=False)
    return "\n".join(str(float(score)) for score in scores)


@app.post("/explain")
async def explain(request: Request) -> Response:
    rows = xgboost.DMatrix(await rows_of(request), feature_names=booster.feature_names)
    shares = booster.predict(rows, pred_contribs=True)
    return Response(json.dumps(shares.tolist()), media_type="application/json")


if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[1]), access_log=False, log_level="warning")
