"""All 18 columns of a synthetic shop, computed a second time in another way: pandas, line by line, with ranks."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from imba_training.columns import FEATURES


@pytest.fixture(scope="module")
def pipeline(made: Path) -> pd.DataFrame:
    return pd.read_csv(made / "features.csv").set_index(["user_id", "product_id"]).sort_index()


@pytest.fixture(scope="module")
def recomputed(shop: Path) -> pd.DataFrame:
    orders = pd.read_csv(shop / "orders.csv")
    lines = pd.read_csv(shop / "order_products__prior.csv").merge(orders, on="order_id", validate="many_to_one")
    lines["time"] = lines.groupby(["user_id", "product_id"])["order_number"].rank(method="first")
    lines["later"] = (lines["order_number"] > 1).astype(int)

    pairs = lines.groupby(["user_id", "product_id"]).agg(
        up_orders=("order_id", "nunique"),
        up_first_order=("order_number", "min"),
        up_last_order=("order_number", "max"),
        up_average_cart_position=("add_to_cart_order", "mean"),
    )
    users = lines.groupby("user_id").agg(
        user_orders=("order_number", "max"),
        user_mean_days_since_prior=("days_since_prior_order", "mean"),
        user_period=("days_since_prior_order", "sum"),
        user_total_products=("product_id", "size"),
        user_distinct_products=("product_id", "nunique"),
        reordered=("reordered", "sum"),
        later=("later", "sum"),
    )
    users["user_reorder_ratio"] = users["reordered"] / users["later"]
    users["user_average_basket"] = users["user_total_products"] / users["user_orders"]
    products = lines.groupby("product_id").agg(prod_orders=("order_id", "size"), reorders=("reordered", "sum"))
    first = lines[lines["time"] == 1].groupby("product_id").size()
    second = lines[lines["time"] == 2].groupby("product_id").size().reindex(first.index, fill_value=0)
    products["prod_reorder_probability"] = second / first
    products["prod_reorder_times"] = 1 + products["reorders"] / first
    products["prod_reorder_ratio"] = products["reorders"] / products["prod_orders"]

    table = pairs.join(users).join(products)
    table["up_order_rate"] = table["up_orders"] / table["user_orders"]
    table["up_orders_since_last_order"] = table["user_orders"] - table["up_last_order"]
    table["up_order_rate_since_first_order"] = table["up_orders"] / (table["user_orders"] - table["up_first_order"] + 1)
    return table.sort_index()


def test_same_pairs(pipeline: pd.DataFrame, recomputed: pd.DataFrame) -> None:
    assert len(pipeline) > 100_000
    assert pipeline.index.equals(recomputed.index)


@pytest.mark.parametrize("feature", FEATURES)
def test_same_values(pipeline: pd.DataFrame, recomputed: pd.DataFrame, feature: str) -> None:
    np.testing.assert_allclose(pipeline[feature], recomputed[feature], rtol=1e-13)


def test_labels_and_splits(shop: Path, made: Path) -> None:
    orders = pd.read_csv(shop / "orders.csv")
    train = pd.read_csv(shop / "order_products__train.csv").merge(orders, on="order_id")
    table = _parquet(made)
    bought = set(zip(train["user_id"], train["product_id"], strict=True))
    users = set(orders.loc[orders["eval_set"] == "train", "user_id"])
    for user, product, label in table[["user_id", "product_id", "label"]].itertuples(index=False):
        expected = int((user, product) in bought) if user in users else None
        assert label == expected if expected is not None else np.isnan(label)
    sides = table.groupby("user_id")["split"].nunique()
    assert sides.max() == 1, "a user is in two splits"
    shares = table.drop_duplicates("user_id")["split"].value_counts(normalize=True)
    assert shares["train"] == pytest.approx(0.70, abs=0.01)
    assert shares["validation"] == pytest.approx(0.15, abs=0.01)
    assert shares["test"] == pytest.approx(0.15, abs=0.01)


def _parquet(made: Path) -> pd.DataFrame:
    import duckdb

    with duckdb.connect() as database:
        query = f"SELECT user_id, product_id, label, split FROM '{made / 'features.parquet'}'"
        rows = database.execute(query).fetchall()
    return pd.DataFrame(rows, columns=["user_id", "product_id", "label", "split"])
