"""The checks of `sql/checks`: each finds the row that breaks it, in DuckDB and in another engine, and nothing else."""

from collections.abc import Iterator

import datafusion
import duckdb
import pytest

from imba_training import queries

# Tables that pass, and for each check a statement that makes it fail.
SOUND = """
CREATE TABLE orders AS SELECT * FROM (VALUES
    (11, 1, 'prior', 1, NULL, '2026-01-01'), (12, 1, 'train', 2, 5.0, '2026-01-06'), (21, 2, 'prior', 1, NULL, NULL),
    (22, 2, 'test', 2, 3.0, NULL)
) AS t (order_id, user_id, eval_set, order_number, days_since_prior_order, order_date);
ALTER TABLE orders ALTER days_since_prior_order TYPE DOUBLE;
CREATE TABLE lines AS SELECT * FROM (VALUES
    ('prior', 11, 1, 1, 0), ('prior', 11, 2, 2, 0), ('train', 12, 1, 1, 1), ('prior', 21, 1, 1, 0)
) AS t (eval_set, order_id, product_id, add_to_cart_order, reordered);
CREATE TABLE products AS SELECT * FROM (VALUES (1, 'Milk'), (2, 'Bread')) AS t (product_id, product_name);
CREATE TABLE feature_table AS SELECT * FROM (VALUES (1, 1), (1, 2), (2, 1)) AS t (user_id, product_id);
"""
BREAK = {
    "orders.not_null": "UPDATE orders SET order_number = NULL WHERE order_id = 11",
    "orders.order_id.unique": "UPDATE orders SET order_id = 11 WHERE order_id = 12",
    "orders.order_number.unique": "UPDATE orders SET order_number = 1 WHERE order_id = 12",
    "orders.eval_set.accepted": "UPDATE orders SET eval_set = 'later' WHERE order_id = 22",
    "orders.order_number.accepted": "UPDATE orders SET order_number = 0 WHERE order_id = 11",
    "orders.days_since_prior_order.accepted": "UPDATE orders SET days_since_prior_order = -1 WHERE order_id = 12",
    "orders.order_date.accepted": "UPDATE orders SET order_date = '1.1.26' WHERE order_id = 21",
    "orders.order_date.relationship": "UPDATE orders SET order_date = '2025-12-31' WHERE order_id = 12",
    "orders.last_order.relationship": "UPDATE orders SET order_number = 9 WHERE order_id = 21",
    "orders.lines.relationship": "DELETE FROM lines WHERE order_id = 21",
    "lines.not_null": "UPDATE lines SET reordered = NULL WHERE order_id = 21",
    "lines.order_id.unique": "UPDATE lines SET product_id = 1 WHERE order_id = 11",
    "lines.add_to_cart_order.accepted": "UPDATE lines SET add_to_cart_order = 0 WHERE order_id = 21",
    "lines.reordered.accepted": "UPDATE lines SET reordered = 2 WHERE order_id = 21",
    "lines.order_id.relationship": "UPDATE lines SET order_id = 99 WHERE order_id = 11 AND product_id = 2",
    "lines.product_id.relationship": "UPDATE lines SET product_id = 77 WHERE order_id = 11 AND product_id = 2",
    "products.not_null": "UPDATE products SET product_name = NULL WHERE product_id = 1",
    "products.product_id.unique": "INSERT INTO products VALUES (1, 'Milk again')",
    "feature_table.not_null": "UPDATE feature_table SET product_id = NULL WHERE user_id = 2",
    "feature_table.user_id.unique": "INSERT INTO feature_table VALUES (2, 1)",
    "feature_table.user_id.relationship": "UPDATE feature_table SET user_id = 3 WHERE user_id = 2",
    "feature_table.product_id.relationship": "UPDATE feature_table SET product_id = 3 WHERE user_id = 2",
}
TABLES = ("orders", "lines", "products", "feature_table")


def checks() -> dict[str, str]:
    return {f"{table}.{name}": check for table in TABLES for name, check in queries.checks(table).items()}


@pytest.fixture
def database() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        connection.execute(SOUND)
        yield connection


def test_there_is_a_check_of_each_kind_and_a_breaking_row_for_each() -> None:
    assert checks().keys() == BREAK.keys()
    assert {name.rpartition(".")[2] for name in checks()} == {"unique", "not_null", "accepted", "relationship"}
    assert all(queries.expectation(check) for check in checks().values())


def in_duckdb(database: duckdb.DuckDBPyConnection, check: str) -> int:
    return len(database.execute(check).fetchall())


def in_datafusion(database: duckdb.DuckDBPyConnection, check: str) -> int:
    context = datafusion.SessionContext()
    for table in TABLES:
        context.from_arrow(database.sql(f"FROM {table}").to_arrow_table(), name=table)
    return context.sql(check).count()


@pytest.mark.parametrize("engine", [in_duckdb, in_datafusion])
def test_sound_tables_pass(engine, database: duckdb.DuckDBPyConnection) -> None:
    assert {name: engine(database, check) for name, check in checks().items()} == dict.fromkeys(BREAK, 0)


@pytest.mark.parametrize("name", BREAK)
def test_what_is_broken_is_found(name: str, database: duckdb.DuckDBPyConnection) -> None:
    database.execute(BREAK[name])
    assert in_duckdb(database, checks()[name]) >= 1
    assert in_datafusion(database, checks()[name]) >= 1
