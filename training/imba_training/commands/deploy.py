"""`deploy`: its arguments."""

import argparse
import re
from pathlib import Path

from ..hosting import CONCURRENCY, INSTANCE_COUNT, INSTANCE_TYPE
from ..images import VERSION
from .arguments import command, duration, percent, positive


def add(commands) -> None:
    parser = command(
        commands,
        "deploy",
        lambda options: _run(options, parser),
        "put a model on a SageMaker endpoint, or take it down",
    )
    parser.add_argument("endpoint", help="name of the endpoint")
    parser.add_argument("--model", type=Path, help="model.tar.gz that `train` wrote")
    parser.add_argument(
        "--variant",
        type=_variant,
        action="append",
        metavar="NAME=FILE[@WEIGHT]",
        help="instead of --model, once per variant: a model.tar.gz and its share of the traffic",
    )
    parser.add_argument("--role", help="ARN of the role that SageMaker works as; it must be able to read the bucket")
    parser.add_argument("--bucket", help="S3 bucket for the model")
    parser.add_argument("--region", help="AWS region (default: as AWS's own tools find it)")
    image = parser.add_mutually_exclusive_group()
    image.add_argument("--image-version", help=f"version of SageMaker's XGBoost image (default: {VERSION})")
    image.add_argument("--image", help="another image, by its full URI: imba's own, for instance")
    parser.add_argument(
        "--delete",
        action="store_true",
        help="take down the endpoint and all that belongs to it, or what is left of them",
    )
    machines = parser.add_argument_group("machines")
    machines.add_argument("--instance-type", help=f"instance type (default: {INSTANCE_TYPE})")
    machines.add_argument("--instance-count", type=positive, help=f"instances per variant (default: {INSTANCE_COUNT})")
    machines.add_argument(
        "--autoscale", type=_range, metavar="MIN..MAX", help="let the number of instances follow the traffic"
    )
    machines.add_argument(
        "--autoscale-target",
        type=positive,
        metavar="N",
        help="invocations a minute that one instance should get (default: 1000)",
    )
    machines.add_argument(
        "--serverless-memory", type=positive, metavar="MB", help="make the endpoint serverless, with so much memory"
    )
    machines.add_argument(
        "--serverless-concurrency", type=positive, help=f"most requests at once, if serverless (default: {CONCURRENCY})"
    )
    rollout = parser.add_argument_group("moving an existing endpoint")
    rollout.add_argument(
        "--canary", type=percent, metavar="SHARE", help="move this share of the capacity first, such as 10%%"
    )
    rollout.add_argument(
        "--canary-wait", type=duration, metavar="TIME", help="how long to watch the canary (default: 10m)"
    )
    rollout.add_argument(
        "--alarm",
        action="append",
        metavar="NAME",
        help="CloudWatch alarm that makes SageMaker roll back; several may be given",
    )
    capture = parser.add_argument_group("keeping requests and answers")
    capture.add_argument("--capture", metavar="s3://BUCKET/PREFIX", help="where SageMaker keeps them")
    capture.add_argument("--capture-share", type=percent, metavar="SHARE", help="how many of them (default: 100%%)")


def _run(options: argparse.Namespace, parser: argparse.ArgumentParser) -> None:
    from .. import deploy, takedown
    from ..aws import Account

    if options.delete:
        if given := _given(options, parser):
            parser.error(f"--delete and {', '.join(given)} exclude each other")
        account = Account(options.region)
        takedown.Takedown(account, options.endpoint, poll=15.0).everything(options.bucket)
        return
    missing = [f"--{name}" for name in ("role", "bucket") if not getattr(options, name)]
    if missing:
        parser.error(f"{' and '.join(missing)} needed to deploy")
    if bool(options.model) == bool(options.variant):
        parser.error("either --model or --variant is needed to deploy")
    for part, whole in (("canary_wait", "canary"), ("capture_share", "capture"), ("autoscale_target", "autoscale")):
        if getattr(options, part) and not getattr(options, whole):
            parser.error(f"--{part.replace('_', '-')} needs --{whole}")
    account = Account(options.region)
    plan = _plan(options, account.region)
    if problems := plan.problems():
        parser.error("wrong arguments:\n  " + "\n  ".join(problems))
    deploy.Deployment(account, plan).run()
    print(deploy.config_lines(options.endpoint, account.region), end="")


def _plan(options: argparse.Namespace, region: str):
    from .. import images
    from ..hosting import Capture, Hosting, Plan, Rollout, Scaling, Variant

    return Plan(
        options.endpoint,
        [Variant(*variant) for variant in options.variant or [("main", options.model, 1.0)]],
        role=options.role,
        bucket=options.bucket,
        image=options.image or images.xgboost_image(region, options.image_version or VERSION),
        hosting=Hosting(
            options.instance_type, options.instance_count, options.serverless_memory, options.serverless_concurrency
        ),
        rollout=Rollout(options.canary, int(options.canary_wait or 600), tuple(options.alarm or ())),
        scaling=Scaling(*options.autoscale, options.autoscale_target or 1000) if options.autoscale else None,
        capture=Capture(options.capture, options.capture_share or 100) if options.capture else None,
    )


def _given(options: argparse.Namespace, parser: argparse.ArgumentParser) -> list[str]:
    """The options that say nothing about what to delete."""
    meant = ("endpoint", "delete", "region", "bucket", "help")
    return [
        action.option_strings[0]
        for action in parser._actions
        if action.dest not in meant and getattr(options, action.dest, None) not in (None, False)
    ]


def _variant(text: str) -> tuple[str, Path, float]:
    name, equals, rest = text.partition("=")
    file, at, weight = rest.rpartition("@")
    if not at:
        file, weight = rest, "1"
    try:
        share = float(weight)
    except ValueError:
        share = -1.0
    if not (name and equals and file and 0.0 < share < float("inf")):
        raise argparse.ArgumentTypeError(f"{text} is not NAME=FILE or NAME=FILE@WEIGHT")
    return name, Path(file), share


def _range(text: str) -> tuple[int, int]:
    found = re.fullmatch(r"([1-9]\d{0,3})\.\.([1-9]\d{0,3})", text)
    if not found or int(found[1]) > int(found[2]):
        raise argparse.ArgumentTypeError(f"{text!r} is no range such as 1..4")
    return int(found[1]), int(found[2])
