"""Every way the tables can be wrong: the message says where and what was expected, and nothing is left behind."""

import gzip
import zipfile
from pathlib import Path

import pytest

import handwritten
from imba_training import tables
from imba_training.__main__ import main
from imba_training.failures import Failure
from imba_training.features import features

# table, old text, new text, what the message must hold
CASES = {
    "column missing": ("orders", "order_number", "number", ["orders.csv, line 1", "no column order_number"]),
    "column twice": ("orders", "order_dow", "user_id", ["orders.csv, line 1", "user_id occurs twice"]),
    "letters in an id": (
        "order_products__prior",
        "13,3,1,0",
        "13,x3,1,0",
        ["order_products__prior.csv, line 5, column product_id", "'x3' is not a whole number"],
    ),
    "fraction in an id": ("order_products__prior", "13,3,1,0", "13.5,3,1,0", ["line 5, column order_id", "'13.5' is not a whole"]),
    "letters in the hour": ("orders", "14,1,train,4,4,15", "14,1,train,4,4,3pm", ["orders.csv, line 5, column order_hour_of_day", "'3pm'"]),
    "letters in the days": ("orders", "4,12,10.0", "4,12,ten", ["orders.csv, line 4, column days_since_prior_order", "'ten'"]),
    "days not a number": ("orders", "4,12,10.0", "4,12,nan", ["orders.csv, line 4, column days_since_prior_order", "'nan'"]),
    "days infinite": ("orders", "4,12,10.0", "4,12,inf", ["line 4, column days_since_prior_order", "'inf'"]),
    "days negative": ("orders", "4,12,10.0", "4,12,-1.0", ["line 4, column days_since_prior_order", "'-1.0'"]),
    "id too large": ("orders", "14,1,train", "14,99999999999999999999,train", ["line 5, column user_id", "whole number below"]),
    "id empty": ("orders", "14,1,train", ",1,train", ["orders.csv, line 5, column order_id", "empty"]),
    "name empty": ("products", "Sunday Farm Salsa", "", ["products.csv, line 5, column product_name", "empty"]),
    "unknown eval_set": ("orders", "22,2,test", "22,2,later", ["orders.csv, line 7, column eval_set", "'later'", "prior, train, test"]),
    "order number zero": ("orders", "11,1,prior,1", "11,1,prior,0", ["line 2, column order_number", "1 or more"]),
    "reordered neither 0 nor 1": ("order_products__prior", "13,3,1,0", "13,3,1,2", ["line 5, column reordered", "0 or 1"]),
    "cart position zero": ("order_products__train", "14,1,1,1", "14,1,0,1", ["order_products__train.csv, line 2, column add_to_cart_order"]),
    "cell missing": ("order_products__prior", "13,3,1,0", "13,3,1", ["order_products__prior.csv, line 5", "3 cells", "4 columns"]),
    "cell too many": ("order_products__prior", "13,3,1,0", "13,3,1,0,9", ["order_products__prior.csv, line 5", "5 cells"]),
    "order twice": ("orders", "12,1,prior,2", "11,1,prior,2", ["orders.csv, lines 2 and 3", "order_id 11", "unique"]),
    "order number twice": ("orders", "12,1,prior,2", "12,1,prior,1", ["orders.csv, lines 2 and 3", "user_id 1, order_number 1"]),
    "product twice": ("products", "4,Sunday", "3,Sunday", ["products.csv, lines 4 and 5", "product_id 3"]),
    "line twice": ("order_products__prior", "13,1,2,1", "13,3,2,1", ["order_products__prior.csv, lines 5 and 6", "order_id 13, product_id 3"]),
    "line without order": ("order_products__prior", "13,3,1,0", "99,3,1,0", ["order_products__prior.csv, line 5", "order_id 99", "no order of that eval_set in orders"]),
    "line of an order of another set": ("order_products__train", "14,4,2,0", "13,4,2,0", ["order_products__train.csv, line 3", "order_id 13"]),
    "prior order without lines": ("order_products__prior", "21,1,1,0\n21,4,2,0\n", "", ["orders.csv, line 6", "order_id 21", "no lines"]),
    "train order without lines": ("order_products__train", "33,3,1,0\n", "", ["orders.csv, line 10", "order_id 33", "no lines"]),
    "line of an unknown product": ("order_products__prior", "13,3,1,0", "13,77,1,0", ["order_products__prior.csv, line 5", "product_id 77", "not in products"]),
    "prior order after the train order": ("orders", "13,1,prior,3", "13,1,prior,9", ["orders.csv, line 4", "order_id 13", "last"]),
    "no rows": ("products", handwritten.TINY["products"].split("\n", 1)[1], "", ["products.csv", "no rows"]),
    "empty file": ("orders", handwritten.TINY["orders"], "", ["orders.csv", "empty"]),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_message_names_file_line_and_column(case: str, tmp_path: Path) -> None:
    table, old, new, expected = CASES[case]
    assert handwritten.TINY[table].count(old) >= 1
    data = handwritten.write(
        tmp_path / "data", handwritten.TINY | {table: handwritten.TINY[table].replace(old, new, 1)}
    )
    with pytest.raises(Failure) as failure:
        features(data, tmp_path / "out")
    for part in expected:
        assert part in str(failure.value)
    assert not (tmp_path / "out").exists(), "something was left behind"


def test_open_quote(tmp_path: Path) -> None:
    text = handwritten.TINY["products"].replace('2 Pack"', "2 Pack")
    data = handwritten.write(tmp_path / "data", handwritten.TINY | {"products": text})
    with pytest.raises(Failure, match=r"products\.csv, line [34]: .*expected"):
        features(data, tmp_path / "out")


def test_not_utf8(tmp_path: Path) -> None:
    data = handwritten.write(tmp_path / "data", handwritten.TINY)
    (data / "products.csv").write_bytes(handwritten.TINY["products"].replace("Salsa", "Salsa é").encode("latin-1"))
    with pytest.raises(Failure, match=r"products\.csv.*utf-8"):
        features(data, tmp_path / "out")


def test_cut_gzip(tmp_path: Path) -> None:
    data = handwritten.write(tmp_path / "data", handwritten.TINY)
    (data / "orders.csv").unlink()
    (data / "orders.csv.gz").write_bytes(gzip.compress(handwritten.TINY["orders"].encode())[:-20])
    with pytest.raises(Failure, match=r"orders\.csv\.gz"):
        features(data, tmp_path / "out")


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ({"a.csv": "x", "b.csv": "y"}, "2 .csv files in it; one is expected"),
        ({}, "0 .csv files in it"),
        (
            {"orders.csv": handwritten.TINY["orders"].replace("13,1,prior,3", "13,1,prior,0")},
            "line 4, column order_number",
        ),
        (b"PK no zip", "cannot be read as a zip archive"),
    ],
)
def test_zips_that_do_not_do_are_said(content: dict[str, str] | bytes, expected: str, tmp_path: Path) -> None:
    data = handwritten.write(tmp_path / "data", handwritten.TINY)
    (data / "orders.csv").unlink()
    if isinstance(content, bytes):
        (data / "orders.csv.zip").write_bytes(content)
    else:
        with zipfile.ZipFile(data / "orders.csv.zip", "w") as archive:
            for name, text in content.items():
                archive.writestr(name, text)
    with pytest.raises(Failure, match=rf"orders\.csv\.zip.*{expected}"):
        features(data, tmp_path / "out")


