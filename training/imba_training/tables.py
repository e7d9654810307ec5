"""The published tables: where they are, how they are read, and what must hold before features are made of them.

The fast way is DuckDB's strict CSV reader and the checks in `sql/checks`, set by set. Only when one of them objects is
the file read a second time, slowly, by `locate`, which knows line numbers.
"""

import shutil
import zipfile
from dataclasses import dataclass
from pathlib import Path

import duckdb

from . import locate, queries
from .engine import literal
from .failures import Failure
from .output import say

UNPACKED_LIMIT = 16 * 2**30  # bytes that a table in a .zip may unpack to


@dataclass(frozen=True)
class Table:
    """A published table: its file's name, its columns with their DuckDB types, and where it is kept."""

    name: str
    columns: dict[str, str]  # needed
    optional: dict[str, str]  # kept, NULL where absent
    kept_as: str


_LINES = {"order_id": "BIGINT", "product_id": "BIGINT", "add_to_cart_order": "INTEGER", "reordered": "INTEGER"}

ORDERS = Table(
    "orders",
    {"order_id": "BIGINT", "user_id": "BIGINT", "order_number": "INTEGER", "days_since_prior_order": "DOUBLE"},
    {"eval_set": "VARCHAR", "order_dow": "INTEGER", "order_hour_of_day": "INTEGER", "order_date": "VARCHAR"},
    "orders",
)
PRIOR = Table("order_products__prior", _LINES, {}, "lines")
TRAIN = Table("order_products__train", _LINES, {}, "lines")
PRODUCTS = Table(
    "products",
    {"product_id": "BIGINT", "product_name": "VARCHAR"},
    {"aisle_id": "INTEGER", "department_id": "INTEGER"},
    "products",
)
TABLES = (ORDERS, PRIOR, TRAIN, PRODUCTS)

_NULLABLE = {"days_since_prior_order"}


def load(database: duckdb.DuckDBPyConnection, data: Path, scratch: Path, *, dated: bool = False) -> None:
    """Reads the tables of the directory `data` into orders, lines and products, and checks them.

    The train table may be absent if no order is in eval_set train. `dated` says that order_date is needed.
    """
    files = {table.name: _find(data, table.name) for table in (ORDERS, PRIOR, PRODUCTS)}
    if train := _find(data, TRAIN.name, is_needed=False):
        files[TRAIN.name] = train
    for table in TABLES:
        if file := files.get(table.name):
            _read(database, table, file, scratch)
    _check_presence(database, files, dated)
    for name in ("products", "orders", "lines"):
        _check(database, name, files)


def load_products(database: duckdb.DuckDBPyConnection, data: Path, scratch: Path) -> None:
    """Reads and checks the products alone."""
    files = {"products": _find(data, "products")}
    _read(database, PRODUCTS, files["products"], scratch)
    _check(database, "products", files)


def _find(data: Path, name: str, *, is_needed: bool = True) -> Path | None:
    candidates = [data / f"{name}{suffix}" for suffix in (".csv", ".csv.gz", ".gz", ".csv.zip")]
    found = [file for file in candidates if file.is_file()]
    if len(found) > 1:
        raise Failure(f"{data}: both {found[0].name} and {found[1].name} are there; leave one of them")
    if not found and is_needed:
        raise Failure(f"{data}: no file {name}.csv (or {name}.csv.gz, {name}.csv.zip); the Kaggle download has it")
    return found[0] if found else None


