"""The same tables, spelled as they occur in the wild, give the same features."""

import gzip
import hashlib
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

import handwritten
from imba_training.features import features
from imba_training.synthesize import DIALECTS, synthesize


def _each_cell(change: Callable[[str, str], str]) -> Callable[[str, str], str]:
    """Applies `change(column, cell)` to every cell below the header; the products, whose names hold commas, stay."""

    def respell(name: str, text: str) -> str:
        if name == "products":
            return text
        header, *lines = text.splitlines()
        names = header.split(",")
        changed = [",".join(map(change, names, line.split(","))) for line in lines]
        return "\n".join([header, *changed, ""])

    return respell


SPELLINGS = {
    "byte order mark": lambda name, text: "\ufeff" + text,
    "carriage returns": lambda name, text: text.replace("\n", "\r\n"),
    "no newline at the end": lambda name, text: text.rstrip("\n"),
    "hours as 8": _each_cell(lambda column, cell: str(int(cell)) if column == "order_hour_of_day" else cell),
    "hours as '08' in quotes": _each_cell(lambda column, cell: f'"{cell}"' if column == "order_hour_of_day" else cell),
    "days as 15": _each_cell(
        lambda column, cell: cell.removesuffix(".0") if column == "days_since_prior_order" else cell
    ),
    "everything quoted": _each_cell(lambda column, cell: f'"{cell}"' if cell else ""),
    "columns in another order": lambda name, text: (
        "\n".join(",".join(reversed(line.split(","))) for line in text.splitlines()) + "\n"
        if name != "products"
        else text
    ),
    "blanks around header names": lambda name, text: "\n".join(
        line if number else line.replace(",", " , ") for number, line in enumerate(text.split("\n"))
    ),
    "blank lines": lambda name, text: text.replace("\n", "\n\n", 2) + "\n",
}


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_spelling_does_not_matter(spelling: str, tmp_path: Path) -> None:
    expected = handwritten.rows(handwritten.write(tmp_path / "plain", handwritten.TINY))
    respelled = {name: SPELLINGS[spelling](name, text) for name, text in handwritten.TINY.items()}
    assert respelled != handwritten.TINY
    assert handwritten.rows(handwritten.write(tmp_path / "respelled", respelled)) == expected


def test_gzip(tmp_path: Path) -> None:
    expected = handwritten.rows(handwritten.write(tmp_path / "plain", handwritten.TINY))
    packed = tmp_path / "packed"
    packed.mkdir()
    for name, text in handwritten.TINY.items():
        (packed / f"{name}.csv.gz").write_bytes(gzip.compress(text.encode()))
    assert handwritten.rows(packed) == expected


@pytest.mark.parametrize("extra", [[], ["__MACOSX/._orders.csv"]])
def test_zip_as_kaggle_serves_it(extra: list[str], tmp_path: Path) -> None:
    expected = handwritten.rows(handwritten.write(tmp_path / "plain", handwritten.TINY))
    packed = tmp_path / "packed"
    packed.mkdir()
    for name, text in handwritten.TINY.items():
        with zipfile.ZipFile(packed / f"{name}.csv.zip", "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr(f"{name}.csv", text)
            for other in extra:
                archive.writestr(other, "resource fork")
    assert handwritten.rows(packed) == expected


def test_product_names_keep_commas_and_quotes(tmp_path: Path) -> None:
    handwritten.rows(handwritten.write(tmp_path, handwritten.TINY))
    assert (tmp_path / "out" / "products.csv").read_text().splitlines() == [
        "product_id,product_name",
        "1,Meadow Lane Whole Milk",
        '2,"Thistle Row Bagels, 2 Pack"',
        '3,"Copper Mill Feta 6"" Tray"',
        "4,Sunday Farm Salsa",
    ]


def test_unknown_columns_are_ignored_with_a_note(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    expected = handwritten.rows(handwritten.write(tmp_path / "plain", handwritten.TINY))
    header, *lines = handwritten.TINY["orders"].splitlines()
    wider = "\n".join([header + ",store", *(line + ",north" for line in lines), ""])
    found = handwritten.rows(handwritten.write(tmp_path / "wider", handwritten.TINY | {"orders": wider}))
    assert found == expected
    assert "note: orders.csv: unknown column store ignored" in capsys.readouterr().err


def test_unneeded_published_columns_may_be_absent(tmp_path: Path) -> None:
    expected = handwritten.rows(handwritten.write(tmp_path / "plain", handwritten.TINY))
    narrow = "\n".join(
        ",".join(line.split(",")[:4] + line.split(",")[6:]) for line in handwritten.TINY["orders"].splitlines()
    )
    assert handwritten.rows(handwritten.write(tmp_path / "narrow", handwritten.TINY | {"orders": narrow})) == expected


def test_all_dialects_of_synthesize_mean_the_same(tmp_path: Path) -> None:
    digests = set()
    for dialect in DIALECTS:
        shop, out = tmp_path / dialect / "shop", tmp_path / dialect / "out"
        synthesize(shop, users=60, products=80, seed=3, dialect=dialect, gzip=dialect == "quoted")
        features(shop, out)
        digests.add(hashlib.sha256((out / "features.csv").read_bytes()).hexdigest())
    assert len(digests) == 1


def test_a_folder_with_quotes_and_blanks_in_its_name(tmp_path: Path) -> None:
    expected = handwritten.rows(handwritten.write(tmp_path / "plain", handwritten.TINY))
    assert handwritten.rows(handwritten.write(tmp_path / 'it\'s a "shop"', handwritten.TINY)) == expected
