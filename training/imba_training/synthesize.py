"""`synthesize`: writes the tables of an invented grocery shop in the shape of the Instacart files."""

from dataclasses import dataclass
from pathlib import Path

import duckdb
import numpy as np

from . import groceries, shoppers
from .engine import open_database, write_csv
from .failures import Failure
from .output import finished_files, say

TRAIN_SHARE = 0.636  # of the users; the last order of the others is held back ("test"), as published


@dataclass(frozen=True)
class Dialect:
    """How a table is spelled; all of these occur in the wild and all are read by `features`."""

    hour: str  # SQL over the integer column `hour`
    days: str  # SQL over the DOUBLE column `days`
    byte_order_mark: bool = False
    quoted: str = ""  # COPY option


DIALECTS = {
    "kaggle": Dialect(hour="printf('%02d', hour)", days="printf('%.1f', days)"),
    "quoted": Dialect(
        hour="printf('%02d', hour)", days="printf('%.1f', days)", quoted="FORCE_QUOTE (order_hour_of_day)"
    ),
    "spreadsheet": Dialect(hour="hour", days="CAST(days AS INTEGER)", byte_order_mark=True),
}


def synthesize(
    out: Path,
    *,
    users: int,
    products: int,
    seed: int,
    dialect: str = "kaggle",
    gzip: bool = False,
    all_train: bool = False,
) -> None:
    """Writes orders, order_products__prior, order_products__train, products, aisles and departments to `out`.

    The same arguments give the same bytes. With `all_train` the last order of every user is in the train table.
    """
    if users < 1 or products < 2:
        raise Failure(f"--users must be at least 1 and --products at least 2, not {users} and {products}")
    rng = np.random.default_rng(seed)
    catalogue = groceries.stock(rng, products)
    people = shoppers.invite(rng, users)
    train = rng.random(users) < (1.0 if all_train else TRAIN_SHARE)
    order_ids = rng.permutation(int(people.orders.sum())) + 1
    with finished_files(out) as scratch, open_database(scratch) as database:
        database.execute(_TABLES)
        _insert_products(database, catalogue)
        done = 0
        for visits, lines in shoppers.shop(rng, people, catalogue):
            ids = order_ids[done : done + len(visits.user)]
            _insert_batch(database, ids, train, people.orders, visits, lines)
            done += len(visits.user)
            say(f"synthesize: {done:,} of {len(order_ids):,} orders")
        _write(database, scratch / "result", DIALECTS[dialect], ".gz" if gzip else "")


_TABLES = """
CREATE TABLE orders (
    order_id INTEGER, user_id INTEGER, eval_set VARCHAR, order_number INTEGER,
    weekday INTEGER, hour INTEGER, days DOUBLE
);
CREATE TABLE lines (
    order_id INTEGER, product_id INTEGER, add_to_cart_order INTEGER, reordered INTEGER, eval_set VARCHAR
);
CREATE TABLE products (product_id INTEGER, product_name VARCHAR, aisle_id INTEGER, department_id INTEGER);
CREATE TABLE aisles (aisle_id INTEGER, aisle VARCHAR);
CREATE TABLE departments (department_id INTEGER, department VARCHAR);
"""


def _insert_products(database: duckdb.DuckDBPyConnection, catalogue: groceries.Catalogue) -> None:
    departments = np.array([groceries.DEPARTMENTS.index(a.department) for a in groceries.AISLES])
    rows = {  # noqa: F841 (DuckDB reads the variable by name, here and below)
        "id": np.arange(len(catalogue)) + 1,
        "name": np.array(catalogue.names, dtype=object),
        "aisle": catalogue.aisle + 1,
        "department": departments[catalogue.aisle] + 1,
    }
    database.execute("INSERT INTO products SELECT id, name, aisle, department FROM rows")
    aisles = [(i + 1, a.name) for i, a in enumerate(groceries.AISLES)]
    database.executemany("INSERT INTO aisles VALUES (?, ?)", aisles)
    database.executemany(
        "INSERT INTO departments VALUES (?, ?)", [(i + 1, d) for i, d in enumerate(groceries.DEPARTMENTS)]
    )


def _insert_batch(
    database: duckdb.DuckDBPyConnection,
    ids: np.ndarray,
    train: np.ndarray,
    orders: np.ndarray,
    visits: shoppers.Visits,
    lines: shoppers.Lines,
) -> None:
    last = visits.number == orders[visits.user]
    eval_set = np.where(last, np.where(train[visits.user], 1, 2), 0)
    visit_rows = {  # noqa: F841
        "id": ids,
        "user": visits.user + 1,
        "eval_set": eval_set,
        "number": visits.number,
        "weekday": visits.weekday,
        "hour": visits.hour,
        "days": visits.days,
    }
    line_rows = {  # noqa: F841
        "id": ids[lines.visit],
        "product": lines.product + 1,
        "position": lines.cart_position,
        "reordered": lines.reordered,
        "eval_set": eval_set[lines.visit],
    }
    sets = "['prior', 'train', 'test'][eval_set + 1]"
    database.execute(
        f"""INSERT INTO orders
            SELECT id, "user", {sets}, number, weekday, hour, CASE WHEN NOT isnan(days) THEN days END FROM visit_rows"""
    )
    database.execute(
        f"INSERT INTO lines SELECT id, product, position, reordered, {sets} FROM line_rows WHERE eval_set < 2"
    )


def _write(database: duckdb.DuckDBPyConnection, out: Path, dialect: Dialect, suffix: str) -> None:
    mark = "\ufeff" if dialect.byte_order_mark else ""  # goes before the name of the first column
    lines = f"""SELECT order_id AS "{mark}order_id", product_id, add_to_cart_order, reordered
                FROM lines WHERE eval_set = '%s' ORDER BY order_id, add_to_cart_order"""
    tables = {
        "orders": f"""SELECT order_id AS "{mark}order_id", user_id, eval_set, order_number, weekday AS order_dow,
                             {dialect.hour} AS order_hour_of_day,
                             CASE WHEN days IS NOT NULL THEN {dialect.days} END AS days_since_prior_order
                      FROM orders ORDER BY user_id, order_number""",
        "order_products__prior": lines % "prior",
        "order_products__train": lines % "train",
        "products": f"""SELECT product_id AS "{mark}product_id", product_name, aisle_id, department_id
                        FROM products ORDER BY product_id""",
        "aisles": f'SELECT aisle_id AS "{mark}aisle_id", aisle FROM aisles ORDER BY aisle_id',
        "departments": f"""SELECT department_id AS "{mark}department_id", department
                           FROM departments ORDER BY department_id""",
    }
    compression = ["COMPRESSION gzip"] if suffix else []
    for name, query in tables.items():
        quoted = [dialect.quoted] if dialect.quoted and name == "orders" else []
        write_csv(database, query, out / f"{name}.csv{suffix}", *compression, *quoted)
