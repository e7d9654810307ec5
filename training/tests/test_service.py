"""The service takes what this package makes: scores, tables and models, through the real binary.

The binary is IMBA_BIN, or what `cargo build` left in target/; without one these tests fail.
"""

import csv
import json
import os
import re
import signal
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from queue import Queue

import numpy as np
import pytest
import xgboost

from conftest import REPOSITORY, Trained
from imba_training import dataset, model
from imba_training.columns import EXAMPLE, FEATURES
from imba_training.synthesize import synthesize

START = 30.0  # seconds that the service may take to say where it listens


def environment(folder: Path, model_file: Path) -> dict[str, str]:
    """Settings for a service that owns nothing outside `folder`."""
    static = folder / "static"
    static.mkdir(exist_ok=True)
    (static / "index_imba.html").write_text("<!doctype html><title>imba</title>")
    ours = {name: value for name, value in os.environ.items() if not name.startswith("IMBA__")}
    return ours | {
        "IMBA__SERVER__LISTEN": "127.0.0.1:0",
        "IMBA__SERVER__STATIC_DIR": str(static),
        "IMBA__MODEL__PATH": str(model_file),
        "IMBA__FEATURES__EMBEDDED__PATH": str(folder / "features.redb"),
        "IMBA__FEATURES__EMBEDDED__SEED": "",
    }


@contextmanager
def served(imba: Path, folder: Path, settings: dict[str, str]) -> Iterator[str]:
    """The base URL of a running service; it must end well on SIGTERM."""
    process = subprocess.Popen(
        [imba, "serve"], cwd=folder, env=settings, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    log: list[str] = []
    found: Queue[str | None] = Queue()

    def read() -> None:
        for line in process.stdout:
            log.append(line)
            if address := re.search(r"127\.0\.0\.1:[1-9]\d*", line):
                found.put(address[0])
        found.put(None)

    reader = threading.Thread(target=read)
    reader.start()
    try:
        address = found.get(timeout=START)
        assert address, "the service ended without listening:\n" + "".join(log)
        yield f"http://{address}"
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            code = process.wait(timeout=START)
        except subprocess.TimeoutExpired:
            process.kill()
            code = process.wait()
        reader.join()
        process.stdout.close()
    assert code == 0, f"exit code {code} on SIGTERM:\n" + "".join(log)


def ask(url: str, body: str, **headers: str) -> bytes:
    request = urllib.request.Request(url, data=body.encode(), headers=headers, method="POST")
    with urllib.request.urlopen(request, timeout=10) as answer:
        return answer.read()


@pytest.mark.parametrize(("output", "is_margin"), [("score", False), ("margin", True)])
def test_imba_score_equals_the_official_package(
    output: str, is_margin: bool, imba: Path, trained: Trained, tmp_path: Path
) -> None:
    rows = dataset.load(trained.features / "features.parquet")["test"].rows[:1_000].copy()
    rows[np.random.default_rng(1).random(rows.shape) < 0.1] = np.nan
    booster = model.read(trained.model / "model.ubj")
    expected = booster.predict(xgboost.DMatrix(rows, feature_names=list(FEATURES)), output_margin=is_margin)
    text = "\n".join(",".join("" if np.isnan(v) else repr(float(v)) for v in row) for row in rows) + "\n"
    (tmp_path / "rows.csv").write_text(text)
    command = [imba, "score", "--model", trained.model / "model.ubj", "--input", "rows.csv", "--output", output]
    run = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert run.returncode == 0, run.stderr
    found = np.array([float(line) for line in run.stdout.splitlines()], dtype=np.float32)
    assert found.shape == expected.shape
    np.testing.assert_array_max_ulp(found, expected, maxulp=0 if is_margin else 2)


def readme_commands() -> list[str]:
    """The first shell block of the README: how one comes from the Kaggle files to a served model."""
    text = (REPOSITORY / "training" / "README.md").read_text()
    return re.search(r"```sh\n(.*?)```", text, re.DOTALL)[1].splitlines()


def test_the_readme_leads_from_nothing_to_an_answer(imba: Path, tmp_path: Path) -> None:
    """Every command as it is written, but for the programs' places, what installs them, and a shorter search."""
    synthesize(tmp_path / "data", users=600, products=200, seed=2)
    build, install, *commands, first_export, second_export, serving = readme_commands()
    assert build == "cargo build --release"
    assert install.endswith("pip install -e training")
    assert serving.endswith(" && target/release/imba serve")
    settings = environment(tmp_path, Path("build/model.ubj"))
    for assignment in f"{first_export} {second_export}".replace("export", "").split():
        name, _, value = assignment.partition("=")
        assert name in ("IMBA__MODEL__PATH", "IMBA__PRODUCTS__NAMES") or name in settings
        settings[name] = value
    for command in (*commands, serving.removesuffix(" && target/release/imba serve")):
        command = command.partition("#")[0]
        if " train " in command:
            command += " --trials 2 --rounds 60 --patience 10 --threads 1"
        program = command.replace("python ", f"{sys.executable} ").replace("target/release/imba", str(imba))
        run = subprocess.run(
            ["/bin/bash", "-c", program], cwd=tmp_path, env=settings, capture_output=True, text=True, timeout=300
        )
        assert run.returncode == 0, f"{command}: {run.stdout}{run.stderr}"
    assert (tmp_path / "build" / "report.html").is_file()

    with (tmp_path / "build" / "now" / "features.csv").open() as file:
        table = list(csv.reader(file))[1:]
    chosen = table[:: len(table) // 50]
    rows = np.array([[float(cell or "nan") for cell in row[2:]] for row in chosen], dtype=np.float32)
    booster = model.read(tmp_path / "build" / "model.ubj")
    expected = booster.predict(xgboost.DMatrix(rows, feature_names=list(FEATURES)))
    with served(imba, tmp_path, settings) as service:
        by_pair = ask(
            f"{service}/predict/pair", "\n".join(",".join(row[:2]) for row in chosen), Accept="application/json"
        )
        by_row = ask(f"{service}/predict", "\n".join(",".join(row[2:]) for row in chosen), Accept="application/json")
        one = ask(f"{service}/predict/pair", "1,2")
        example = ask(f"{service}/predict", ",".join(map(str, EXAMPLE)))
    for answer in (by_pair, by_row):
        predictions = json.loads(answer)["predictions"]
        np.testing.assert_allclose([p["score"] for p in predictions], expected, rtol=1e-6)
        assert [p["likely"] for p in predictions] == [bool(score > 0.2) for score in expected]
    pair = next(row for row in table if row[:2] == ["1", "2"])
    alone = np.array([[float(cell or "nan") for cell in pair[2:]]], dtype=np.float32)
    assert float(one) == pytest.approx(booster.inplace_predict(alone, validate_features=False)[0], rel=1e-6)
    alone = np.array([EXAMPLE], dtype=np.float32)
    assert float(example) == pytest.approx(booster.inplace_predict(alone, validate_features=False)[0], rel=1e-6)


def test_the_archive_for_sagemaker_holds_what_the_service_reads(imba: Path, trained: Trained, tmp_path: Path) -> None:
    import tarfile

    with tarfile.open(trained.model / "model.tar.gz") as archive:
        archive.extract("xgboost-model", tmp_path, filter="data")
    run = subprocess.run([imba, "model", tmp_path / "xgboost-model"], capture_output=True, text=True, timeout=60)
    assert run.returncode == 0, run.stderr
    assert "binary:logistic" in run.stdout
    assert all(name in run.stdout for name in FEATURES)
