"""Each feature's definition, against numbers worked out by hand for the tables in `handwritten.TINY`."""

from pathlib import Path

import pytest

import handwritten
from imba_training.columns import EXAMPLE, FEATURES


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[int, int], dict]:
    return handwritten.rows(handwritten.write(tmp_path_factory.mktemp("tiny"), handwritten.TINY))


def test_one_row_per_pair_of_the_prior_orders(tiny: dict) -> None:
    assert sorted(tiny) == [(1, 1), (1, 2), (1, 3), (2, 1), (2, 4), (3, 1), (3, 2)]


@pytest.mark.parametrize(
    ("pair", "feature", "expected"),
    [
        # the pair
        ((1, 1), "up_orders", 3),
        ((1, 1), "up_first_order", 1),
        ((1, 1), "up_last_order", 3),
        ((1, 1), "up_average_cart_position", (1 + 1 + 2) / 3),
        ((1, 3), "up_first_order", 3),
        ((1, 3), "up_orders", 1),  # a product bought once
        ((1, 3), "up_average_cart_position", 1.0),
        # the user; days count once per line: 5 + 10 + 10 over three lines, the first order's two lines have none
        ((1, 2), "user_orders", 3),
        ((1, 2), "user_period", 25.0),
        ((1, 2), "user_mean_days_since_prior", 25 / 3),
        ((1, 2), "user_total_products", 5),
        ((1, 2), "user_distinct_products", 3),
        ((1, 2), "user_reorder_ratio", 2 / 3),
        ((3, 2), "user_period", 6.0),
        ((3, 2), "user_mean_days_since_prior", 3.0),
        ((3, 2), "user_reorder_ratio", 1 / 2),
        # a user with one order: nothing is known of days and reorders
        ((2, 1), "user_orders", 1),
        ((2, 1), "user_period", None),
        ((2, 1), "user_mean_days_since_prior", None),
        ((2, 1), "user_reorder_ratio", None),
        ((2, 1), "user_total_products", 2),
        # the product, over all users: product 1 has five orders by three users, one of whom came back, twice
        ((3, 1), "prod_orders", 5),
        ((3, 1), "prod_reorder_probability", 1 / 3),
        ((3, 1), "prod_reorder_times", 1 + 2 / 3),
        ((3, 1), "prod_reorder_ratio", 2 / 5),
        ((3, 2), "prod_reorder_probability", 1 / 2),
        ((3, 2), "prod_reorder_times", 1 + 1 / 2),
        ((3, 2), "prod_reorder_ratio", 1 / 3),
        ((2, 4), "prod_orders", 1),  # bought once by anybody
        ((2, 4), "prod_reorder_probability", 0.0),
        ((2, 4), "prod_reorder_times", 1.0),
        ((2, 4), "prod_reorder_ratio", 0.0),
        # the derived ones
        ((1, 2), "user_average_basket", 5 / 3),
        ((1, 1), "up_order_rate", 1.0),
        ((1, 2), "up_order_rate", 1 / 3),
        ((1, 1), "up_orders_since_last_order", 0),
        ((1, 2), "up_orders_since_last_order", 2),
        ((1, 2), "up_order_rate_since_first_order", 1 / 3),
        ((1, 3), "up_order_rate_since_first_order", 1.0),
    ],
)
def test_feature(tiny: dict, pair: tuple[int, int], feature: str, expected: float | None) -> None:
    assert tiny[pair][feature] == (None if expected is None else pytest.approx(expected, rel=1e-15))


@pytest.mark.parametrize(
    ("pair", "label"),
    [((1, 1), 1), ((1, 2), 0), ((1, 3), 0), ((3, 1), 0), ((2, 1), None), ((2, 4), None)],
)
def test_label_is_what_the_train_order_holds(tiny: dict, pair: tuple[int, int], label: int | None) -> None:
    assert tiny[pair]["label"] == label


def test_the_order_to_be_predicted_does_not_leak(tmp_path: Path, tiny: dict) -> None:
    changed = handwritten.TINY | {
        "orders": handwritten.TINY["orders"].replace("14,1,train,4,4,15,7.0", "14,1,train,4,0,00,30.0"),
        "order_products__train": f"{handwritten.LINES}\n14,3,9,1\n33,1,1,1\n33,2,2,1\n",
    }
    other = handwritten.rows(handwritten.write(tmp_path, changed))
    for pair, row in tiny.items():
        assert [row[name] for name in FEATURES] == [other[pair][name] for name in FEATURES]
    assert other[1, 3]["label"] == 1
    assert other[1, 1]["label"] == 0


def test_missing_values_are_empty_cells_of_the_service_table(tmp_path: Path) -> None:
    handwritten.rows(handwritten.write(tmp_path, handwritten.TINY))
    lines = (tmp_path / "out" / "features.csv").read_text().splitlines()
    assert lines[0] == ",".join(("user_id", "product_id", *FEATURES))
    assert lines[4].startswith("2,1,1,,,2,,2,1.0,1,1,1,5,")


def test_the_recorded_row_is_reached_by_these_definitions(tmp_path: Path) -> None:
    """A purchase history with every count of the recorded payload gives the payload back to the last digit."""
    watched, orders, lines = 9_999, [], []
    days_seven = {number for number in range(2, 58) if number not in _TEN_LINES}
    days_seven = set(sorted(days_seven)[:34]) | set(sorted(_TEN_LINES)[:4])
    bought = 0
    for number in range(1, 58):
        days = "" if number == 1 else "7" if number in days_seven else "6"
        orders.append(f"{number},1,prior,{number},0,8,{days}")
        size = 2 if number == 1 else 10 if number in _TEN_LINES else 9
        for position in range(1, size + 1):
            if (number, position) == (11, 10):
                lines.append(f"{number},{watched},{position},0")
            else:
                lines.append(f"{number},{bought % 208 + 1},{position},{int(bought >= 208)}")
                bought += 1
    order = 57
    for user in range(2, 1242):  # 1,240 other first orders; 172 users come back twice, 14 once
        for number in range(1, 4 if user < 174 else 3 if user < 188 else 2):
            order += 1
            orders.append(f"{order},{user},prior,{number},0,8,{'' if number == 1 else 3}")
            lines.append(f"{order},{watched},1,{int(number > 1)}")
    orders.append(f"{order + 1},1,train,58,0,8,3")
    data = {
        "orders": "\n".join([handwritten.ORDERS, *orders, ""]),
        "order_products__prior": "\n".join([handwritten.LINES, *lines, ""]),
        "order_products__train": f"{handwritten.LINES}\n{order + 1},1,1,1\n",
        "products": "\n".join([handwritten.PRODUCTS, *(f"{i},p{i},1,1" for i in (*range(1, 209), watched)), ""]),
    }
    found = handwritten.rows(handwritten.write(tmp_path, data))[1, watched]
    assert tuple(found[name] for name in FEATURES) == EXAMPLE


_TEN_LINES = {11, 3, 4, 5, 6, 7, 8, 9}
