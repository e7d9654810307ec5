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
