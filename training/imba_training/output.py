"""Results appear whole or not at all."""

import fcntl
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .failures import Failure

_PREFIX = ".unfinished-"
_LOCK = "lock"
MAKING = 3600.0  # seconds


@contextmanager
def finished_files(out: Path) -> Iterator[Path]:
    """A scratch directory whose `result` files move into `out` when the block ends well; else nothing is left.

    What is written to `<scratch>/result` is the result; everything beside it is scratch and is deleted. Files of `out`
    that the block does not write stay as they are, and an `out` that was made for nothing goes again. What a killed
    process left unfinished is swept first.
    """
    is_new = not out.exists()
    try:
        out.mkdir(parents=True, exist_ok=True)
        _sweep(out)
        scratch = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=out))
    except OSError as error:
        raise Failure(f"{out}: cannot write there: {error.strerror}") from error
    try:
        with locked(scratch / _LOCK, f"{scratch} is in use"):
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


def _sweep(out: Path) -> None:
    """Deletes the scratch directories whose process is dead: its lock went with it. One without a lock file may just be
    in the making, and is left for an hour."""
    for scratch in out.glob(f"{_PREFIX}*"):
        try:
            if not (scratch / _LOCK).exists() and time.time() - scratch.stat().st_mtime < MAKING:
                continue
            with locked(scratch / _LOCK, "alive"):
                shutil.rmtree(scratch, ignore_errors=True)
        except (Failure, OSError):
            continue


@contextmanager
def locked(file: Path, otherwise: str) -> Iterator[None]:
    """Holds the lock `file` as long as the block, or the process, lives; a `Failure` if another process holds it."""
    with file.open("w") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Failure(otherwise) from None
        yield


def say(message: str) -> None:
    """Progress for the person at the terminal; results go to files, so stdout stays free."""
    print(message, file=sys.stderr, flush=True)
