"""The peer that most teams would write: FastAPI over the official package, one worker, one thread.

pip install fastapi uvicorn[standard] xgboost-cpu numpy
python benches/fastapi_xgboost.py PORT
"""

import sys
from pathlib import Path

import numpy as np
import uvicorn
import xgboost
from fastapi import FastAPI, HTTPException, Request
from fastapi.responses import PlainTextResponse

MODEL = Path(__file__).resolve().parent.parent / "demo" / "model.ubj"
booster = xgboost.Booster({"nthread": 1}, model_file=MODEL)
app = FastAPI()


@app.post("/predict", response_class=PlainTextResponse)
async def predict(request: Request) -> str:
    lines = (await request.body()).decode().splitlines()
    try:
        rows = np.array([[float(cell or "nan") for cell in line.split(",")] for line in lines], dtype=np.float32)
    except ValueError as error:
        raise HTTPException(422, str(error)) from error
    scores = booster.inplace_predict(rows, validate_features=False)
    return "\n".join(str(float(score)) for score in scores)


if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[1]), access_log=False, log_level="warning")
