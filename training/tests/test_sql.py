"""The feature query belongs to no engine: other engines' parsers read it as the same query, and SQLite runs it."""

import sqlite3
from pathlib import Path

import pytest
import sqlglot
import sqlglot.errors
from sqlglot import exp

import handwritten
from imba_training.columns import FEATURES, KEYS
from imba_training.features import sql
from imba_training.tables import TABLES


@pytest.mark.parametrize("dialect", ["athena", "trino", "spark", "duckdb"])
def test_parses_with_functions_that_the_dialect_knows(dialect: str) -> None:
    parsed = sqlglot.parse_one(sql(), dialect=dialect, error_level=sqlglot.errors.ErrorLevel.RAISE)
    assert isinstance(parsed, exp.Select)
    assert parsed.named_selects == [*KEYS, *FEATURES, "label", "split"]
    assert not list(parsed.find_all(exp.Anonymous, exp.Command, exp.Qualify, exp.Filter))
    tables_read = {table.name for table in parsed.find_all(exp.Table)} - {cte.alias for cte in parsed.ctes}
    assert tables_read == {"orders", "order_products__prior", "order_products__train"}


@pytest.mark.parametrize("dialect", ["athena", "spark"])
def test_every_division_is_of_a_double_and_never_by_zero(dialect: str) -> None:
    """Athena truncates the quotient of two integers, and fails on a division by zero."""
    divisions = list(sqlglot.parse_one(sql(), dialect=dialect).find_all(exp.Div))
    assert len(divisions) == 9
    for division in divisions:
        assert isinstance(division.this, exp.Cast), division.sql()
        assert division.this.is_type("double"), division.sql()
        is_counted = division.expression.sql() == "p.orders"  # a COUNT(*) of a group
        assert is_counted or isinstance(division.expression, exp.Nullif), division.sql()


def test_another_engine_gets_the_same_rows(tmp_path: Path) -> None:
    ours = handwritten.rows(handwritten.write(tmp_path, handwritten.TINY))
    database = sqlite3.connect(":memory:")
    for table in TABLES:
        columns = list(table.columns | table.unused)
        database.execute(f"CREATE TABLE {table.name} ({', '.join(columns)})")
    for name, text in handwritten.TINY.items():
        header, *lines = [line.split(",") for line in text.splitlines()]
        if name == "products":
            continue
        for line in lines:
            cells = {column: _value(cell) for column, cell in zip(header, line, strict=True)}
            marks = ", ".join("?" * len(cells))
            database.execute(f"INSERT INTO {name} ({', '.join(cells)}) VALUES ({marks})", list(cells.values()))
    cursor = database.execute(sql())
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
