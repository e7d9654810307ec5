"""The demo files of the repository, and that the same pipeline makes them again."""

import csv
from pathlib import Path

import numpy as np
import pytest

from imba_training import demo, model
from imba_training.columns import EXAMPLE, FEATURES

REPOSITORY_DEMO = Path(__file__).resolve().parents[2] / "demo"


@pytest.fixture(scope="module", params=["committed", "rebuilt"])
def folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The committed files, and newly made ones: what holds for one must hold for the other."""
    if request.param == "committed":
        return REPOSITORY_DEMO
    out = tmp_path_factory.mktemp("demo")
    assert demo.demo(out) == list(demo.FILES)
    return out


def test_small_enough_for_a_repository(folder: Path) -> None:
    assert sum((folder / name).stat().st_size for name in demo.FILES) <= 3_000_000


def test_a_few_hundred_users_with_some_thousands_of_pairs(folder: Path) -> None:
    with (folder / "features.csv").open() as file:
        header, *rows = csv.reader(file)
    assert tuple(header) == ("user_id", "product_id", *FEATURES)
    assert {int(row[0]) for row in rows} == set(range(1, 201))
    assert 5_000 < len(rows) < 20_000
    assert any(row[:2] == ["1", "2"] for row in rows)
    with (folder / "products.csv").open() as file:
        names = {row["product_id"]: row["product_name"] for row in csv.DictReader(file)}
    assert all(names[row[1]] for row in rows)


def test_scores_are_worth_showing(folder: Path) -> None:
    booster = model.read(folder / "model.ubj")
    assert booster.num_boosted_rounds() == 300
    rows = np.genfromtxt(folder / "features.csv", delimiter=",", skip_header=1, dtype=np.float32)[:, 2:]
    scores = booster.inplace_predict(rows, validate_features=False)
    assert 0.1 < scores.mean() < 0.2
    assert 0.1 < (scores > 0.2).mean() < 0.4
    assert scores.min() < 0.01
    assert scores.max() > 0.6
    example = booster.inplace_predict(np.array([EXAMPLE], dtype=np.float32), validate_features=False)[0]
    assert example < 0.05, "a product bought once, 46 orders ago"


def test_it_says_what_changed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture) -> None:
    monkeypatch.setattr(demo, "POPULATION", 300)
    monkeypatch.setattr(demo, "TREES", 5)
    assert demo.demo(tmp_path) == list(demo.FILES)
    assert demo.demo(tmp_path) == []
    assert capsys.readouterr().err.rstrip().endswith("demo: nothing changed")
    (tmp_path / "products.csv").write_text("product_id,product_name\n")
    assert demo.demo(tmp_path) == ["products.csv"]
    assert capsys.readouterr().err.rstrip().endswith("demo: products.csv changed")
