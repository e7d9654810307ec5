"""A command that is stopped, or runs out of disk, leaves no half-written files."""

import errno
import signal
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from imba_training.engine import open_database
from imba_training.failures import Failure
from imba_training.output import finished_files


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
def test_a_stopped_command_leaves_nothing(stop: signal.Signals, tmp_path: Path) -> None:
    out = tmp_path / "shop"
    command = [sys.executable, "-m", "imba_training", "synthesize", "--out", out, "--users", "100000"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        first = process.stderr.readline()
        assert "orders" in first
        assert list(out.iterdir()), "it was stopped before it began to write"
        process.send_signal(stop)
        rest = process.stderr.read()
        code = process.wait(timeout=30)
    assert code in (130, 143)
    assert "Traceback" not in rest
    assert not out.exists()


def test_a_query_that_a_signal_interrupted_is_an_interruption(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), open_database(tmp_path):
        raise RuntimeError("Query interrupted")
    with pytest.raises(RuntimeError, match="something else"), open_database(tmp_path):
        raise RuntimeError("something else")


def test_a_full_disk_is_said(tmp_path: Path) -> None:
    with pytest.raises(Failure, match="No space left"), finished_files(tmp_path / "out"):
        raise OSError(errno.ENOSPC, "No space left on device", str(tmp_path / "out" / "features.csv"))
    assert not (tmp_path / "out").exists()
    with pytest.raises(Failure, match="DuckDB stopped: could not write"), open_database(tmp_path):
        raise duckdb.IOException("could not write")


def test_files_of_others_stay(tmp_path: Path) -> None:
    (tmp_path / "theirs").write_text("theirs")
    with finished_files(tmp_path) as scratch:
        (scratch / "result" / "ours").write_text("ours")
        (scratch / "scratch").write_text("gone")
    assert {file.name: file.read_text() for file in tmp_path.iterdir()} == {"theirs": "theirs", "ours": "ours"}
