"""The four published tables: where they are, how they are read, and what must hold before features are made of them.

The fast way is DuckDB's strict CSV reader and a few set-wise checks. Only when one of them objects is the file read a
second time, slowly, by `locate`, which knows line numbers.
"""

from dataclasses import dataclass
from pathlib import Path

import duckdb

from . import locate
from .failures import Failure
from .output import say


@dataclass(frozen=True)
class Table:
    name: str
    columns: dict[str, str]  # needed: name to DuckDB type
    unused: dict[str, str]  # published but not needed: read to be checked, not kept, may be absent
    key: tuple[str, ...]


_LINES = {"order_id": "BIGINT", "product_id": "BIGINT", "add_to_cart_order": "INTEGER", "reordered": "INTEGER"}

TABLES = (
    Table(
        "orders",
        {
            "order_id": "BIGINT",
            "user_id": "BIGINT",
            "eval_set": "VARCHAR",
            "order_number": "INTEGER",
            "days_since_prior_order": "DOUBLE",
        },
        {"order_dow": "INTEGER", "order_hour_of_day": "INTEGER"},
        ("order_id",),
    ),
    Table("order_products__prior", _LINES, {}, ("order_id", "product_id")),
    Table("order_products__train", _LINES, {}, ("order_id", "product_id")),
    Table(
        "products",
        {"product_id": "BIGINT", "product_name": "VARCHAR"},
        {"aisle_id": "INTEGER", "department_id": "INTEGER"},
        ("product_id",),
    ),
)

# What a row must satisfy beyond its types. Columns that may be empty: days_since_prior_order.
_RANGES = {
    "orders": (
        ("eval_set", "eval_set IN ('prior', 'train', 'test')", "one of prior, train, test"),
        ("order_number", "order_number >= 1", "1 or more"),
        (
            "days_since_prior_order",
            "days_since_prior_order >= 0 AND isfinite(days_since_prior_order)",
            "a number of days, or empty",
        ),
    ),
    "order_products__prior": (
        ("add_to_cart_order", "add_to_cart_order >= 1", "1 or more"),
        ("reordered", "reordered IN (0, 1)", "0 or 1"),
    ),
    "order_products__train": (
        ("add_to_cart_order", "add_to_cart_order >= 1", "1 or more"),
        ("reordered", "reordered IN (0, 1)", "0 or 1"),
    ),
    "products": (),
}  # fmt: skip


def load(database: duckdb.DuckDBPyConnection, data: Path) -> dict[str, Path]:
    """Reads and checks the four tables of the directory `data` into `database`; returns the file of each."""
    files = {table.name: _find(data, table.name) for table in TABLES}
    for table in TABLES:
        say(f"features: reading {files[table.name]}")
        _read(database, table, files[table.name])
        _check_rows(database, table, files[table.name])
    _check_orders(database, files)
    for lines, eval_set in (("order_products__prior", "prior"), ("order_products__train", "train")):
        _check_lines(database, files, lines, eval_set)
    return files


def _find(data: Path, name: str) -> Path:
    candidates = [data / f"{name}{suffix}" for suffix in (".csv", ".csv.gz", ".gz")]
    found = [file for file in candidates if file.is_file()]
    if not found:
        raise Failure(f"{data}: no file {name}.csv (or {name}.csv.gz); the Kaggle download has it")
    if len(found) > 1:
        raise Failure(f"{data}: both {found[0].name} and {found[1].name} are there; leave one of them")
    return found[0]


def _read(database: duckdb.DuckDBPyConnection, table: Table, file: Path) -> None:
    header = locate.header(file)
    if missing := [name for name in table.columns if name not in header]:
        raise Failure(f"{file}, line 1: no column {', '.join(missing)}; the header is {', '.join(header)}")
    if twice := sorted({name for name in header if header.count(name) > 1}):
        raise Failure(f"{file}, line 1: column {', '.join(twice)} occurs twice")
    known = table.columns | table.unused
    if unknown := [name for name in header if name not in known]:
        say(f"features: note: {file.name}: unknown column {', '.join(unknown)} ignored")
    types = {name: known.get(name, "VARCHAR") for name in header}
    kept = ", ".join(f"CAST({name} AS {kind}) AS {name}" for name, kind in table.columns.items())
    # Cells come as text and are looked at before they are cast: DuckDB's own reader would round 13.5 to the id 14.
    fits = " AND ".join(f"({name} IS NULL OR {_FITS[types[name]].format(name)})" for name in header if name in known)
    try:
        database.execute(
            f"""CREATE TABLE {table.name} AS SELECT {kept}
                FROM read_csv(?, columns = ?, header = true, auto_detect = false, strict_mode = true,
                              delim = ',', quote = '"', escape = '"', nullstr = '', max_line_size = 1000000)
                WHERE CASE WHEN {fits} THEN true ELSE error('a cell does not fit its column') END""",
            [str(file), dict.fromkeys(header, "VARCHAR")],
        )
    except duckdb.Error as error:
        raise locate.unreadable(file, types) or Failure(f"{file}: cannot be read as CSV: {error}") from error


