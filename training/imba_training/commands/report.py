"""`report`: its arguments."""

import argparse
import os
from pathlib import Path

from .arguments import command, positive


def add(commands) -> None:
    parser = command(
        commands, "report", _run, "draw the model's test results as one HTML page, with the numbers in a JSON beside it"
    )
    parser.add_argument("features", type=Path, help="directory that `features` wrote")
    parser.add_argument("model", type=Path, help="directory that `train` wrote")
    parser.add_argument("--out", type=Path, help="directory for report.html and report.json (default: the model's)")
    parser.add_argument("--threads", type=positive, default=os.cpu_count() or 1, help="threads")


def _run(options: argparse.Namespace) -> None:
    from ..report import report

    report(options.features, options.model, options.out or options.model, options.threads)
