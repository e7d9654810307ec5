"""One invented shop, its features and one trained model, shared by all tests that only read them; and an AWS."""

import os

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # XGBoost's threads must not spin where other work wants the cores
os.environ["SOURCE_DATE_EPOCH"] = "1780000000"  # the card's date, so that the same model is the same bytes

import signal
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import boto3
import numpy as np
import pytest
from moto.server import ThreadedMotoServer

from cloud import BUCKET, REGION
from imba_training import metrics, model
from imba_training.columns import EXAMPLE
from imba_training.features import features
from imba_training.synthesize import synthesize
from imba_training.train import Search, train

metrics.MOST_RESAMPLES = metrics.FEWEST_RESAMPLES  # as on large data; the intervals are a little rougher, and quick
REPOSITORY = Path(__file__).resolve().parents[2]
SEARCH = Search(trials=3, rounds=80, patience=10, seed=7, threads=1)


def pytest_configure() -> None:
    """Ctrl-C works although a shell's background jobs, and so the programs that tests start, would ignore it."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


@dataclass(frozen=True)
class Trained:
    features: Path
    model: Path
    training: dict


@pytest.fixture(scope="session")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("shop")
    synthesize(out, users=3_000, products=600, seed=11)
    return out


@pytest.fixture(scope="session")
def made(shop: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("features")
    features(shop, out)
    return out


@pytest.fixture(scope="session")
def trained(made: Path, tmp_path_factory: pytest.TempPathFactory) -> Trained:
    out = tmp_path_factory.mktemp("model")
    return Trained(made, out, train(made, out, SEARCH))


@pytest.fixture(scope="session")
def imba() -> Path:
    """The service's program: IMBA_BIN, or the newest that `cargo build` left in target/."""
    named = os.environ.get("IMBA_BIN")
    built = [REPOSITORY / "target" / profile / "imba" for profile in ("release", "debug")]
    candidates = (
        [Path(named)]
        if named
        else sorted((file for file in built if file.is_file()), key=lambda file: file.stat().st_mtime, reverse=True)
    )
    if not candidates or not candidates[0].is_file():
        pytest.fail(f"no imba binary: {named or 'run `cargo build` or set IMBA_BIN'}")
    return candidates[0].resolve()


@pytest.fixture(scope="session")
def server() -> Iterator[str]:
    moto = ThreadedMotoServer(port=0, verbose=False)
    moto.start()
    host, port = moto.get_host_and_port()
    yield f"http://{host}:{port}"
    moto.stop()


@pytest.fixture
def aws(server: str, monkeypatch: pytest.MonkeyPatch) -> str:
    for name, value in {
        "AWS_ENDPOINT_URL": server,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": REGION,
        "AWS_CONFIG_FILE": "/dev/null",
        "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
    }.items():
        monkeypatch.setenv(name, value)
    urllib.request.urlopen(urllib.request.Request(f"{server}/moto-api/reset", method="POST")).close()
    boto3.client("s3").create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
    return server


@pytest.fixture
def archive(trained: Trained) -> Path:
    return trained.model / "model.tar.gz"


@pytest.fixture
def score(archive: Path) -> float:
    row = np.array([EXAMPLE], dtype=np.float32)
    return float(model.read(archive).inplace_predict(row, validate_features=False)[0])
