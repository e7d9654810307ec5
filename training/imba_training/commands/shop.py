"""`synthesize` and `demo`: their arguments."""

import argparse
from pathlib import Path

from .arguments import command, natural, positive


def add(commands) -> None:
    parser = command(commands, "synthesize", _synthesize, "write the tables of an invented grocery shop")
    parser.add_argument("--out", type=Path, required=True, help="directory for the tables")
    parser.add_argument("--users", type=positive, default=5000, help="users; the published data has 206209")
    parser.add_argument("--products", type=positive, default=2000, help="products; the published data has 49688")
    parser.add_argument("--seed", type=natural, default=1, help="the same seed gives the same bytes")
    parser.add_argument(
        "--dialect", choices=("kaggle", "quoted", "spreadsheet"), default="kaggle", help="how cells are spelled"
    )
    parser.add_argument("--gzip", action="store_true", help="write .csv.gz")
    parser = command(commands, "demo", _demo, "rebuild the demo files of the service and say which changed")
    parser.add_argument("--out", type=Path, required=True, help="the demo directory")


def _synthesize(options: argparse.Namespace) -> None:
    from ..synthesize import synthesize

    synthesize(
        options.out,
        users=options.users,
        products=options.products,
        seed=options.seed,
        dialect=options.dialect,
        gzip=options.gzip,
    )


def _demo(options: argparse.Namespace) -> None:
    from ..demo import demo

    demo(options.out)
