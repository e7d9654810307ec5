"""DuckDB, set up to stay within bounds: a database file in a scratch directory, few threads, spilling to disk."""

import os
from pathlib import Path

import duckdb

MEMORY = "4GB"
THREADS = max(1, min(4, os.cpu_count() or 1))


def open_database(scratch: Path) -> duckdb.DuckDBPyConnection:
    """A database in `scratch`; whatever it stores or spills goes with that directory."""
    return duckdb.connect(
        str(scratch / "work.duckdb"),
        config={"memory_limit": MEMORY, "threads": THREADS, "temp_directory": str(scratch / "spill")},
    )


def literal(path: Path) -> str:
    """A path as SQL text, for the places where a statement takes no parameters."""
    return "'" + str(path).replace("'", "''") + "'"


def write_csv(database: duckdb.DuckDBPyConnection, query: str, file: Path, *options: str) -> None:
    """Writes the rows of `query` with a header line; `options` are those of DuckDB's COPY."""
    database.execute(f"COPY ({query}) TO {literal(file)} ({', '.join(('FORMAT csv', 'HEADER', *options))})")
