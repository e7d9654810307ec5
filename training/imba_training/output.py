"""Results appear whole or not at all."""

import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .failures import Failure


@contextmanager
def finished_files(out: Path) -> Iterator[Path]:
    """A scratch directory whose `result` files move into `out` when the block ends well; else nothing is left.

    What is written to `<scratch>/result` is the result; everything beside it is scratch and is deleted. Files of `out`
    that the block does not write stay as they are, and an `out` that was made for nothing goes again.
    """
    is_new = not out.exists()
    try:
        out.mkdir(parents=True, exist_ok=True)
        scratch = Path(tempfile.mkdtemp(prefix=".unfinished-", dir=out))
    except OSError as error:
        raise Failure(f"{out}: cannot write there: {error.strerror}") from error
    try:
        result = scratch / "result"
        result.mkdir()
        yield scratch
        for file in sorted(result.iterdir()):
            file.replace(out / file.name)
    except OSError as error:
        raise Failure(f"{error.filename or out}: cannot be written: {error.strerror}") from error
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
        if is_new and not any(out.iterdir()):
            out.rmdir()


def say(message: str) -> None:
    """Progress for the person at the terminal; results go to files, so stdout stays free."""
    print(message, file=sys.stderr, flush=True)
