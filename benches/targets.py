"""What is measured: servers, how each is asked, and how its answer is read. A protocol or a peer is an entry here."""

import json
import shutil
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from load import EXAMPLES, ROOT, ROW, Server, free_address, imba

PEERS = ROOT / "benches" / "peers"
ENVIRONMENTS = ROOT / "target" / "bench"
NUMBERS = [float(cell) for cell in ROW.split(",")]
NAMES = (ROOT / "demo" / "features.csv").open().readline().strip().split(",")[2:]


@dataclass
class Question:
    """A request, and how the scores in its answer are found; `None` where there are none to find."""

    path: str
    body: str | None
    headers: dict[str, str] = field(default_factory=dict)
    scores: Callable[[bytes], list[float]] | None = None


@dataclass
class Target:
    """A server: how it is started, and what it is asked in the scenarios it takes part in."""

    name: str
    start: Callable[[ExitStack], Server]
    questions: dict[str, Question]
    version: str = ""


def lines(answer: bytes) -> list[float]:
    return [float(line) for line in answer.split()]


def csv(rows: int, path: str = "/predict") -> Question:
    return Question(path, "\n".join([ROW] * rows), scores=lines)


def document(path: str, body: object, scores: Callable[[dict], list[float]]) -> Question:
    return Question(
        path, json.dumps(body), {"content-type": "application/json"}, lambda answer: scores(json.loads(answer))
    )


def by_rows(question: Callable[[int], Question]) -> dict[str, Question]:
    """The same question of one, a hundred and ten thousand rows."""
    return {"1 row": question(1), "100 rows": question(100), "10,000 rows": question(10_000)}


def tensor(rows: int) -> Question:
    """Open Inference Protocol, in JSON."""
    data = {"name": "input-0", "shape": [rows, len(NUMBERS)], "datatype": "FP32", "data": NUMBERS * rows}
    return document("/v2/models/imba/infer", {"inputs": [data]}, lambda answer: answer["outputs"][0]["data"])


def rows_of_json(rows: int) -> Question:
    return document("/predict", {"rows": [NUMBERS] * rows}, lambda answer: answer)


def frame(rows: int) -> Question:
    body = {"dataframe_split": {"columns": NAMES, "data": [NUMBERS] * rows}}
    return document("/invocations", body, lambda answer: answer["predictions"])


class AbsentError(Exception):
    """A peer that cannot be had on this machine."""


def environment(name: str) -> Path:
    """The interpreter of a peer's own environment, made on first use."""
    folder, requirements = ENVIRONMENTS / name, PEERS / f"{name}.txt"
    ready = folder / ".ready"
    if not ready.exists() or ready.stat().st_mtime < requirements.stat().st_mtime:
        install = [folder / "bin" / "pip", "install", "--quiet", "--disable-pip-version-check", "-r", requirements]
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
        if subprocess.run(install, check=False).returncode:
            raise AbsentError(f"{requirements.name} cannot be installed")
        ready.touch()
    return folder / "bin" / "python"


def peer(name: str, script: str, questions: dict[str, Question], **more: str) -> Target:
    """A peer from PyPI in an environment of its own."""

    def start(stack: ExitStack) -> Server:
        address = free_address()
        command = [str(environment(name)), str(PEERS / script), address.rsplit(":", 1)[1], *more.values()]
        return Server(stack, address, command)

    pinned = (PEERS / f"{name}.txt").read_text().split()
    return Target(name, start, questions, ", ".join(pinned))


def bare(stack: ExitStack) -> Server:
    address = free_address()
    return Server(stack, address, [str(EXAMPLES / "bare"), address])


def nginx(stack: ExitStack) -> Server:
    """nginx that answers a constant: one worker, no log."""
    program = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
    if not program:
        raise AbsentError("nginx is not installed")
    address, folder = free_address(), stack.enter_context(tempfile.TemporaryDirectory())
    config = Path(folder) / "nginx.conf"
    config.write_text(
        f"daemon off; worker_processes 1; pid {folder}/pid; error_log {folder}/error;\n"
        "events { worker_connections 4096; }\n"
        f"http {{ access_log off; keepalive_requests 1000000000; client_body_temp_path {folder};"
        f" proxy_temp_path {folder}; fastcgi_temp_path {folder}; uwsgi_temp_path {folder}; scgi_temp_path {folder};\n"
        f"server {{ listen {address}; default_type text/plain;"
        ' location / { return 200 "0.0034796935506165028"; } } }\n'
    )
    return Server(stack, address, [program, "-p", folder, "-c", str(config)])


def in_process() -> list[Target]:
    """Features in the request, the model in process; the limits first."""
    constant = by_rows(lambda rows: Question("/predict", "\n".join([ROW] * rows)))
    ours = by_rows(csv)
    # As MLServer is asked, whose one protocol it is.
    protocol = {"1 row, V2 JSON": tensor(1)}
    ours |= protocol
    ours["pair"] = Question("/predict/pair", "1,2", scores=lines)
    ours["recommend"] = Question(f"/recommend/{customer_with(65)}?limit=10", None)
    ours["explain"] = csv(1, "/explain")
    ours["explain"].scores = None
    xgboost = by_rows(csv)
    xgboost["explain"] = Question("/explain", ROW)
    return [
        Target("nginx, a constant", nginx, {"1 row": constant["1 row"]}),
        Target("bare handler", bare, {**constant, "pair": Question("/predict", "1,2")}),
        Target("imba", imba, ours),
        peer("fastapi_xgboost", "fastapi_xgboost.py", xgboost),
        peer("mlserver", "mlserver.py", by_rows(tensor) | protocol),
        peer("bentoml", "bentoml_service.py", by_rows(rows_of_json)),
        peer("mlflow", "mlflow_server.py", by_rows(frame)),
        peer("ray", "ray_serve.py", by_rows(rows_of_json)),
    ]


def before_aws(url: str) -> list[Target]:
    """The old service's work: the table and the endpoint are stubs at `url`."""
    settings = {
        "IMBA__SCORER__KIND": "sagemaker",
        "IMBA__SCORER__SAGEMAKER__ENDPOINT_NAME": "imba",
        "IMBA__FEATURES__KIND": "dynamodb",
        "IMBA__FEATURES__COLUMNS": ",".join(NAMES),
        "IMBA__AWS__ENDPOINT_URL": url,
    }
    questions = {
        "1 row → endpoint": csv(1),
        "pair → table, endpoint": Question("/predict/pair", "1,2", scores=lines),
    }
    return [
        Target("imba", lambda stack: imba(stack, settings), questions),
        peer("fastapi_boto3", "fastapi_boto3.py", questions, url=url),
    ]


def ask(server: Server, question: Question) -> bytes:
    """The answer, as Python's own client gets it."""
    body = None if question.body is None else question.body.encode()
    # Without a content type urllib calls the body a form, which is read as CSV.
    request = urllib.request.Request(f"http://{server.address}{question.path}", body, question.headers)
    with urllib.request.urlopen(request, timeout=60) as answer:
        return answer.read()


def customer_with(products: int) -> str:
    """The customer of the demo whose number of products is nearest to `products`."""
    counts: dict[str, int] = {}
    with (ROOT / "demo" / "features.csv").open() as table:
        next(table)
        for line in table:
            user = line.split(",", 1)[0]
            counts[user] = counts.get(user, 0) + 1
    return min(counts, key=lambda user: abs(counts[user] - products))
