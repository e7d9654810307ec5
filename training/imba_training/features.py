"""`features`: from the published tables to the 18 features of every (user, product) pair."""

import json
from importlib import resources
from pathlib import Path

import duckdb

from . import tables
from .columns import FEATURES, KEYS, LABEL, SPLIT
from .engine import literal, open_database, write_csv
from .output import finished_files, say


def sql() -> str:
    """The feature query; also what one pastes into Athena."""
    return resources.files(__package__).joinpath("features.sql").read_text(encoding="utf-8")


def features(data: Path, out: Path) -> None:
    """Reads the tables in `data`, writes to `out`:

    - `features.parquet`: keys, features, label (NULL when the user has no train order) and split, for training;
    - `features.csv`: keys and features of every pair, for `imba features import`;
    - `products.csv`: product_id, product_name;
    - `features.json`: how many rows, by split.
    """
    with finished_files(out) as scratch:
        result = scratch / "result"
        with open_database(scratch) as database:
            tables.load(database, data)
            say("features: computing")
            columns = ", ".join((*KEYS, *FEATURES))
            parquet = result / "features.parquet"
            database.execute(f"COPY ({sql()}) TO {literal(parquet)} (FORMAT parquet, ROW_GROUP_SIZE 100000)")
            say("features: writing the table for the service")
            pairs = f"SELECT {columns} FROM {literal(parquet)} ORDER BY user_id, product_id"
            write_csv(database, pairs, result / "features.csv")
            names = "SELECT product_id, product_name FROM products ORDER BY product_id"
            write_csv(database, names, result / "products.csv")
            counts = _counts(database, parquet)
        (result / "features.json").write_text(json.dumps(counts, indent=2) + "\n")
    say(f"features: {counts['pairs']:,} pairs of {counts['users']:,} users in {out}")


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