_FITS = {
    "BIGINT": f"regexp_full_match({{}}, '{locate.WHOLE_NUMBER}')",
    "INTEGER": f"regexp_full_match({{}}, '{locate.WHOLE_NUMBER}')",
    "DOUBLE": "TRY_CAST({} AS DOUBLE) IS NOT NULL",
    "VARCHAR": "true",
}


def _check_rows(database: duckdb.DuckDBPyConnection, table: Table, file: Path) -> None:
    if not database.execute(f"SELECT EXISTS (FROM {table.name})").fetchone()[0]:
        raise Failure(f"{file}: no rows below the header")
    optional = {"days_since_prior_order"}
    required = " OR ".join(f"{name} IS NULL" for name in table.columns if name not in optional)
    if database.execute(f"SELECT EXISTS (FROM {table.name} WHERE {required})").fetchone()[0]:
        raise locate.first(
            file,
            lambda row: next((name for name in table.columns if name not in optional and not row[name]), None),
            "{column} is empty; a value is needed",
        )
    for column, holds, expected in _RANGES[table.name]:
        bad = database.execute(f"SELECT {column} FROM {table.name} WHERE NOT ({holds}) LIMIT 1").fetchone()
        if bad:
            raise locate.value(file, column, bad[0], expected)
    key = ", ".join(table.key)
    twice = database.execute(
        f"SELECT {key} FROM {table.name} GROUP BY {key} HAVING COUNT(*) > 1 ORDER BY ALL LIMIT 1"
    ).fetchone()
    if twice:
        raise locate.duplicate(file, dict(zip(table.key, twice, strict=True)))


def _check_orders(database: duckdb.DuckDBPyConnection, files: dict[str, Path]) -> None:
    file = files["orders"]
    twice = database.execute(
        """SELECT user_id, order_number FROM orders
           GROUP BY user_id, order_number HAVING COUNT(*) > 1 ORDER BY ALL LIMIT 1"""
    ).fetchone()
    if twice:
        raise locate.duplicate(file, {"user_id": twice[0], "order_number": twice[1]})
    late = database.execute(
        """SELECT o.order_id FROM orders o
           JOIN (SELECT user_id, MIN(order_number) AS last FROM orders WHERE eval_set <> 'prior' GROUP BY user_id) l
           ON l.user_id = o.user_id WHERE o.order_number > l.last ORDER BY ALL LIMIT 1"""
    ).fetchone()
    if late:
        raise locate.rows(
            file, {"order_id": late[0]}, "comes after the user's train or test order, which must be the last"
        )


def _check_lines(database: duckdb.DuckDBPyConnection, files: dict[str, Path], lines: str, eval_set: str) -> None:
    stray = database.execute(
        f"""SELECT order_id FROM {lines} ANTI JOIN (FROM orders WHERE eval_set = '{eval_set}') USING (order_id)
            ORDER BY ALL LIMIT 1"""
    ).fetchone()
    if stray:
        raise locate.rows(
            files[lines], {"order_id": stray[0]}, f"is no order of eval_set {eval_set} in {files['orders'].name}"
        )
    empty = database.execute(
        f"""SELECT order_id FROM orders ANTI JOIN {lines} USING (order_id) WHERE eval_set = '{eval_set}'
            ORDER BY ALL LIMIT 1"""
    ).fetchone()
    if empty:
        raise locate.rows(
            files["orders"], {"order_id": empty[0]}, f"has eval_set {eval_set} but no lines in {files[lines].name}"
        )
    unnamed = database.execute(
        f"SELECT product_id FROM {lines} ANTI JOIN products USING (product_id) ORDER BY ALL LIMIT 1"
    ).fetchone()
    if unnamed:
        raise locate.rows(files[lines], {"product_id": unnamed[0]}, f"is not in {files['products'].name}")
