"""Features of one's own, and the extended ones: the same checks, and a leak is caught wherever it is planted."""

from pathlib import Path

import pandas as pd
import pytest

import handwritten
from imba_training import queries, recipes
from imba_training.__main__ import main
from imba_training.columns import EXTENDED, FEATURES
from imba_training.failures import Failure
from imba_training.features import features

GOOD = """
SELECT h.user_id, h.product_id, COUNT(*) AS bought, MAX(f.prod_orders) AS popularity, AVG(o.order_dow) AS weekday
FROM history h
JOIN orders o ON o.order_id = h.order_id
JOIN features f ON f.user_id = h.user_id AND f.product_id = h.product_id
GROUP BY h.user_id, h.product_id
"""
NAMES = "bought\npopularity  # of the product\n\n# the pair's\nweekday\n"


def recipe(tmp_path: Path, sql: str, names: str) -> recipes.Recipe:
    (tmp_path / "own.sql").write_text(sql)
    (tmp_path / "own.txt").write_text(names)
    return recipes.own(tmp_path / "own.sql", tmp_path / "own.txt")


def test_a_query_of_one_s_own(tmp_path: Path) -> None:
    recipe(tmp_path, GOOD, NAMES)
    data = handwritten.write(tmp_path / "data", handwritten.TINY)
    command = ["features", str(data), "--out", str(tmp_path / "out")]
    assert main([*command, "--sql", str(tmp_path / "own.sql"), "--columns", str(tmp_path / "own.txt")]) == 0
    found = handwritten.read(tmp_path / "out")
    assert list(found[1, 1]) == ["user_id", "product_id", "bought", "popularity", "weekday", "label", "split"]
    assert found[1, 1]["bought"] == 3
    assert found[1, 1]["weekday"] == 3.0
    header = (tmp_path / "out" / "features.csv").read_text().splitlines()[0]
    assert header == "user_id,product_id,bought,popularity,weekday"


LEAKS = {
    "lines of the train order": (
        "SELECT h.user_id, h.product_id, MAX(CASE WHEN l.order_id IS NULL THEN 0 ELSE 1 END) AS x FROM history h "
        "JOIN cutoffs c ON c.user_id = h.user_id "
        "JOIN orders o ON o.user_id = c.user_id AND o.order_number = c.order_number "
        "LEFT JOIN lines l ON l.order_id = o.order_id AND l.product_id = h.product_id GROUP BY h.user_id, h.product_id"
    ),
    "the weekday of the order to be predicted": (
        "SELECT h.user_id, h.product_id, MAX(o.order_dow) AS x FROM history h "
        "JOIN orders o ON o.user_id = h.user_id AND o.eval_set <> 'prior' GROUP BY h.user_id, h.product_id"
    ),
    "days until the order to be predicted": (
        "SELECT h.user_id, h.product_id, SUM(o.days_since_prior_order) AS x FROM history h "
        "JOIN orders o ON o.user_id = h.user_id GROUP BY h.user_id, h.product_id"
    ),
    "popularity that counts the train orders": (
        "SELECT h.user_id, h.product_id, MAX(p.n) AS x FROM history h "
        "JOIN (SELECT product_id, COUNT(*) AS n FROM lines GROUP BY product_id) p ON p.product_id = h.product_id "
        "GROUP BY h.user_id, h.product_id"
    ),
    "rows for what will be bought": (
        "SELECT o.user_id, l.product_id, COUNT(*) AS x FROM lines l JOIN orders o ON o.order_id = l.order_id "
        "GROUP BY o.user_id, l.product_id"
    ),
}


