"""DuckDB, set up to stay within bounds: a database file in a scratch directory, few threads, spilling to disk."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb

from .failures import Failure

MEMORY = "4GB"
THREADS = max(1, min(4, os.cpu_count() or 1))


@contextmanager
def open_database(scratch: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """A database in `scratch`; whatever it stores or spills goes with that directory.

    What goes wrong in it and nobody expected, a full disk above all, is a `Failure` in DuckDB's words.
    """
    try:
        with duckdb.connect(
            str(scratch / "work.duckdb"),
            config={"memory_limit": MEMORY, "threads": THREADS, "temp_directory": str(scratch / "spill")},
        ) as database:
            yield database
    except RuntimeError as error:
        if str(error) != "Query interrupted":  # what DuckDB makes of a signal's exception
            raise
        raise KeyboardInterrupt from error
    except duckdb.Error as error:
        raise Failure(f"{scratch.parent}: DuckDB stopped: {error}") from error


def literal(path: Path) -> str:
    """A path as SQL text, for the places where a statement takes no parameters."""
    return "'" + str(path).replace("'", "''") + "'"


def write_csv(database: duckdb.DuckDBPyConnection, query: str, file: Path, *options: str) -> None:
    """Writes the rows of `query` with a header line; `options` are those of DuckDB's COPY."""
    database.execute(f"COPY ({query}) TO {literal(file)} ({', '.join(('FORMAT csv', 'HEADER', *options))})")
