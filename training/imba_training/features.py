"""`features`: from the published tables to the features of every (user, product) pair."""

import json
import re
from pathlib import Path

import duckdb

from . import leaks, queries, tables
from .columns import KEYS, LABEL, SPLIT
from .engine import literal, open_database, write_csv
from .failures import Failure
from .output import finished_files, say
from .recipes import Recipe, standard

_NUMBER = re.compile(r"U?(TINY|SMALL|BIG|HUGE)INT|U?INTEGER|FLOAT|DOUBLE|DECIMAL.*")


def features(data: Path, out: Path, *, as_of: str = "split", recipe: Recipe | None = None) -> None:
    """Reads the tables in `data`, writes to `out`:

    - `features.parquet`: keys, features, label (NULL where the order to be predicted is unknown), split, for training;
    - `features.csv`: keys and features of every pair, for `imba features import`;
    - `products.csv`: product_id, product_name;
    - `features.json`: what was computed as of when by which query, and how many rows, by split.

    `as_of` says which orders are history: see `sql/cutoffs.sql`.
    """
    recipe = recipe or standard()
    cutoffs = queries.cutoffs(as_of)
    with finished_files(out) as scratch, open_database(scratch) as database:
        tables.load(database, data, scratch, dated=queries.is_day(as_of))
        say(f"features: computing as of {as_of}")
        database.execute(f"CREATE TABLE cutoffs AS {cutoffs}")
        _require_history(database, data, as_of)
        compute(database, recipe)
        _check(database, recipe)
        leaks.check(database, recipe)
        _write(database, scratch / "result", queries.text("dataset"), as_of, recipe)
    _say_counts(out)


def from_computed(data: Path, computed: Path, out: Path, recipe: Recipe | None = None) -> None:
    """The same files from what Athena or Spark made of the same queries: Parquet files in `computed`.

    Of `data` only the products are read.
    """
    recipe = recipe or standard()
    if not any(computed.glob("*")):
        raise Failure(f"{computed}: no files there; the Parquet files that Athena or Spark wrote are expected")
    with finished_files(out) as scratch, open_database(scratch) as database:
        tables.load_products(database, data, scratch)
        files = literal(computed / "[!._]*")  # engines leave markers such as _SUCCESS beside the data
        wanted = ", ".join((*KEYS, *recipe.columns, LABEL, SPLIT))
        try:
            database.execute(f"CREATE TABLE dataset AS SELECT {wanted} FROM read_parquet({files})")
        except duckdb.Error as error:
            raise Failure(f"{computed}: cannot be read as Parquet files with {wanted}: {error}") from error
        database.execute(f"CREATE VIEW feature_table AS SELECT {', '.join((*KEYS, *recipe.columns))} FROM dataset")
        database.execute("CREATE VIEW orders AS SELECT DISTINCT user_id FROM dataset")
        _check(database, recipe)
        _write(database, scratch / "result", f"SELECT {wanted} FROM dataset ORDER BY user_id, product_id", None, recipe)
    _say_counts(out)


def compute(database: duckdb.DuckDBPyConnection, recipe: Recipe) -> None:
    """Makes `feature_table` in the current schema, where orders, lines, products and cutoffs are."""
    database.execute(f"CREATE VIEW history AS {queries.text('history')}")
    database.execute(f"CREATE VIEW features AS {queries.text('features')}")
    wanted = ", ".join((*KEYS, *recipe.columns))
    try:
        database.execute(f"CREATE TABLE feature_table AS SELECT {wanted} FROM ({recipe.sql}\n) q")
    except (
        duckdb.BinderException,
        duckdb.CatalogException,
        duckdb.ParserException,
        duckdb.ConversionException,
    ) as error:
        raise Failure(f"{recipe.name}: {error}") from error


def _require_history(database: duckdb.DuckDBPyConnection, data: Path, as_of: str) -> None:
    query = f"SELECT EXISTS (\n{queries.text('history')})"
    if not database.execute(query).fetchone()[0]:
        raise Failure(f"{data}: no order is history as of {as_of}")


def _check(database: duckdb.DuckDBPyConnection, recipe: Recipe) -> None:
    types = {name: kind for name, kind, *_ in database.execute("DESCRIBE feature_table").fetchall()}
    for name in recipe.columns:
        if not _NUMBER.fullmatch(types[name]):
            raise Failure(f"{recipe.name}, column {name}: {types[name]} is no number")
        if types[name] in ("FLOAT", "DOUBLE"):
            bad = f"SELECT user_id, product_id, {name} FROM feature_table WHERE NOT isfinite({name}) LIMIT 1"
            if row := database.execute(bad).fetchone():
                raise Failure(
                    f"{recipe.name}, column {name}: {row[2]} for user_id {row[0]}, product_id {row[1]}; "
                    "a number or NULL is expected"
                )
    for check in queries.checks("feature_table").values():
        found = database.execute(check)
        names = [column[0] for column in found.description]
        if row := found.fetchone():
            where = ", ".join(f"{name} {value}" for name, value in zip(names, row, strict=True))
            raise Failure(f"{recipe.name}: {where}: {queries.expectation(check)}")


def _write(database: duckdb.DuckDBPyConnection, result: Path, dataset: str, as_of: str | None, recipe: Recipe) -> None:
    parquet = result / "features.parquet"
    database.execute(f"COPY ({dataset}) TO {literal(parquet)} (FORMAT parquet, ROW_GROUP_SIZE 100000)")
    say("features: writing the table for the service")
    columns = ", ".join((*KEYS, *recipe.columns))
    pairs = f"SELECT {columns} FROM {literal(parquet)} ORDER BY user_id, product_id"
    write_csv(database, pairs, result / "features.csv")
    names = "SELECT product_id, product_name FROM products ORDER BY product_id"
    write_csv(database, names, result / "products.csv")
    made = {
        "as_of": as_of,
        "query": recipe.name,
        "sql_fingerprint": recipe.fingerprint(),
        "columns": list(recipe.columns),
        **_counts(database, parquet),
    }
    (result / "features.json").write_text(json.dumps(made, indent=2) + "\n")


def _counts(database: duckdb.DuckDBPyConnection, parquet: Path) -> dict[str, object]:
    table = literal(parquet)
    pairs, users = database.execute(f"SELECT COUNT(*), COUNT(DISTINCT user_id) FROM {table}").fetchone()
    splits = database.execute(
        f"SELECT {SPLIT}, COUNT(*), COUNT({LABEL}), SUM({LABEL}) FROM {table} GROUP BY {SPLIT} ORDER BY {SPLIT}"
    ).fetchall()
    return {
        "pairs": pairs,
        "users": users,
        "splits": {
            name: {"pairs": rows, "labelled": labelled, "reordered": int(ones or 0)}
            for name, rows, labelled, ones in splits
        },
    }


def _say_counts(out: Path) -> None:
    counts = json.loads((out / "features.json").read_text())
    labelled = sum(split["labelled"] for split in counts["splits"].values())
    rest = f"{labelled:,} of them labelled" if labelled else "none labelled: to serve, not to train"
    say(f"features: {counts['pairs']:,} pairs of {counts['users']:,} users in {out}, {rest}")
