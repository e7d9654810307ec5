"""The report: one page that needs nothing else, readable by everyone, and numbers that pandas finds too."""

import json
import re
import shutil
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from matplotlib import pyplot as plt

from conftest import Trained
from imba_training import assessment, dataset, model, plots
from imba_training.columns import FEATURES
from imba_training.failures import Failure
from imba_training.features import features
from imba_training.report import report


@pytest.fixture(scope="module")
def reported(trained: Trained, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("report")
    report(trained.features, trained.model, out, threads=1)
    return out


@pytest.fixture(scope="module")
def numbers(reported: Path) -> dict:
    return json.loads((reported / "report.json").read_text())


@pytest.fixture(scope="module")
def pairs(trained: Trained) -> pd.DataFrame:
    """The test pairs as a table, with the model's scores."""
    test = dataset.load(trained.features / "features.parquet")["test"]
    table = pd.DataFrame(test.rows, columns=FEATURES)
    scores = model.read(trained.model / "model.ubj").inplace_predict(test.rows, validate_features=False)
    return table.assign(user=test.users, label=test.labels.astype(int), score=scores.astype(float))


class _Outline(HTMLParser):
    """Elements, addresses asked for, what a reader sees as headings, and what SVGs are called."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.addresses: list[str] = []
        self.headings: list[str] = []
        self.names: list[str] = []
        self.titles: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.addresses += [value or "" for name, value in attrs if name in ("src", "href", "xlink:href")]
        if tag == "svg":
            assert ("role", "img") in attrs
            self.names.append(dict(attrs)["aria-label"])

    def handle_data(self, data: str) -> None:
        if self.tags and self.tags[-1] in ("h1", "h2") and data.strip():
            self.headings.append(data.strip())
        if self.tags and self.tags[-1] == "title" and data.strip():
            self.titles.append(data.strip())


@pytest.fixture(scope="module")
def outline(reported: Path) -> _Outline:
    found = _Outline()
    found.feed((reported / "report.html").read_text())
    return found


def test_the_page_needs_nothing_else(reported: Path, outline: _Outline) -> None:
    text = (reported / "report.html").read_text()
    assert outline.tags.count("svg") == 15
    assert all(address.startswith(("#", "data:")) for address in outline.addresses)
    assert "url(http" not in text
    assert "$" not in re.sub(r"<svg.*?</svg>", "", text, flags=re.DOTALL), "a placeholder was not filled"
    assert len(text) < 3_000_000


def test_every_plot_has_a_name_of_its_own(outline: _Outline) -> None:
    assert len(set(outline.names)) == outline.tags.count("svg")
    assert set(outline.names) <= set(outline.titles)


@pytest.mark.parametrize(
    "heading",
    ["something simple", "rank well", "find cost", "probability", "draw the line", "scores occur", "search go",
     "trees use", "up or down", "errors cost", "more customers", "only what it has seen", "first suggestions",
     "Lift", "By history", "By popularity", "single features", "come from"],
)  # fmt: skip
def test_every_question_has_its_heading(heading: str, outline: _Outline) -> None:
    assert any(heading in shown for shown in outline.headings)


def test_it_begins_with_the_verdict(reported: Path, trained: Trained) -> None:
    text = (reported / "report.html").read_text()
    assert assessment.verdict(trained.training) in text
    assert "[" in assessment.verdict(trained.training)


def test_the_main_numbers_are_pandas_s(numbers: dict, pairs: pd.DataFrame) -> None:
    test = numbers["test"]
    rank = pairs["score"].rank()
    ones = pairs["label"] == 1
    auc = (rank[ones].sum() - ones.sum() * (ones.sum() + 1) / 2) / ones.sum() / (~ones).sum()
    assert test["auc"] == pytest.approx(auc)
    assert test["log_loss"] == pytest.approx(-np.log(np.where(ones, pairs["score"], 1 - pairs["score"])).mean())
    assert test["brier"] == pytest.approx(((pairs["score"] - pairs["label"]) ** 2).mean())
    for name in ("auc", "log_loss", "brier"):
        interval = numbers["metrics"][name]
        assert interval["value"] == pytest.approx(test[name])
        assert interval["low"] < interval["value"] < interval["high"]


def test_the_basket_f1_is_kaggle_s(numbers: dict, pairs: pd.DataFrame) -> None:
    """Set by set, as the competition explains it."""
    scores = []
    for _, own in pairs.groupby("user"):
        predicted = set(own.index[own["score"] > 0.2]) or {None}
        actual = set(own.index[own["label"] == 1]) or {None}
        both = len(predicted & actual)
        precision, recall = both / len(predicted), both / len(actual)
        scores.append(2 * precision * recall / (precision + recall) if both else 0.0)
    assert numbers["metrics"]["basket_f1"]["value"] == pytest.approx(np.mean(scores))


def test_the_confusion_matrix_is_pandas_s(numbers: dict, pairs: pd.DataFrame, reported: Path) -> None:
    text = (reported / "report.html").read_text()
    at = numbers["test"]["at_threshold"]
    table = pd.crosstab(pairs["score"] > 0.2, pairs["label"])
    expected = {
        "true_positives": table.loc[True, 1],
        "false_positives": table.loc[True, 0],
        "false_negatives": table.loc[False, 1],
        "true_negatives": table.loc[False, 0],
    }
    for name, count in expected.items():
        assert at[name] == count
        assert f'<td id="{name}">{count:,}</td>' in text
    decisions = json.loads(re.search(r'id="decisions">(.*?)</script>', text)[1])
    assert len(decisions) == 99
    for threshold, *counts in decisions:
        assert sum(counts) == len(pairs)
        assert counts[0] == ((pairs["score"] > threshold) & (pairs["label"] == 1)).sum()


def test_the_tops_calibration_and_lift_are_pandas_s(numbers: dict, pairs: pd.DataFrame) -> None:
    ranked = pairs.sort_values(["user", "score"], ascending=[True, False], kind="stable")
    for top in numbers["tops"]:
        best = ranked.groupby("user").head(top["k"])
        hits, bought = best.groupby("user")["label"].sum(), pairs.groupby("user")["label"].sum()
        assert top["precision"]["value"] == pytest.approx((hits / best.groupby("user").size()).mean())
        assert top["recall"]["value"] == pytest.approx((hits / bought)[bought > 0].mean())
    by_score = pairs.sort_values("score", kind="stable")
    parts = np.array_split(np.arange(len(pairs)), 10)
    assert [part["observed"] for part in numbers["test"]["calibration"]] == pytest.approx(
        [by_score["label"].iloc[part].mean() for part in parts]
    )
    tenth = by_score.tail(round(len(pairs) * 0.1))
    found = next(part["lift"] for part in numbers["test"]["lift"] if part["share"] == 0.1)
    assert found == pytest.approx(tenth["label"].mean() / pairs["label"].mean())


def test_the_slices_are_pandas_s(numbers: dict, pairs: pd.DataFrame) -> None:
    for name, column in (
        ("history: orders of the customer", "user_orders"),
        ("popularity: purchases of the product", "prod_orders"),
    ):
        parts = numbers["slices"][name]
        assert sum(part["pairs"] for part in parts) == len(pairs)
        for part in parts:
            own = pairs[pairs[column].between(part["from"], part["to"])]
            assert len(own) == part["pairs"]
            assert part["observed"] == pytest.approx(own["label"].mean())
            assert part["predicted"] == pytest.approx(own["score"].mean())
            rank, ones = own["score"].rank(), own["label"] == 1
            auc = (rank[ones].sum() - ones.sum() * (ones.sum() + 1) / 2) / ones.sum() / (~ones).sum()
            assert part["auc"] == pytest.approx(auc)


def test_the_curves_are_the_numbers(numbers: dict, trained: Trained) -> None:
    x, y = numbers["roc"]["false_positive_rate"], numbers["roc"]["true_positive_rate"]
    area = sum((b - a) * (c + d) / 2 for a, b, c, d in zip(x, x[1:], y, y[1:], strict=False))
    assert area == pytest.approx(numbers["test"]["auc"], abs=0.002)
    assert (x[0], y[0], x[-1], y[-1]) == (0, 0, 1, 1)
    histogram = numbers["score_histogram"]
    assert sum(histogram["reorders"]) == numbers["test"]["reordered"]
    assert sum(histogram["others"]) == numbers["test"]["pairs"] - numbers["test"]["reordered"]
    assert set(numbers["importance"]) == set(numbers["mean_absolute_shap"]) == set(FEATURES)
    assert sum(numbers["importance"].values()) == pytest.approx(1.0)
    assert numbers["validation_auc_by_trial"] == [t["auc"] for t in trained.training["trials"] if not t["pruned"]]
    recall = numbers["precision_recall"]["recall"]
    assert recall == sorted(recall)


def test_dependence_is_what_the_model_says(numbers: dict, trained: Trained) -> None:
    test = dataset.load(trained.features / "features.parquet")["test"]
    booster = model.read(trained.model / "model.ubj")
    sample = test.rows[np.sort(np.random.default_rng(0).permutation(len(test))[:400])]
    assert len(numbers["dependence"]) == 6
    for name, curve in numbers["dependence"].items():
        rows = sample.copy()
        rows[:, FEATURES.index(name)] = curve["values"][-1]
        assert curve["mean"][-1] == pytest.approx(
            booster.inplace_predict(rows, validate_features=False).mean(), rel=1e-5
        )


def test_same_model_same_page(reported: Path, trained: Trained, tmp_path: Path) -> None:
    report(trained.features, trained.model, tmp_path, threads=1)
    assert (tmp_path / "report.html").read_bytes() == (reported / "report.html").read_bytes()


def _contrast(one: str, other: str) -> float:
    """The ratio of WCAG 2, success criteria 1.4.3 and 1.4.11."""

    def luminance(color: str) -> float:
        channels = (int(color[i : i + 2], 16) / 255 for i in (1, 3, 5))
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def test_text_and_marks_have_contrast() -> None:
    assert _contrast(plots.INK, "#ffffff") >= 4.5
    for color in (*plots.MARKS.values(), *plots.LOW_TO_HIGH):
        assert _contrast(color, "#ffffff") >= 3, color


def test_no_curve_runs_through_a_legend(numbers: dict, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every legend ends above the axes, when the figure has been laid out."""
    seen = []
    close = plt.close

    def look(figure) -> None:
        figure.draw_without_rendering()
        for legend in figure.legends:
            box = legend.get_window_extent()
            assert all(not box.overlaps(axes.get_window_extent()) for axes in figure.axes)
            assert box.x1 <= figure.bbox.x1 + 1, "the legend is cut off"
            seen.append(legend)
        close(figure)

    monkeypatch.setattr(plt, "close", look)
    test, at = numbers["test"], numbers["test"]["at_threshold"]
    plots.svg("a", plots.by_threshold, test["by_threshold"], at)
    plots.svg("b", plots.calibration, test["calibration"])
    plots.svg("c", plots.precision_recall, [0, 1], [1, 0], 0.1, at)
    plots.svg("d", plots.roc, [0, 1], [0, 1], 0.5)
    histogram = numbers["score_histogram"]
    plots.svg("e", plots.scores, histogram["edges"], histogram["others"], histogram["reorders"], 0.2)
    plots.svg("f", plots.dependence, "x", next(iter(numbers["dependence"].values())), height=2.8)
    assert len(seen) == 6


def test_a_missing_model_is_said(trained: Trained, tmp_path: Path) -> None:
    with pytest.raises(Failure, match=r"training\.json: not there"):
        report(trained.features, tmp_path, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_features_of_another_moment_are_refused(trained: Trained, shop: Path, tmp_path: Path) -> None:
    features(shop, tmp_path / "other", as_of="-2")
    with pytest.raises(Failure, match=r"not the features that .* was trained on: their values differ"):
        report(tmp_path / "other", trained.model, tmp_path / "out")


def test_features_of_another_query_are_refused(trained: Trained, tmp_path: Path) -> None:
    shutil.copytree(trained.features, tmp_path / "other")
    made = json.loads((tmp_path / "other" / "features.json").read_text())
    (tmp_path / "other" / "features.json").write_text(json.dumps(made | {"sql_fingerprint": "sha256:0"}))
    with pytest.raises(Failure, match="made by another query than the features"):
        report(tmp_path / "other", trained.model, tmp_path / "out")


def test_a_model_of_another_training_is_refused(trained: Trained, tmp_path: Path) -> None:
    training = json.loads((trained.model / "training.json").read_text())
    training["data"]["fingerprint"] = "sha256:0"
    (tmp_path / "training.json").write_text(json.dumps(training))
    shutil.copy(trained.model / "model.ubj", tmp_path)
    with pytest.raises(Failure, match=r"not the model that training\.json beside it describes"):
        report(trained.features, tmp_path, tmp_path / "out")
