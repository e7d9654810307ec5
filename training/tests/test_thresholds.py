"""Thresholds: how they are asked for, that they are the best in the sense asked for, and that the reason is true."""

import numpy as np
import pytest

from imba_training import evaluation
from imba_training.thresholds import Rule, choose


@pytest.fixture(scope="module")
def calibrated() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(2)
    scores = rng.beta(1, 6, size=200_000)
    return (rng.random(200_000) < scores).astype(float), scores


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("best", Rule()),
        ("0.2", Rule(value=0.2)),
        ("cost:1,4", Rule(costs=(1, 4))),
        ("cost:2.5,1", Rule(costs=(2.5, 1))),
    ],
)
def test_rules_are_read(text: str, rule: Rule) -> None:
    assert Rule.parse(text) == rule


@pytest.mark.parametrize(
    "text", ["", "0", "1", "nan", "worst", "cost:1", "cost:0,1", "cost:1,inf", "cost:a,b", "cost:1,2,3"]
)
def test_no_rules_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="best, a number between 0 and 1, or cost:FP,FN"):
        Rule.parse(text)


@pytest.mark.parametrize(("needless", "missed"), [(1, 4), (1, 1), (1, 9), (3, 1)])
def test_costs_lead_where_theory_says_for_calibrated_scores(needless: float, missed: float, calibrated: tuple) -> None:
    found = choose(Rule(costs=(needless, missed)), *calibrated)
    assert found["value"] == pytest.approx(needless / (needless + missed), abs=0.04)
    assert (found["false_positive_cost"], found["false_negative_cost"]) == (needless, missed)
    for other in evaluation.decisions_by_threshold(*calibrated):
        here = evaluation.decide(*calibrated, found["value"])
        assert needless * here["false_positives"] + missed * here["false_negatives"] <= (
            needless * other["false_positives"] + missed * other["false_negatives"]
        )


def test_best_is_the_greatest_f1(calibrated: tuple) -> None:
    found = choose(Rule(), *calibrated)
    f1 = {d["threshold"]: d["f1"] for d in evaluation.decisions_by_threshold(*calibrated)}
    assert f1[found["value"]] == max(f1.values())
    assert f"{found['value']:g} gives the greatest F1" in found["reason"]


def test_a_given_threshold_says_what_it_stands_for(calibrated: tuple) -> None:
    found = choose(Rule(value=0.2), *calibrated)
    assert found["value"] == 0.2
    assert (found["false_positive_cost"], found["false_negative_cost"]) == (1, 4)
    assert "a missed reorder costs 4 times as much as a needless suggestion" in found["reason"]
    assert "F1, which charges both errors alike" in found["reason"]
    at = evaluation.decide(*calibrated, 0.2)
    assert f"{at['recall']:.0%} of their reorders" in found["reason"]


def test_nobody_above_is_said() -> None:
    found = choose(Rule(value=0.9), np.array([0.0, 1.0]), np.array([0.1, 0.2]))
    assert found["reason"].endswith("No validation pair scores above it.")
