"""The command line: `python -m imba_training COMMAND`."""

import argparse
import os
import signal
import sys
from pathlib import Path

from .failures import Failure


def main(arguments: list[str] | None = None) -> int:
    """Runs one command. Returns 0 when it went well and 1 when it failed; wrong usage exits with 2."""
    options = _parser().parse_args(arguments)
    try:
        options.run(options)
    except Failure as failure:
        print(f"imba_training {options.command}: {failure}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(f"imba_training {options.command}: interrupted; what it had made is removed", file=sys.stderr)
        return 130
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m imba_training", description=sys.modules[__package__].__doc__)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    _add_features(commands)
    _add_train(commands)
    _add_report(commands)
    _add_deploy(commands)
    _add_synthesize(commands)
    _add_demo(commands)
    return parser


class _Defaults(argparse.ArgumentDefaultsHelpFormatter):
    """Shows the defaults that say something."""

    def _get_help_string(self, action: argparse.Action) -> str | None:
        return action.help if action.default in (None, False) else super()._get_help_string(action)


def _command(commands, name: str, run, summary: str) -> argparse.ArgumentParser:
    command = commands.add_parser(name, help=summary, description=summary, formatter_class=_Defaults)
    command.set_defaults(run=run)
    return command


# Each command imports what it needs when it runs, so that `--help` is quick and `features` does not load XGBoost.


def _add_features(commands) -> None:
    def run(options) -> None:
        from .features import features

        features(options.data, options.out)

    command = _command(
        commands, "features", run, "make the 18 features of every user-product pair from the published tables"
    )
    command.add_argument(
        "data",
        type=Path,
        help="directory with orders, order_products__prior, order_products__train and products as .csv or .csv.gz",
    )
    command.add_argument(
        "--out",
        type=Path,
        required=True,
        help="directory for features.parquet, features.csv, products.csv and features.json",
    )


def _add_train(commands) -> None:
    def run(options) -> None:
        from .train import Search, train

        search = Search(options.trials, options.rounds, options.patience, options.seed, options.threads)
        train(options.features, options.out, search, options.threshold)

    command = _command(commands, "train", run, "search the parameters, fit the model and test it")
    command.add_argument("features", type=Path, help="directory that `features` wrote")
    command.add_argument(
        "--out", type=Path, required=True, help="directory for model.ubj, model.tar.gz, baseline.json and training.json"
    )
    command.add_argument("--trials", type=_positive, default=30, help="parameter sets to try")
    command.add_argument("--rounds", type=_positive, default=1000, help="most trees in a model")
    command.add_argument(
        "--patience", type=_positive, default=30, help="rounds without a better validation AUC before a fit stops"
    )
    command.add_argument(
        "--threshold", type=_probability, default=0.2, help="score above which a reorder counts as likely"
    )
    command.add_argument("--seed", type=_natural, default=1, help="of the search and of the row samples")
    command.add_argument(
        "--threads", type=_positive, default=os.cpu_count() or 1, help="threads; the same number gives the same model"
    )


def _add_report(commands) -> None:
    def run(options) -> None:
        from .report import report

        report(options.features, options.model, options.out or options.model, options.threads)

    command = _command(
        commands, "report", run, "draw the model's test results as one HTML page, with the numbers in a JSON beside it"
    )
    command.add_argument("features", type=Path, help="directory that `features` wrote")
    command.add_argument("model", type=Path, help="directory that `train` wrote")
    command.add_argument("--out", type=Path, help="directory for report.html and report.json (default: the model's)")
    command.add_argument("--threads", type=_positive, default=os.cpu_count() or 1, help="threads")


def _add_deploy(commands) -> None:
    def run(options) -> None:
        from . import deploy, images

        sagemaker = deploy.Sagemaker(options.region)
        if options.delete:
            sagemaker.delete(options.endpoint)
            return
        if missing := [f"--{name}" for name in ("role", "bucket") if not getattr(options, name)]:
            command.error(f"{' and '.join(missing)} needed to deploy")
        if bool(options.model) == bool(options.variant):
            command.error("either --model or --variant is needed to deploy")
        variants = [deploy.Variant(*v) for v in options.variant or [("main", options.model, 1.0)]]
        hosting = deploy.Hosting(
            options.instance_type, options.instance_count, options.serverless_memory, options.serverless_concurrency
        )
        image = options.image or images.xgboost_image(sagemaker.region, options.image_version)
        sagemaker.deploy(
            options.endpoint, variants, role=options.role, bucket=options.bucket, hosting=hosting, image=image
        )
        print(deploy.config_lines(options.endpoint, sagemaker.region), end="")

    from .images import VERSION

    command = _command(commands, "deploy", run, "put a model on a SageMaker endpoint, or take it down")
    command.add_argument("endpoint", help="name of the endpoint")
    command.add_argument("--model", type=Path, help="model.tar.gz that `train` wrote")
    command.add_argument(
        "--variant",
        type=_variant,
        action="append",
        metavar="NAME=FILE[@WEIGHT]",
        help="instead of --model, once per variant: a model.tar.gz and its share of the traffic",
    )
    command.add_argument("--role", help="ARN of the role that SageMaker works as; it must be able to read the bucket")
    command.add_argument("--bucket", help="S3 bucket for the model")
    command.add_argument("--region", help="AWS region (default: as AWS's own tools find it)")
    command.add_argument("--image-version", default=VERSION, help="version of SageMaker's XGBoost image")
    command.add_argument("--image", help="another image, by its full URI")
    command.add_argument("--instance-type", default="ml.m5.large", help="instance type")
    command.add_argument("--instance-count", type=_positive, default=1, help="instances per variant")
    command.add_argument(
        "--serverless-memory", type=_positive, metavar="MB", help="make the endpoint serverless, with so much memory"
    )
    command.add_argument(
        "--serverless-concurrency", type=_positive, default=5, help="most requests at once, if serverless"
    )
    command.add_argument("--delete", action="store_true", help="delete the endpoint and all that belongs to it")


def _add_synthesize(commands) -> None:
    def run(options) -> None:
        from .synthesize import synthesize

        synthesize(
            options.out,
            users=options.users,
            products=options.products,
            seed=options.seed,
            dialect=options.dialect,
            gzip=options.gzip,
        )

    command = _command(commands, "synthesize", run, "write the tables of an invented grocery shop")
    command.add_argument("--out", type=Path, required=True, help="directory for the tables")
    command.add_argument("--users", type=_positive, default=5000, help="users; the published data has 206209")
    command.add_argument("--products", type=_positive, default=2000, help="products; the published data has 49688")
    command.add_argument("--seed", type=_natural, default=1, help="the same seed gives the same bytes")
    command.add_argument(
        "--dialect", choices=("kaggle", "quoted", "spreadsheet"), default="kaggle", help="how cells are spelled"
    )
    command.add_argument("--gzip", action="store_true", help="write .csv.gz")


def _add_demo(commands) -> None:
    def run(options) -> None:
        from .demo import demo

        demo(options.out)

    command = _command(commands, "demo", run, "rebuild the demo files of the service and say which changed")
    command.add_argument("--out", type=Path, required=True, help="the demo directory")


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text} is not 1 or more")
    return number


def _variant(text: str) -> tuple[str, Path, float]:
    name, equals, rest = text.partition("=")
    file, at, weight = rest.rpartition("@")
    if not at:
        file, weight = rest, "1"
    try:
        share = float(weight)
    except ValueError:
        share = -1.0
    if not (name and equals and file and share > 0.0):
        raise argparse.ArgumentTypeError(f"{text} is not NAME=FILE or NAME=FILE@WEIGHT")
    return name, Path(file), share


def _natural(text: str) -> int:
    number = int(text)
    if number < 0:
        raise argparse.ArgumentTypeError(f"{text} is not 0 or more")
    return number


def _probability(text: str) -> float:
    number = float(text)
    if not 0.0 < number < 1.0:
        raise argparse.ArgumentTypeError(f"{text} is not between 0 and 1")
    return number


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # an exception, so that unfinished files are removed
    sys.exit(main())
