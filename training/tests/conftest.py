"""One invented shop, its features and one trained model, shared by all tests that only read them."""

from dataclasses import dataclass
from pathlib import Path

import pytest

from imba_training.features import features
from imba_training.synthesize import synthesize
from imba_training.train import Search, train

SEARCH = Search(trials=3, rounds=80, patience=10, seed=7, threads=2)


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
