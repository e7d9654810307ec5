"""`features`: its arguments."""

import argparse
from pathlib import Path

from .arguments import command


def add(commands) -> None:
    parser = command(
        commands,
        "features",
        lambda options: _run(options, parser),
        "make the features of every user-product pair from the published tables",
    )
    parser.add_argument(
        "data",
        type=Path,
        help="directory with orders, order_products__prior, products and, if there is one, order_products__train, as "
        ".csv, .csv.gz or .csv.zip",
    )
    parser.add_argument(
        "--out",
        type=Path,
        required=True,
        help="directory for features.parquet, features.csv, products.csv and features.json",
    )
    moment = parser.add_mutually_exclusive_group()
    moment.add_argument(
        "--as-of",
        default="split",
        metavar="DAY|ORDER",
        help="which orders are history: those before a day (2026-05-01; needs a column order_date), before an order "
        "number (5; -1 is the last order, -2 the one before it), or before the train and test orders (split); the next "
        "one is the label",
    )
    moment.add_argument(
        "--as-of-last",
        action="store_const",
        const="last",
        dest="as_of",
        help="everything bought is history: the table to serve; no labels",
    )
    which = parser.add_argument_group("other features than the 18")
    which.add_argument(
        "--features", choices=("standard", "extended"), default="standard", help="the 18, or eleven more"
    )
    which.add_argument(
        "--sql", type=Path, help="a query of your own: one SELECT of user_id, product_id and your columns"
    )
    which.add_argument("--columns", type=Path, help="the names of its features, one a line, in model order")
    parser.add_argument(
        "--computed",
        type=Path,
        metavar="DIRECTORY",
        help="Parquet files in which Athena or Spark has already computed them; data needs products only",
    )


def _run(options: argparse.Namespace, parser: argparse.ArgumentParser) -> None:
    from .. import features, queries, recipes

    if not queries.AS_OF.fullmatch(options.as_of):
        parser.error(
            f"argument --as-of: {options.as_of!r} is no day such as 2026-05-01 and no order number such as 5 or -1"
        )
    if bool(options.sql) != bool(options.columns):
        parser.error("--sql and --columns belong together")
    if options.sql and options.features != "standard":
        parser.error("--sql and --features exclude each other")
    if options.sql:
        recipe = recipes.own(options.sql, options.columns)
    else:
        recipe = recipes.extended() if options.features == "extended" else recipes.standard()
    if options.computed:
        if options.as_of != "split":
            parser.error(
                "--computed and --as-of exclude each other: the moment was chosen when the files were computed"
            )
        features.from_computed(options.data, options.computed, options.out, recipe)
    else:
        features.features(options.data, options.out, as_of=options.as_of, recipe=recipe)
