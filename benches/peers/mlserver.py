"""MLServer with its XGBoost runtime, in one process. python mlserver.py PORT"""

import json
import os
import socket
import sys
import tempfile
from pathlib import Path

MODEL = Path(__file__).resolve().parents[2] / "demo" / "model.ubj"


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


if __name__ == "__main__":
    folder = Path(tempfile.mkdtemp())
    settings = {
        "host": "127.0.0.1",
        "http_port": int(sys.argv[1]),
        "grpc_port": free_port(),
        "metrics_port": free_port(),
        "parallel_workers": 0,
        "debug": False,
    }
    model = {
        "name": "imba",
        "implementation": "mlserver_xgboost.XGBoostModel",
        "parameters": {"uri": str(MODEL)},
    }
    (folder / "settings.json").write_text(json.dumps(settings))
    (folder / "model-settings.json").write_text(json.dumps(model))
    program = Path(sys.executable).parent / "mlserver"
    os.execv(program, [str(program), "start", str(folder)])  # noqa: S606
