"""The invented shop has the published shape, is the same for the same seed, and can be learned, but not wholly."""

import hashlib
from pathlib import Path

import pandas as pd
import pytest

from imba_training.__main__ import main
from imba_training.columns import EXAMPLE
from imba_training.groceries import AISLES, stock
from imba_training.synthesize import synthesize


@pytest.fixture(scope="module")
def orders(shop: Path) -> pd.DataFrame:
    return pd.read_csv(shop / "orders.csv", dtype={"order_hour_of_day": str})


def test_orders_have_the_published_shape(orders: pd.DataFrame) -> None:
    assert list(orders.columns) == [
        "order_id",
        "user_id",
        "eval_set",
        "order_number",
        "order_dow",
        "order_hour_of_day",
        "days_since_prior_order",
    ]
    assert sorted(orders["order_id"]) == list(range(1, len(orders) + 1))
    assert sorted(orders["user_id"].unique()) == list(range(1, 3_001))
    assert orders["order_hour_of_day"].str.fullmatch(r"[01]\d|2[0-3]").all()
    assert set(orders["order_dow"]) == set(range(7))
    first = orders["order_number"] == 1
    assert orders.loc[first, "days_since_prior_order"].isna().all()
    assert orders.loc[~first, "days_since_prior_order"].between(0, 30).all()
    last = orders.groupby("user_id")["order_number"].transform("max") == orders["order_number"]
    assert (orders.loc[~last, "eval_set"] == "prior").all()
    assert set(orders.loc[last, "eval_set"]) == {"train", "test"}
    assert orders.groupby("user_id").size().between(4, 100).all()


def test_reordered_says_whether_the_user_had_it_before(shop: Path, orders: pd.DataFrame) -> None:
    lines = pd.concat(pd.read_csv(shop / f"order_products__{name}.csv") for name in ("prior", "train"))
    lines = lines.merge(orders, on="order_id").sort_values(["user_id", "product_id", "order_number"])
    before = lines.groupby(["user_id", "product_id"]).cumcount()
    assert (lines["reordered"] == (before > 0)).all()
    positions = lines.groupby("order_id")["add_to_cart_order"]
    assert (positions.max() == positions.size()).all()
    assert (positions.min() == 1).all()


def test_names_are_distinct_and_some_need_quotes(shop: Path) -> None:
    products = pd.read_csv(shop / "products.csv")
    assert products["product_name"].is_unique
    assert products["product_name"].str.contains(",").any()
    assert products["aisle_id"].between(1, len(AISLES)).all()


def test_a_catalogue_larger_than_the_names_still_has_distinct_ones() -> None:
    import numpy as np

    catalogue = stock(np.random.default_rng(0), 50_000)
    assert len(set(catalogue.names)) == 50_000
    assert catalogue.popularity.sum() == pytest.approx(1.0)


def test_same_seed_same_bytes_other_seed_other_bytes(tmp_path: Path) -> None:
    digests = {}
    for name, seed in (("a", 5), ("b", 5), ("c", 6)):
        synthesize(tmp_path / name, users=150, products=60, seed=seed)
        digests[name] = {f.name: hashlib.sha256(f.read_bytes()).hexdigest() for f in (tmp_path / name).iterdir()}
    assert digests["a"] == digests["b"]
    assert digests["a"]["orders.csv"] != digests["c"]["orders.csv"]


@pytest.mark.parametrize(("users", "products"), [(1, 2), (3, 2), (40, 5)])
def test_small_shops_work(users: int, products: int, tmp_path: Path) -> None:
    assert main(["synthesize", "--out", str(tmp_path), "--users", str(users), "--products", str(products)]) == 0
    lines = pd.read_csv(tmp_path / "order_products__prior.csv")
    assert lines["product_id"].between(1, products).all()


def test_documentation_has_a_pair_to_ask_for(made: Path) -> None:
    assert any(line.startswith("1,2,") for line in (made / "features.csv").read_text().splitlines()[:500])


def test_the_model_has_something_to_learn_and_cannot_learn_all(trained) -> None:
    test = trained.training["test"]
    assert 0.75 < test["auc"] < 0.9
    assert 0.08 < test["base_rate"] < 0.2
    assert test["calibration_error"] < 0.02


def test_features_come_in_the_range_of_the_recorded_row(made: Path) -> None:
    table = pd.read_csv(made / "features.csv").iloc[:, 2:]
    outside = [
        name
        for name, value in zip(table.columns, EXAMPLE, strict=True)
        if not table[name].min() <= value <= table[name].max()
    ]
    assert outside == []