def test_a_zip_that_unpacks_too_large_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = handwritten.write(tmp_path / "data", handwritten.TINY)
    with zipfile.ZipFile(data / "orders.csv.zip", "w") as archive:
        archive.write(data / "orders.csv", "orders.csv")
    (data / "orders.csv").unlink()
    monkeypatch.setattr(tables, "UNPACKED_LIMIT", 100)
    with pytest.raises(Failure, match=r"unpacks to \d+ bytes, more than 100"):
        features(data, tmp_path / "out")


@pytest.mark.parametrize("table", ["orders", "order_products__prior", "products"])
def test_missing_file(table: str, tmp_path: Path) -> None:
    data = handwritten.write(tmp_path / "data", handwritten.TINY)
    (data / f"{table}.csv").unlink()
    with pytest.raises(Failure, match=rf"no file {table}\.csv"):
        features(data, tmp_path / "out")


def test_two_files_for_one_table(tmp_path: Path) -> None:
    data = handwritten.write(tmp_path / "data", handwritten.TINY)
    (data / "orders.csv.gz").write_bytes(gzip.compress(handwritten.TINY["orders"].encode()))
    with pytest.raises(Failure, match=r"both orders\.csv and orders\.csv\.gz"):
        features(data, tmp_path / "out")


def test_a_failure_leaves_earlier_results_as_they_were(tmp_path: Path) -> None:
    data, out = handwritten.write(tmp_path / "data", handwritten.TINY), tmp_path / "out"
    features(data, out)
    before = {file.name: file.read_bytes() for file in out.iterdir()}
    handwritten.write(data, {"products": handwritten.PRODUCTS})
    with pytest.raises(Failure):
        features(data, out)
    assert {file.name: file.read_bytes() for file in out.iterdir()} == before


def test_output_that_cannot_be_made(tmp_path: Path) -> None:
    data = handwritten.write(tmp_path / "data", handwritten.TINY)
    (tmp_path / "out").write_text("a file")
    with pytest.raises(Failure, match="out: cannot write there"):
        features(data, tmp_path / "out")


def test_the_command_line_says_it_in_a_line_and_exits_with_1(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    assert main(["features", str(tmp_path), "--out", str(tmp_path / "out")]) == 1
    shown = capsys.readouterr().err
    assert shown.startswith("imba_training features: ")
    assert "no file orders.csv" in shown
    assert len(shown.splitlines()) == 1


@pytest.mark.parametrize(
    "arguments", [[], ["bake"], ["train", "x"], ["train", "x", "--out", "y", "--threshold", "1.5"]]
)
def test_wrong_usage_exits_with_2(arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        main(arguments)
    assert stop.value.code == 2
