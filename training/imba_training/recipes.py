"""Which query makes which features: the 18, the extended ones, or one's own."""

import re
from dataclasses import dataclass
from pathlib import Path

import duckdb

from . import queries
from .columns import EXTENDED, FEATURES, KEYS, LABEL, SPLIT
from .failures import Failure

MOST_COLUMNS = 1_000
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,62}")


@dataclass(frozen=True)
class Recipe:
    """`sql` is one SELECT with the keys and `columns`; it may read history, features (the 18), products and orders."""

    name: str
    sql: str
    columns: tuple[str, ...]

    def fingerprint(self) -> str:
        """Of everything that defines the features, but not of the moment they are computed for."""
        return queries.fingerprint(queries.text("history"), queries.text("features"), self.sql, ",".join(self.columns))


def standard() -> Recipe:
    return Recipe("standard", "SELECT * FROM features", FEATURES)


def extended() -> Recipe:
    return Recipe("extended", queries.text("extended"), (*FEATURES, *EXTENDED))


def own(sql: Path, columns: Path) -> Recipe:
    """The query in `sql`, with the features named in `columns`: one a line, in model order; `#` begins a comment."""
    query = _read(sql).strip().rstrip(";")
    try:
        statements = duckdb.extract_statements(query)
    except duckdb.Error as error:
        raise Failure(f"{sql}: {error}") from error
    if [statement.type for statement in statements] != [duckdb.StatementType.SELECT]:
        raise Failure(f"{sql}: one SELECT is expected")
    names = []
    for number, line in enumerate(_read(columns).splitlines(), start=1):
        if not (name := line.partition("#")[0].strip()):
            continue
        if not _NAME.fullmatch(name):
            raise Failure(f"{columns}, line {number}: {name!r} is no column name: letters, digits and _ are expected")
        if name in (*KEYS, LABEL, SPLIT):
            raise Failure(f"{columns}, line {number}: {name} is no feature")
        if name in names:
            raise Failure(f"{columns}, line {number}: {name} occurs twice")
        names.append(name)
    if not 1 <= len(names) <= MOST_COLUMNS:
        raise Failure(f"{columns}: {len(names)} names; 1 to {MOST_COLUMNS:,} are expected")
    return Recipe(sql.name, query, tuple(names))


def _read(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise Failure(f"{file}: cannot be read: {error}") from error
