"""The metrics, against scikit-learn and against counting by hand; and the intervals, against what they promise."""

import numpy as np
import pytest
from sklearn import metrics as reference

from imba_training import evaluation
from imba_training.metrics import Scored, intervals


@pytest.fixture
def pairs() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(3)
    users = rng.integers(1, 60, size=2_000)
    scores = np.round(rng.beta(1, 5, size=2_000), 2)  # with ties
    return (rng.random(2_000) < scores).astype(np.float32), scores, users


def test_equal_scikit_learn_s_also_with_weights(pairs: tuple) -> None:
    labels, scores, users = pairs
    scored = Scored(labels, scores, users, 0.2)
    weights = np.random.default_rng(1).integers(0, 4, size=len(scored.users)).astype(float)
    for customers in (np.ones(len(scored.users)), weights):
        found, per_pair = scored.metrics(customers), customers[scored.customer]
        likely = scores > 0.2
        expected = {
            "auc": reference.roc_auc_score(labels, scores, sample_weight=per_pair),
            "average_precision": reference.average_precision_score(labels, scores, sample_weight=per_pair),
            "log_loss": reference.log_loss(labels, np.clip(scores, 1e-15, 1 - 1e-15), sample_weight=per_pair),
            "brier": reference.brier_score_loss(labels, scores, sample_weight=per_pair),
            "precision": reference.precision_score(labels, likely, sample_weight=per_pair),
            "recall": reference.recall_score(labels, likely, sample_weight=per_pair),
            "f1": reference.f1_score(labels, likely, sample_weight=per_pair),
        }
        assert {name: found[name] for name in expected} == pytest.approx(expected)


def test_baskets_as_kaggle_counts_them() -> None:
    """One user a row: labels, scores, and the F1 of the basket, where nothing is the product None."""
    cases = [
        ([1, 1, 0], [0.9, 0.1, 0.8], 0.5),  # {a} right of {a, c} predicted and {a, b} bought
        ([0, 0], [0.1, 0.2], 1.0),  # None predicted, None bought
        ([1, 0], [0.1, 0.2], 0.0),  # None predicted, something bought
        ([0, 0], [0.9, 0.2], 0.0),  # something predicted, None bought
        ([1, 1, 1], [0.9, 0.9, 0.9], 1.0),
    ]
    labels = np.concatenate([case[0] for case in cases]).astype(float)
    scores = np.concatenate([case[1] for case in cases])
    users = np.repeat(np.arange(len(cases)), [len(case[0]) for case in cases])
    scored = Scored(labels, scores, users, 0.5)
    assert scored.metrics()["basket_f1"] == pytest.approx(np.mean([case[2] for case in cases]))
    for number, case in enumerate(cases):
        only = np.eye(len(cases))[number]
        assert scored.metrics(only)["basket_f1"] == pytest.approx(case[2])


def test_the_best_of_each_customer() -> None:
    labels, users = np.array([1, 0, 1, 0, 0, 1.0]), np.array([1, 1, 1, 2, 2, 3])
    scores = np.array([0.9, 0.8, 0.7, 0.6, 0.5, 0.4])
    found = Scored(labels, scores, users, 0.5).metrics()
    assert found["precision_at_1"] == pytest.approx((1 + 0 + 1) / 3)
    assert found["recall_at_1"] == pytest.approx((1 / 2 + 1) / 2), "customer 2 bought nothing again"
    assert found["precision_at_5"] == pytest.approx((2 / 3 + 0 + 1) / 3), "of as many as there are"
    assert found["recall_at_5"] == pytest.approx(1.0)


def test_intervals_are_by_customer_and_of_the_same_customers() -> None:
    """Pairs of a customer that are copies of each other tell nothing new: the interval is that of one copy each."""
    rng = np.random.default_rng(5)
    scores = rng.random(300)
    labels = (rng.random(300) < scores).astype(float)
    users = np.arange(300)
    single = intervals({"a": Scored(labels, scores, users, 0.5)})["a"]["auc"]
    twenty = (np.repeat(part, 20) for part in (labels, scores, users))
    copies = intervals({"a": Scored(*twenty, 0.5)})["a"]["auc"]
    assert copies["value"] == pytest.approx(single["value"])
    assert (copies["low"], copies["high"]) == pytest.approx((single["low"], single["high"]), abs=1e-9)
    assert single["low"] < single["value"] < single["high"]
    both = intervals({"a": Scored(labels, scores, users, 0.5), "b": Scored(labels, scores, users, 0.5)})
    assert both["b"]["auc"]["minus_first"] == {"value": 0.0, "low": 0.0, "high": 0.0}


def test_intervals_hold_the_truth_about_as_often_as_they_say() -> None:
    """60 draws of 80 customers whose pairs share their luck: a bootstrap of pairs would hold it half as often."""
    rng = np.random.default_rng(9)
    held = 0
    for _ in range(60):
        luck = np.repeat(rng.random(80) < 0.5, 25)
        labels = np.where(luck, 1.0, 0.0)
        users = np.repeat(np.arange(80), 25)
        found = intervals({"a": Scored(labels, np.full(2_000, 0.3), users, 0.5)})["a"]["brier"]
        truth = 0.5 * 0.7**2 + 0.5 * 0.3**2
        held += found["low"] <= truth <= found["high"]
    assert held >= 50


def test_what_is_undefined_is_absent() -> None:
    found = intervals({"a": Scored(np.zeros(4), np.full(4, 0.1), np.arange(4), 0.5)})["a"]
    assert not {"auc", "average_precision", "precision", "recall"} & found.keys()
    assert found["basket_f1"] == {"value": 1.0, "low": 1.0, "high": 1.0}


def test_lift_and_slices() -> None:
    labels = np.array([1] * 10 + [0] * 90, dtype=float)
    scores = np.linspace(1, 0, 100)
    assert [part["lift"] for part in evaluation.lift(labels, scores)] == pytest.approx([10, 10, 10, 5, 2])
    parts = evaluation.slices(labels, scores, np.repeat([1, 2, 3, 4], 25))
    assert [(part["from"], part["to"], part["pairs"]) for part in parts] == [
        (1, 1, 25),
        (2, 2, 25),
        (3, 3, 25),
        (4, 4, 25),
    ]
    assert parts[0]["observed"] == pytest.approx(0.4)
    assert parts[0]["auc"] == 1.0
    assert parts[1]["auc"] is None
