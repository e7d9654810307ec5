"""The SQL files of this package: the steps from the tables to the training set, and the checks."""

import hashlib
import re
from importlib import resources

from .failures import Failure

AS_OF = re.compile(r"split|last|\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])|[1-9]\d{0,8}|-[1-9]\d{0,8}")
_FOLDER = resources.files(__package__) / "sql"
_PARAMETER = "SELECT 'split' AS as_of"


def text(name: str) -> str:
    """The query `name`, as it can be pasted into Athena or Spark."""
    return (_FOLDER / f"{name}.sql").read_text(encoding="utf-8")


def cutoffs(as_of: str) -> str:
    """The query of the same name with its parameter set."""
    if not AS_OF.fullmatch(as_of):
        raise Failure(
            f"as of {as_of!r}: split, last, a day such as 2026-05-01, or an order number (-1: the last) is expected"
        )
    query = text("cutoffs")
    assert query.count(_PARAMETER) == 1  # noqa: S101 (a promise of our own file)
    return query.replace(_PARAMETER, f"SELECT '{as_of}' AS as_of")


def is_day(as_of: str) -> bool:
    return as_of[4:5] == "-"


def checks(table: str) -> dict[str, str]:
    """The checks of `table` by name, `SUBJECT.KIND`, in an order that makes sense: values, keys, references."""
    kinds = ("not_null", "accepted", "unique", "relationship")
    found = {
        entry.name.removeprefix(f"{table}.").removesuffix(".sql"): entry.read_text(encoding="utf-8")
        for entry in (_FOLDER / "checks").iterdir()
        if entry.name.startswith(f"{table}.")
    }
    return dict(sorted(found.items(), key=lambda item: (kinds.index(item[0].rpartition(".")[2]), item[0])))


def expectation(check: str) -> str:
    """What a check expects: the comment in its first line."""
    return check.splitlines()[0].removeprefix("--").strip()


def fingerprint(*queries: str) -> str:
    """Of what the queries say: comments and blanks do not count."""
    bare = (" ".join(re.sub(r"--[^\n]*", "", query).split()) for query in queries)
    return "sha256:" + hashlib.sha256("\0".join(bare).encode()).hexdigest()
