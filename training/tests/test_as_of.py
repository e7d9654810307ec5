"""Which orders are history and which is to be predicted: with and without a train table, by number and by day."""

from pathlib import Path

import pytest

import handwritten
from imba_training.__main__ import main
from imba_training.failures import Failure
from imba_training.features import features


def made(tmp_path: Path, tables: dict[str, str], as_of: str) -> dict[tuple[int, int], dict]:
    data = handwritten.write(tmp_path / "data", tables)
    features(data, tmp_path / "out", as_of=as_of)
    return handwritten.read(tmp_path / "out")


def labels(rows: dict) -> dict:
    return {pair: row["label"] for pair, row in rows.items()}


def test_as_of_last_takes_the_train_orders_for_history(tmp_path: Path) -> None:
    found = made(tmp_path, handwritten.TINY, "last")
    assert sorted(found) == [(1, 1), (1, 2), (1, 3), (1, 4), (2, 1), (2, 4), (3, 1), (3, 2), (3, 3)]
    assert found[1, 1]["up_orders"] == 4
    assert found[1, 1]["user_orders"] == 4
    assert found[1, 4]["up_first_order"] == 4
    assert found[1, 1]["user_period"] == 5 + 10 + 10 + 7 + 7
    assert found[2, 1]["user_orders"] == 1, "a test order has no lines"
    assert set(labels(found).values()) == {None}


def test_an_order_number_is_a_moment_of_every_user(tmp_path: Path) -> None:
    found = made(tmp_path, handwritten.TINY, "3")
    assert labels(found) == {(1, 1): 1, (1, 2): 0, (2, 1): None, (2, 4): None, (3, 1): 0, (3, 2): 0}
    assert found[1, 1]["up_orders"] == 2
    assert found[3, 2]["up_orders"] == 2


@pytest.mark.parametrize(
    ("as_of", "expected"),
    [
        ("-1", {(1, 1): 1, (1, 2): 0, (1, 3): 0, (3, 1): 0, (3, 2): 0}),
        ("-2", {(1, 1): 1, (1, 2): 0, (3, 2): 1}),
    ],
)
def test_counted_from_each_user_s_last_order(as_of: str, expected: dict, tmp_path: Path) -> None:
    assert labels(made(tmp_path, handwritten.TINY, as_of)) == expected


def without_train(tables: dict[str, str]) -> dict[str, str]:
    shop = {name: text for name, text in tables.items() if name != "order_products__train"}
    lines = shop["orders"].splitlines()
    return shop | {"orders": "\n".join(line for line in lines if ",train," not in line) + "\n"}


def test_a_shop_without_a_train_table_is_served(tmp_path: Path) -> None:
    shop = without_train(handwritten.TINY)
    expected = made(tmp_path / "with", handwritten.TINY, "split")
    for as_of in ("split", "last"):
        found = made(tmp_path / as_of, shop, as_of)
        assert [row["up_orders"] for row in found.values()] == [row["up_orders"] for row in expected.values()]
        assert set(labels(found).values()) == {None}
    assert labels(made(tmp_path / "back", shop, "-1")) == {(1, 1): 1, (1, 2): 0, (3, 2): 1}


def test_a_shop_without_eval_sets_is_all_prior(tmp_path: Path) -> None:
    shop = without_train(handwritten.TINY)
    rows = [line.split(",") for line in shop["orders"].splitlines() if ",test," not in line]
    shop["orders"] = "\n".join(",".join(row[:2] + row[3:]) for row in rows) + "\n"
    assert labels(made(tmp_path, shop, "-1")) == {(1, 1): 1, (1, 2): 0, (3, 2): 1}


def test_train_orders_without_their_table_are_said(tmp_path: Path) -> None:
    shop = {name: text for name, text in handwritten.TINY.items() if name != "order_products__train"}
    data = handwritten.write(tmp_path / "data", shop)
    with pytest.raises(
        Failure, match=r"orders\.csv, line 5, order_id 14: has eval_set train, but there is no order_pro"
    ):
        features(data, tmp_path / "out")


DAYS = [
    "2026-01-01",
    "2026-01-06",
    "2026-01-16",
    "2026-01-23",
    "2026-01-05",
    "",
    "2026-01-02",
    "2026-01-05",
    "2026-01-05",
]


def dated(days: list[str]) -> dict[str, str]:
    header, *rows = handwritten.TINY["orders"].splitlines()
    text = "\n".join([f"{header},order_date", *(f"{row},{day}" for row, day in zip(rows, days, strict=True)), ""])
    return handwritten.TINY | {"orders": text}


def test_a_day_is_a_moment_of_the_shop(tmp_path: Path) -> None:
    found = made(tmp_path, dated(DAYS), "2026-01-05")
    # User 1 had one order before that day, user 2 none, user 3 one: on the day itself nothing is known yet.
    assert labels(found) == {(1, 1): 1, (1, 2): 0, (3, 2): 1}
    assert found[3, 2]["prod_orders"] == 2, "products, too, are counted before that day only"


@pytest.mark.parametrize(
    ("days", "as_of", "expected"),
    [
        (None, "2026-01-05", "no column order_date"),
        (["", *DAYS[1:]], "2026-01-05", "line 2, order_id 11: has no order_date"),
        (["1.1.2026", *DAYS[1:]], "split", "line 2, column order_date: '1.1.2026' is not a day as 2026-05-01"),
        (["2026-01-09", *DAYS[1:]], "split", "line 3, order_id 12: is dated before an earlier order"),
        (DAYS, "2020-01-01", "no order is history as of 2020-01-01"),
    ],
)
def test_days_that_do_not_do_are_said(days: list[str] | None, as_of: str, expected: str, tmp_path: Path) -> None:
    data = handwritten.write(tmp_path / "data", dated(days) if days else handwritten.TINY)
    with pytest.raises(Failure, match=expected):
        features(data, tmp_path / "out", as_of=as_of)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("as_of", ["now", "0", "-0", "2026-13-01", "2026-1-1", "1.5", "' OR 1"])
def test_no_moment_is_wrong_usage(as_of: str, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    with pytest.raises(SystemExit) as stop:
        main(["features", str(tmp_path), "--out", str(tmp_path / "out"), f"--as-of={as_of}"])
    assert stop.value.code == 2
    assert "is no day such as 2026-05-01 and no order number" in capsys.readouterr().err


def test_the_command_line(tmp_path: Path) -> None:
    data = handwritten.write(tmp_path / "data", handwritten.TINY)
    assert main(["features", str(data), "--out", str(tmp_path / "now"), "--as-of-last"]) == 0
    assert main(["features", str(data), "--out", str(tmp_path / "then"), "--as-of", "-1"]) == 0
    assert (1, 4) in handwritten.read(tmp_path / "now")
    assert labels(handwritten.read(tmp_path / "then"))[1, 1] == 1