def _read(database: duckdb.DuckDBPyConnection, table: Table, file: Path, scratch: Path) -> None:
    say(f"features: reading {file}")
    header = locate.header(file)
    if missing := [name for name in table.columns if name not in header]:
        raise Failure(f"{file}, line 1: no column {', '.join(missing)}; the header is {', '.join(header)}")
    if twice := sorted({name for name in header if header.count(name) > 1}):
        raise Failure(f"{file}, line 1: column {', '.join(twice)} occurs twice")
    known = table.columns | table.optional
    if unknown := [name for name in header if name not in known]:
        say(f"features: note: {file.name}: unknown column {', '.join(unknown)} ignored")
    types = {name: known.get(name, "VARCHAR") for name in header}
    kept = [f"CAST({name if name in header else 'NULL'} AS {kind}) AS {name}" for name, kind in known.items()]
    if table.kept_as == "lines":
        kept.append(f"'{table.name.rpartition('__')[2]}' AS eval_set")
    # Cells come as text and are looked at before they are cast: DuckDB's own reader would round 13.5 to the id 14.
    fits = " AND ".join(f"({name} IS NULL OR {_FITS[types[name]].format(name)})" for name in header if name in known)
    is_first = not database.execute("SELECT 1 FROM duckdb_tables() WHERE table_name = ?", [table.kept_as]).fetchone()
    into = f"CREATE TABLE {table.kept_as} AS" if is_first else f"INSERT INTO {table.kept_as}"
    readable = _unpacked(file, scratch) if file.suffix == ".zip" else file
    try:
        (rows,) = database.execute(
            f"""{into} SELECT {", ".join(kept)}
                FROM read_csv({literal(readable)}, columns = {_struct(header)}, header = true, auto_detect = false,
                              strict_mode = true, delim = ',', quote = '"', escape = '"', nullstr = '',
                              max_line_size = 1000000)
                WHERE CASE WHEN {fits} THEN true ELSE error('a cell does not fit its column') END"""
        ).fetchone()
    except duckdb.Error as error:
        raise locate.unreadable(file, types) or Failure(f"{file}: cannot be read as CSV: {error}") from error
    if not rows:
        raise Failure(f"{file}: no rows below the header")
    if table is ORDERS and "eval_set" not in header:
        database.execute("UPDATE orders SET eval_set = 'prior'")


def _struct(header: list[str]) -> str:
    quoted = (name.replace("'", "''") for name in header)
    return "{" + ", ".join(f"'{name}': 'VARCHAR'" for name in quoted) + "}"


def _unpacked(file: Path, scratch: Path) -> Path:
    """The table in a .zip as Kaggle serves it, which DuckDB does not read."""
    target = scratch / file.stem
    try:
        with zipfile.ZipFile(file) as archive:
            entry = locate.zipped_table(file, archive)
            if entry.file_size > UNPACKED_LIMIT:
                raise Failure(f"{file}: unpacks to {entry.file_size:,} bytes, more than {UNPACKED_LIMIT:,}")
            with archive.open(entry) as packed, target.open("wb") as plain:
                shutil.copyfileobj(packed, plain, 2**20)
    except (zipfile.BadZipFile, EOFError, NotImplementedError, RuntimeError) as error:
        raise Failure(f"{file}: cannot be read as a zip archive: {error}") from error
    return target


_FITS = {
    "BIGINT": f"regexp_full_match({{}}, '{locate.WHOLE_NUMBER}')",
    "INTEGER": f"regexp_full_match({{}}, '{locate.WHOLE_NUMBER}')",
    "DOUBLE": "TRY_CAST({} AS DOUBLE) IS NOT NULL",
    "VARCHAR": "true",
}


def _check_presence(database: duckdb.DuckDBPyConnection, files: dict[str, Path], dated: bool) -> None:
    if TRAIN.name not in files:
        stray = database.execute("SELECT order_id FROM orders WHERE eval_set = 'train' LIMIT 1").fetchone()
        if stray:
            message = f"has eval_set train, but there is no {TRAIN.name}.csv"
            raise locate.rows(files["orders"], {"order_id": stray[0]}, message)
    if dated:
        if "order_date" not in locate.header(files["orders"]):
            raise Failure(f"{files['orders']}, line 1: no column order_date, which a moment given as a day needs")
        undated = "SELECT order_id FROM orders WHERE order_date IS NULL AND eval_set <> 'test' ORDER BY ALL LIMIT 1"
        if row := database.execute(undated).fetchone():
            raise locate.rows(files["orders"], {"order_id": row[0]}, "has no order_date")


def _check(database: duckdb.DuckDBPyConnection, name: str, files: dict[str, Path]) -> None:
    """Runs the checks of a kept table; the first row that one returns is looked up in its file."""
    for subject, check in queries.checks(name).items():
        found = database.execute(f"SELECT * FROM (\n{check}) q LIMIT 1")
        names = [column[0] for column in found.description]
        row = found.fetchone()
        if not row:
            continue
        key = dict(zip(names, row, strict=True))
        file = files[f"order_products__{key.pop('eval_set')}"] if name == "lines" else files[name]
        expected = queries.expectation(check)
        kind = subject.rpartition(".")[2]
        if kind == "not_null":
            raise locate.first(
                file,
                lambda cells, key=key: next((column for column in key if not cells[column]), None),
                "{column} is empty; " + expected,
            )
        if kind == "accepted":
            ((column, value),) = key.items()
            raise locate.value(file, column, value, expected)
        if kind == "unique":
            raise locate.duplicate(file, key)
        raise locate.rows(file, key, expected)
