"""The queries belong to no engine: other engines' parsers read them as the same, and SQLite and DataFusion run them."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import datafusion
import duckdb
import pyarrow.parquet
import pytest
import sqlglot
import sqlglot.errors
from sqlglot import exp
from test_checks import checks

import handwritten
from imba_training import queries, recipes
from imba_training.columns import EXTENDED, FEATURES, KEYS
from imba_training.failures import Failure
from imba_training.features import features, from_computed
from imba_training.tables import TABLES

STEPS = ("lines", "cutoffs", "history", "features", "feature_table", "dataset")
DIALECTS = ("athena", "trino", "spark", "duckdb")
SQL = {
    name: queries.text(name) for name in ("lines", "cutoffs", "history", "features", "extended", "dataset")
} | checks()


def step(name: str, as_of: str = "split") -> str:
    if name == "cutoffs":
        return queries.cutoffs(as_of)
    return queries.text("extended") if name == "feature_table" else queries.text(name)


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("name", SQL)
def test_parses_with_functions_that_the_dialect_knows(name: str, dialect: str) -> None:
    parsed = sqlglot.parse_one(SQL[name], dialect=dialect, error_level=sqlglot.errors.ErrorLevel.RAISE)
    assert isinstance(parsed, exp.Select | exp.Union)
    assert not list(parsed.find_all(exp.Anonymous, exp.Command, exp.Qualify, exp.Filter))
    assert "MOD(" not in SQL[name].upper().replace("`MOD()`", "").replace("MOD() (", ""), "DataFusion has none"


def test_the_columns_are_the_promised_ones() -> None:
    assert sqlglot.parse_one(queries.text("features")).named_selects == [*KEYS, *FEATURES]
    assert sqlglot.parse_one(queries.text("extended")).named_selects == ["*", *EXTENDED]


@pytest.mark.parametrize("dialect", ["athena", "spark"])
@pytest.mark.parametrize("name", ["features", "extended"])
def test_every_division_is_of_a_double_and_never_by_zero(name: str, dialect: str) -> None:
    """Athena truncates the quotient of two integers, and fails on a division by zero."""
    divisions = list(sqlglot.parse_one(queries.text(name), dialect=dialect).find_all(exp.Div))
    assert len(divisions) >= 6
    for division in divisions:
        assert any(cast.is_type("double") for cast in division.this.find_all(exp.Cast)), division.sql()
        is_counted = division.expression.sql() in ("p.orders", "COUNT(*)")  # of a group, which has rows
        assert is_counted or isinstance(division.expression, exp.Nullif), division.sql()


@pytest.mark.parametrize("as_of", ["split", "last", "2", "-1"])
def test_sqlite_gets_the_same_rows(as_of: str, tmp_path: Path) -> None:
    data = handwritten.write(tmp_path, handwritten.TINY)
    features(data, tmp_path / "out", as_of=as_of, recipe=recipes.extended())
    ours = handwritten.read(tmp_path / "out")
    with closing(sqlite3.connect(":memory:")) as database:
        for table in TABLES:
            database.execute(f"CREATE TABLE {table.name} ({', '.join(table.columns | table.optional)})")
            header, *lines = [line.split(",") for line in handwritten.TINY[table.name].splitlines()]
            if table.name == "products":
                lines = [[line[0], "", *line[-2:]] for line in lines]
            insert = f"INSERT INTO {table.name} ({', '.join(header)}) VALUES ({', '.join('?' * len(header))})"
            database.executemany(insert, [[_value(cell) for cell in line] for line in lines])
        for name in STEPS[:-1]:
            database.execute(f"CREATE VIEW {name} AS {step(name, as_of)}")
        cursor = database.execute(step("dataset"))
        names = [column[0] for column in cursor.description]
        theirs = [dict(zip(names, row, strict=True)) for row in cursor]
    assert theirs == list(ours.values())


def _value(cell: str) -> float | int | str | None:
    for read in (int, float):
        try:
            return read(cell)
        except ValueError:
            continue
    return cell or None


@pytest.fixture(scope="module")
def computed(shop: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What another engine makes of the queries: Parquet files in a folder, with a marker beside them."""
    folder = tmp_path_factory.mktemp("computed")
    context = datafusion.SessionContext()
    with duckdb.connect() as database:
        for table in TABLES:
            kinds = table.columns | table.optional
            file = shop / f"{table.name}.csv"
            known = file.read_text().partition("\n")[0].split(",")
            kept = ", ".join(f"CAST({n if n in known else 'NULL'} AS {kind}) AS {n}" for n, kind in kinds.items())
            rows = database.sql(f"SELECT {kept} FROM read_csv('{file}', all_varchar = true)").to_arrow_table()
            context.from_arrow(rows, name=table.name)
    for name in STEPS[:-1]:
        context.sql(f"CREATE VIEW {name} AS {'SELECT * FROM features' if name == 'feature_table' else step(name)}")
    rows = context.sql(step("dataset")).to_arrow_table()
    half = len(rows) // 2
    pyarrow.parquet.write_table(rows.slice(half), folder / "part-0")
    pyarrow.parquet.write_table(rows.slice(0, half), folder / "part-1")
    (folder / "_SUCCESS").touch()
    return folder


def test_another_engine_s_files_end_in_the_same_tables(computed: Path, shop: Path, made: Path, tmp_path: Path) -> None:
    only_products = tmp_path / "data"
    only_products.mkdir()
    (only_products / "products.csv").write_bytes((shop / "products.csv").read_bytes())
    from_computed(only_products, computed, tmp_path / "out")
    for name in ("features.csv", "products.csv"):
        assert (tmp_path / "out" / name).read_bytes() == (made / name).read_bytes(), name
    theirs, ours = (json.loads((folder / "features.json").read_text()) for folder in (tmp_path / "out", made))
    assert theirs == ours | {"as_of": None}


def test_files_of_other_features_are_said(computed: Path, shop: Path, tmp_path: Path) -> None:
    with pytest.raises(Failure, match="cannot be read as Parquet files with user_id"):
        from_computed(shop, computed, tmp_path / "out", recipes.extended())
    (tmp_path / "empty").mkdir()
    with pytest.raises(Failure, match="no files there"):
        from_computed(shop, tmp_path / "empty", tmp_path / "out")
