"""The feature query belongs to no engine: other engines' parsers read it as the same query, and SQLite runs it."""

import sqlite3
from contextlib import closing
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
    with closing(sqlite3.connect(":memory:")) as database:
        for table in TABLES:
            database.execute(f"CREATE TABLE {table.name} ({', '.join(table.columns | table.unused)})")
        for name in ("orders", "order_products__prior", "order_products__train"):
            header, *lines = [line.split(",") for line in handwritten.TINY[name].splitlines()]
            insert = f"INSERT INTO {name} ({', '.join(header)}) VALUES ({', '.join('?' * len(header))})"
            database.executemany(insert, [[_value(cell) for cell in line] for line in lines])
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
