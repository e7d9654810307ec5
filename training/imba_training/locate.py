"""The slow second look at a CSV file that DuckDB or a check objected to: finds the line and column to name."""

import csv
import gzip
import re
import zipfile
from collections.abc import Callable, Iterator
from io import TextIOWrapper
from pathlib import Path

from .failures import Failure

Row = dict[str, str]
WHOLE_NUMBER = " *[+-]?[0-9]+ *"  # a regular expression that DuckDB and Python read alike


def header(file: Path) -> list[str]:
    """The column names of `file`, without byte order mark and surrounding blanks."""
    try:
        with _open(file) as text:
            names = next(csv.reader(text), [])
    except (OSError, EOFError, zipfile.BadZipFile, UnicodeDecodeError, csv.Error) as error:
        raise Failure(f"{file}: cannot be read as CSV text: {error}") from error
    if not names:
        raise Failure(f"{file}: the file is empty; a header line was expected")
    return [name.strip() for name in names]


def unreadable(file: Path, types: dict[str, str]) -> Failure | None:
    """Why a row of `file` does not fit the columns `types`, if this can be seen here."""
    names = list(types)
    try:
        with _open(file) as text:
            reader = csv.reader(text, strict=True)
            next(reader)
            for cells in filter(None, reader):  # blank lines are no rows
                if len(cells) != len(names):
                    return Failure(
                        f"{file}, line {reader.line_num}: {len(cells)} cells where the header has {len(names)} columns"
                    )
                for name, cell in zip(names, cells, strict=True):
                    if expected := _misfit(types[name], cell):
                        return Failure(f"{file}, line {reader.line_num}, column {name}: {cell!r} is not {expected}")
    except csv.Error as error:
        return Failure(f"{file}, line {reader.line_num}: {error}")
    except (OSError, EOFError, zipfile.BadZipFile, UnicodeDecodeError) as error:
        return Failure(f"{file}: cannot be read as CSV text: {error}")
    return None


def first(file: Path, column_of: Callable[[Row], str | None], message: str) -> Failure:
    """A failure at the first row for which `column_of` names a column."""
    for line, row in _rows(file):
        if column := column_of(row):
            return Failure(f"{file}, line {line}, column {column}: " + message.format(column=column))
    return Failure(f"{file}: " + message.format(column="a cell"))


def value(file: Path, column: str, bad: object, expected: str) -> Failure:
    """A failure at the first cell of `column` that spells the value `bad`."""
    for line, row in _rows(file):
        if _same(row[column], bad):
            return Failure(f"{file}, line {line}, column {column}: {row[column]!r} is not {expected}")
    return Failure(f"{file}, column {column}: {bad!r} is not {expected}")


def rows(file: Path, key: dict[str, object], message: str) -> Failure:
    """A failure at the first row that has the values `key`."""
    line = next(iter(_lines_with(file, key)), "?")
    return Failure(f"{file}, line {line}, {_spell(key)}: {message}")


def duplicate(file: Path, key: dict[str, object]) -> Failure:
    """A failure that names the rows with the same `key`."""
    lines = _lines_with(file, key)
    return Failure(
        f"{file}, lines {' and '.join(map(str, lines[:3]))}: {_spell(key)} occurs {len(lines)} times; it must be unique"
    )


def _spell(key: dict[str, object]) -> str:
    return ", ".join(f"{name} {wanted}" for name, wanted in key.items())


def _lines_with(file: Path, key: dict[str, object]) -> list[int]:
    return [line for line, row in _rows(file) if all(_same(row[name], wanted) for name, wanted in key.items())]


def _same(cell: str, wanted: object) -> bool:
    """Whether a cell spells a value, so that `07`, `7` and ` 7` are one key."""
    if isinstance(wanted, str):
        return cell == wanted
    try:
        return float(cell) == wanted or (float(cell) != float(cell) and wanted != wanted)
    except ValueError:
        return False


def _misfit(kind: str, cell: str) -> str | None:
    """What was expected of `cell`, if it is not that. Empty cells are judged later."""
    if kind == "VARCHAR" or cell == "":
        return None
    if kind == "DOUBLE":
        try:
            float(cell)
        except ValueError:
            return "a number"
        return None
    if not re.fullmatch(WHOLE_NUMBER, cell):
        return "a whole number"
    limit = {"INTEGER": 2**31, "BIGINT": 2**63}[kind]
    if not -limit <= int(cell) < limit:
        return f"a whole number below {limit}"
    return None


def _rows(file: Path) -> Iterator[tuple[int, Row]]:
    with _open(file) as text:
        reader = csv.reader(text)
        names = [name.strip() for name in next(reader)]
        for cells in filter(None, reader):
            yield reader.line_num, dict(zip(names, cells, strict=False))


def zipped_table(file: Path, archive: zipfile.ZipFile) -> zipfile.ZipInfo:
    """The one table in a .zip; what a Mac adds beside it does not count."""
    entries = [e for e in archive.infolist() if e.filename.endswith(".csv") and not e.filename.startswith("__MACOSX/")]
    if len(entries) != 1:
        raise Failure(f"{file}: {len(entries)} .csv files in it; one is expected")
    return entries[0]


def _open(file: Path) -> TextIOWrapper:
    if file.suffix == ".zip":
        try:
            archive = zipfile.ZipFile(file)
        except zipfile.BadZipFile as error:
            raise Failure(f"{file}: cannot be read as a zip archive: {error}") from error
        with archive:  # an open entry keeps the file
            packed = archive.open(zipped_table(file, archive))
    else:
        packed = gzip.GzipFile(file, "rb") if file.suffix == ".gz" else file.open("rb")
    return TextIOWrapper(packed, encoding="utf-8-sig", newline="")
