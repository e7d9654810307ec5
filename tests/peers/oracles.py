"""The same requests to MLServer, to MLflow's scoring server and to imba, with the demo's model; differences are listed.

    python3 -m venv /tmp/oracles && /tmp/oracles/bin/pip install -r tests/peers/oracles.txt
    /tmp/oracles/bin/python tests/peers/oracles.py target/release/imba

Numbers must be the same; statuses and words of failures are listed where they differ, for people to judge.
"""

import csv
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import xgboost

ROOT = Path(__file__).resolve().parent.parent.parent
MODEL = ROOT / "demo" / "model.ubj"
IMBA, MLSERVER, MLFLOW = "127.0.0.1:18380", "127.0.0.1:18381", "127.0.0.1:18384"
INFER = "/v2/models/imba/infer"


def rows(count: int) -> list[list[float | None]]:
    with (ROOT / "tests" / "fixtures" / "rows.csv").open() as file:
        table = [[float(cell) if cell else None for cell in row] for row in csv.reader(file)]
    return table[:count]


def send(address: str, path: str, body: object) -> tuple[int, object]:
    data = body.encode() if isinstance(body, str) else json.dumps(body).encode()
    request = urllib.request.Request(f"http://{address}{path}", data, {"content-type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        text = error.read().decode()
        try:
            return error.code, json.loads(text)
        except ValueError:
            return error.code, text


def wait(address: str, path: str) -> None:
    for _ in range(600):
        try:
            with urllib.request.urlopen(f"http://{address}{path}", timeout=5):
                return
        except OSError:
            time.sleep(0.2)
    sys.exit(f"{address}{path} does not answer")


def start(stack: ExitStack, command: list[str], folder: str, **env: str) -> None:
    # MLflow looks for uvicorn by its name, and leaves it behind when it is ended alone.
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    with (Path(folder) / f"{Path(command[0]).name}.log").open("w") as log:
        env = {**os.environ, "PATH": path, **env}
        process = subprocess.Popen(command, cwd=folder, env=env, stdout=log, stderr=log, start_new_session=True)
    stack.callback(process.wait)
    stack.callback(os.killpg, process.pid, signal.SIGTERM)


def mlserver(stack: ExitStack, folder: str) -> None:
    settings = {
        "http_port": 18381,
        "grpc_port": 18382,
        "metrics_port": 18383,
        "host": "127.0.0.1",
        "parallel_workers": 0,
    }
    model = {"name": "imba", "implementation": "mlserver_xgboost.XGBoostModel", "parameters": {"uri": str(MODEL)}}
    (Path(folder) / "settings.json").write_text(json.dumps(settings))
    (Path(folder) / "model-settings.json").write_text(json.dumps(model))
    start(stack, [str(Path(sys.executable).parent / "mlserver"), "start", folder], folder)


def mlflow(stack: ExitStack, folder: str) -> None:
    import mlflow.xgboost

    booster = xgboost.Booster(model_file=MODEL)
    mlflow.xgboost.save_model(booster, f"{folder}/model")
    command = [
        sys.executable,
        "-m",
        "mlflow",
        "models",
        "serve",
        "-m",
        f"{folder}/model",
        "-p",
        "18384",
        "--env-manager",
        "local",
    ]
    start(stack, command, folder)


def numbers(answer: object) -> list[float] | None:
    if not isinstance(answer, dict):
        return None
    found = answer.get("predictions") or (answer.get("outputs") or [{}])[0].get("data")
    return found and np.array(found, dtype=np.float32).flatten().tolist()


def compare(name: str, theirs: str, path: str, body: object) -> bool:
    (expected_status, expected), (status, found) = send(theirs, path, body), send(IMBA, path, body)
    if numbers(expected) and numbers(found):
        same = numbers(expected) == numbers(found)
        print(f"{'same numbers' if same else 'OTHER NUMBERS'}: {name} ({len(numbers(found))})")
        if not same:
            print(f"  theirs {numbers(expected)[:3]}\n  ours   {numbers(found)[:3]}")
        return same
    print(f"{name}: theirs {expected_status}, ours {status}")
    print(f"  theirs {json.dumps(expected)[:200]}\n  ours   {json.dumps(found)[:200]}")
    return True


def infer(values: list[list[float | None]], datatype: str = "FP32", **members: object) -> dict[str, object]:
    flat = [value for row in values for value in row]
    tensor = {"name": "rows", "shape": [len(values), len(values[0])], "datatype": datatype, "data": flat}
    return {"inputs": [tensor], **members}


def main() -> None:
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        imba = {"IMBA__SERVER__LISTEN": IMBA, "IMBA__FEATURES__KIND": "none", "IMBA__MODEL__PATH": str(MODEL)}
        start(stack, [str(Path(sys.argv[1]).resolve())], folder, **imba)
        mlserver(stack, folder)
        mlflow(stack, folder)
        for address, path in ((IMBA, "/livez"), (MLSERVER, f"{INFER[:-6]}/ready"), (MLFLOW, "/ping")):
            wait(address, path)
        some, known = rows(50), [row for row in rows(200) if None not in row][:50]
        names = xgboost.Booster(model_file=MODEL).feature_names
        records = [dict(zip(names, row, strict=True)) for row in known]
        split = {"columns": names, "data": known}
        reversed_split = {"columns": names[::-1], "data": [row[::-1] for row in known]}
        good = [
            compare(f"MLServer: {name}", MLSERVER, INFER, body)
            for name, body in {
                "FP32": infer(known),
                "FP64": infer(known, "FP64"),
                "null": infer(some),
                "nested": {"inputs": [{**infer(known)["inputs"][0], "data": known}]},
                "output predict": infer(known, outputs=[{"name": "predict"}]),
                "INT64": infer([[1] * 18], "INT64"),
                "output nobody has": infer(known, outputs=[{"name": "nothing"}]),
                "a row too narrow": infer([row[:17] for row in known]),
                "a shape that does not fit": {"inputs": [{**infer(known)["inputs"][0], "shape": [3, 18]}]},
                "no inputs": {"inputs": []},
                "no datatype": infer(known, "FP99"),
                "not JSON": "{",
            }.items()
        ]
        good += [
            compare(f"MLflow: {name}", MLFLOW, "/invocations", body)
            for name, body in {
                "dataframe_split": {"dataframe_split": split},
                "dataframe_split, columns the other way round": {"dataframe_split": reversed_split},
                "dataframe_split with null": {"dataframe_split": {"columns": names, "data": some}},
                "dataframe_records": {"dataframe_records": records},
                "instances by name": {"instances": records},
                "instances": {"instances": known},
                "inputs": {"inputs": known},
                "inputs by column": {"inputs": {name: [row[name] for row in records] for name in names}},
                "params": {"dataframe_split": split, "params": {"x": 1}},
                "two forms": {"inputs": known, "instances": known},
                "no form": {"data": known},
                "a column absent": {"dataframe_split": {"columns": names[1:], "data": [row[1:] for row in known]}},
                "not JSON": "{",
            }.items()
        ]
        sys.exit(0 if all(good) else 1)


if __name__ == "__main__":
    main()
