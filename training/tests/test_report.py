"""The report: one page that needs nothing else, and the numbers that its plots are drawn from."""

import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from conftest import Trained
from imba_training.columns import FEATURES
from imba_training.failures import Failure
from imba_training.report import report


@pytest.fixture(scope="module")
def reported(trained: Trained, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("report")
    report(trained.features, trained.model, out, threads=2)
    return out


class _Outline(HTMLParser):
    """Elements, addresses asked for, and what a reader sees as headings."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.addresses: list[str] = []
        self.headings: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.addresses += [value or "" for name, value in attrs if name in ("src", "href", "xlink:href")]

    def handle_data(self, data: str) -> None:
        if self.tags and self.tags[-1] in ("h1", "h2") and data.strip():
            self.headings.append(data.strip())


def test_the_page_needs_nothing_else(reported: Path) -> None:
    outline = _Outline()
    text = (reported / "report.html").read_text()
    outline.feed(text)
    assert outline.tags.count("svg") == 8
    assert "script" not in outline.tags
    assert all(address.startswith(("#", "data:")) for address in outline.addresses)
    assert "url(http" not in text
    assert "$" not in re.sub(r"<svg.*?</svg>", "", text, flags=re.DOTALL), "a placeholder was not filled"
    assert len(text) < 3_000_000


def test_every_plot_has_its_heading(reported: Path) -> None:
    outline = _Outline()
    outline.feed((reported / "report.html").read_text())
    for heading in (
        "rank well",
        "find cost",
        "probability",
        "draw the line",
        "scores occur",
        "search go",
        "trees use",
        "up or down",
    ):
        assert any(heading in shown for shown in outline.headings), heading


def test_numbers_beside_it(reported: Path, trained: Trained) -> None:
    numbers = json.loads((reported / "report.json").read_text())
    test = trained.training["test"]
    assert numbers["test"]["auc"] == pytest.approx(test["auc"], abs=1e-9)
    x, y = numbers["roc"]["false_positive_rate"], numbers["roc"]["true_positive_rate"]
    area = sum((b - a) * (c + d) / 2 for a, b, c, d in zip(x, x[1:], y, y[1:], strict=False))
    assert area == pytest.approx(test["auc"], abs=0.002)
    assert (x[0], y[0], x[-1], y[-1]) == (0, 0, 1, 1)
    histogram = numbers["score_histogram"]
    assert sum(histogram["reorders"]) == test["reordered"]
    assert sum(histogram["others"]) == test["pairs"] - test["reordered"]
    assert set(numbers["importance"]) == set(numbers["mean_absolute_shap"]) == set(FEATURES)
    assert sum(numbers["importance"].values()) == pytest.approx(1.0)
    assert numbers["validation_auc_by_trial"] == [trial["auc"] for trial in trained.training["trials"]]
    recall = numbers["precision_recall"]["recall"]
    assert recall == sorted(recall)


def test_same_model_same_page(reported: Path, trained: Trained, tmp_path: Path) -> None:
    report(trained.features, trained.model, tmp_path, threads=2)
    assert (tmp_path / "report.html").read_bytes() == (reported / "report.html").read_bytes()


def test_a_missing_model_is_said(trained: Trained, tmp_path: Path) -> None:
    with pytest.raises(Failure, match=r"training\.json: not there"):
        report(trained.features, tmp_path, tmp_path / "out")
    assert not (tmp_path / "out").exists()