@pytest.mark.parametrize("leak", LEAKS)
def test_a_planted_leak_is_caught(leak: str, tmp_path: Path) -> None:
    data = handwritten.write(tmp_path / "data", handwritten.TINY)
    with pytest.raises(Failure, match=r"own\.sql.*depends on the order to be predicted"):
        features(data, tmp_path / "out", recipe=recipe(tmp_path, LEAKS[leak], "x\n"))
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("as_of", ["split", "3", "-1"])
def test_a_leak_in_our_own_query_is_caught(as_of: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A history that does not end before the order to be predicted."""
    honest = queries.text
    monkeypatch.setattr(queries, "text", lambda name: honest(name).replace("o.order_number < c", "o.order_number <= c"))
    data = handwritten.write(tmp_path / "data", handwritten.TINY)
    with pytest.raises(Failure, match="depends on the order to be predicted"):
        features(data, tmp_path / "out", as_of=as_of)


@pytest.mark.parametrize(
    ("sql", "names", "expected"),
    [
        ("SELECT 1; SELECT 2", "x", "one SELECT is expected"),
        ("DROP TABLE orders", "x", "one SELECT is expected"),
        ("SELEC user_id", "x", "own.sql: Parser Error"),
        ("SELECT user_id, product_id, up_orders AS x FROM features", "x\ny", 'own.sql: .*"y" not found'),
        ("SELECT user_id, product_id, up_orders AS x FROM nowhere", "x", "nowhere"),
        ("SELECT user_id, product_id, 'a' AS x FROM features", "x", "column x: VARCHAR is no number"),
        ("SELECT user_id, product_id, log(0.0 + up_orders - 1) AS x FROM features", "x", "own.sql"),
        ("SELECT user_id, product_id, CAST('inf' AS DOUBLE) AS x FROM features", "x", "column x: inf for user_id 1"),
        ("SELECT user_id, product_id, order_number AS x FROM history", "x", "user_id 1, product_id 1: must be one row"),
        (
            "SELECT user_id, 99 AS product_id, up_orders AS x FROM features WHERE product_id = 1",
            "x",
            "is not in products",
        ),
        ("SELECT user_id, NULL AS product_id, up_orders AS x FROM features", "x", "a value is needed"),
        ("SELECT 1", "", "0 names"),
        ("SELECT 1", "x\nx", "line 2: x occurs twice"),
        ("SELECT 1", "user_id", "line 1: user_id is no feature"),
        ("SELECT 1", "a b", "line 1: 'a b' is no column name"),
    ],
)
def test_own_queries_that_do_not_do_are_said(sql: str, names: str, expected: str, tmp_path: Path) -> None:
    data = handwritten.write(tmp_path / "data", handwritten.TINY)
    with pytest.raises(Failure, match=expected):
        features(data, tmp_path / "out", recipe=recipe(tmp_path, sql, names))
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    "more", [["--sql", "x"], ["--columns", "x"], ["--sql", "x", "--columns", "y", "--features", "extended"]]
)
def test_arguments_that_do_not_go_together(more: list[str], tmp_path: Path) -> None:
    with pytest.raises(SystemExit) as stop:
        main(["features", str(tmp_path), "--out", str(tmp_path / "out"), *more])
    assert stop.value.code == 2


@pytest.fixture(scope="module")
def extended(shop: Path, tmp_path_factory: pytest.TempPathFactory) -> pd.DataFrame:
    out = tmp_path_factory.mktemp("extended")
    features(shop, out, recipe=recipes.extended())
    return pd.read_csv(out / "features.csv").set_index(["user_id", "product_id"])


def test_the_extended_features_begin_with_the_18(extended: pd.DataFrame, made: Path) -> None:
    assert tuple(extended.columns) == (*FEATURES, *EXTENDED)
    standard = pd.read_csv(made / "features.csv").set_index(["user_id", "product_id"])
    pd.testing.assert_frame_equal(extended[list(FEATURES)], standard)


def test_the_extended_features_recomputed(extended: pd.DataFrame, shop: Path) -> None:
    """For some users in another way: visit by visit."""
    orders = pd.read_csv(shop / "orders.csv").query("eval_set == 'prior'")
    products = pd.read_csv(shop / "products.csv").set_index("product_id")
    lines = pd.read_csv(shop / "order_products__prior.csv").merge(orders, on="order_id")
    lines["aisle"] = lines["product_id"].map(products["aisle_id"])
    lines["department"] = lines["product_id"].map(products["department_id"])
    aisle, department = (lines.groupby(name)["reordered"].mean() for name in ("aisle", "department"))
    checked = 0
    for user, bought in lines[lines["user_id"] <= 40].groupby("user_id"):
        days = orders[orders["user_id"] == user].set_index("order_number")["days_since_prior_order"].fillna(0).cumsum()
        last = days.index.max()
        for product, own in bought.groupby("product_id"):
            numbers = sorted(own["order_number"])
            on = [days[n] for n in numbers]
            shelf = bought[bought["aisle"] == products.loc[product, "aisle_id"]]
            streak = 0
            while last - streak in numbers:
                streak += 1
            between = (on[-1] - on[0]) / (len(on) - 1) if len(on) > 1 else None
            expected = {
                "up_days_since_last": days[last] - on[-1],
                "up_days_between": between,
                "up_days_overdue": (days[last] - on[-1]) / between if between else None,
                "up_streak": streak,
                "up_in_last_three": sum(n > last - 3 for n in numbers),
                "up_in_last_five": sum(n > last - 5 for n in numbers),
                "aisle_reorder_ratio": aisle[products.loc[product, "aisle_id"]],
                "department_reorder_ratio": department[products.loc[product, "department_id"]],
                "user_aisle_bought": len(shelf),
                "user_aisle_reorder_ratio": shelf["reordered"].mean(),
                "up_aisle_share": len(own) / len(shelf),
            }
            found = extended.loc[(user, product)]
            for name, value in expected.items():
                assert pd.isna(found[name]) if value is None else found[name] == pytest.approx(value), (
                    user,
                    product,
                    name,
                )
            checked += 1
    assert checked > 500
