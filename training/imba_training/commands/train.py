"""`train`: its arguments."""

import argparse
import os
from pathlib import Path

from .arguments import command, duration, natural, positive


def add(commands) -> None:
    parser = command(commands, "train", _run, "search the parameters, fit the model and test it")
    parser.add_argument("features", type=Path, help="directory that `features` wrote")
    parser.add_argument(
        "--out",
        type=Path,
        required=True,
        help="directory for model.ubj, model.tar.gz, training.json and search.journal",
    )
    parser.add_argument("--source", help="what the data is, for the model's card (default: the directory's name)")
    parser.add_argument(
        "--threshold",
        type=_rule,
        default="0.2",
        metavar="best|NUMBER|cost:FP,FN",
        help="score above which a reorder counts as likely: a number, the one of the greatest F1, or the one that "
        "costs least where a needless suggestion costs FP and a missed reorder FN",
    )
    parser.add_argument(
        "--refit",
        choices=("auto", "always", "never"),
        default="auto",
        help="learn from the validation users too, if it helps",
    )
    parser.add_argument("--seed", type=natural, default=1, help="of the search and of the row samples")
    parser.add_argument(
        "--threads", type=positive, default=os.cpu_count() or 1, help="threads; the same number gives the same model"
    )
    search = parser.add_argument_group(
        "search", "An interrupted search goes on where it stopped. Ctrl-C ends it with the best so far."
    )
    search.add_argument(
        "--trials", type=positive, default=30, help="parameter sets to try, those of earlier runs included"
    )
    search.add_argument("--rounds", type=positive, default=1000, help="most trees in a model")
    search.add_argument(
        "--patience", type=positive, default=30, help="rounds without a better validation AUC before a fit stops"
    )
    search.add_argument(
        "--time-budget",
        type=duration,
        metavar="TIME",
        help="end the search after 90s, 30m, 2h, ... with the best so far",
    )
    search.add_argument("--jobs", type=positive, default=1, help="trials at the same time; they share the threads")
    search.add_argument(
        "--warm-start",
        type=Path,
        metavar="FILE",
        help="training.json of an earlier model, whose best parameters are tried first",
    )
    search.add_argument("--restart", action="store_true", help="forget the earlier search in --out")


def _rule(text: str):
    from ..thresholds import Rule

    try:
        return Rule.parse(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _run(options: argparse.Namespace) -> None:
    from .. import tracking
    from ..search import Search, warm_start
    from ..train import train

    tracking.require()
    search = Search(
        trials=options.trials,
        rounds=options.rounds,
        patience=options.patience,
        seed=options.seed,
        threads=options.threads,
        jobs=options.jobs,
        budget=options.time_budget,
        warm=warm_start(options.warm_start) if options.warm_start else (),
        restart=options.restart,
    )
    try:
        train(options.features, options.out, search, options.threshold, refit=options.refit, source=options.source)
    except KeyboardInterrupt:
        raise KeyboardInterrupt("no model is written; the same command goes on with the search") from None
