"""What the commands' arguments have in common: help, and the kinds of values."""

import argparse
import re
from collections.abc import Callable
from pathlib import Path


class _Defaults(argparse.ArgumentDefaultsHelpFormatter):
    """Shows the defaults that say something."""

    def _get_help_string(self, action: argparse.Action) -> str | None:
        return action.help if action.default in (None, False) else super()._get_help_string(action)


def command(commands, name: str, run: Callable[[argparse.Namespace], None], summary: str) -> argparse.ArgumentParser:
    added = commands.add_parser(name, help=summary, description=summary, formatter_class=_Defaults)
    added.set_defaults(run=run)
    return added


def positive(text: str) -> int:
    return _whole(text, 1)


def natural(text: str) -> int:
    return _whole(text, 0)


def _whole(text: str, least: int) -> int:
    try:
        number = int(text)
    except ValueError:
        number = least - 1
    if number < least:
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number of {least} or more")
    return number


def duration(text: str) -> float:
    """Seconds, from `90s`, `30m` or `2h`."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?)(s|m|h)", text)
    if not found or not float(found[1]):
        raise argparse.ArgumentTypeError(f"{text!r} is no time such as 90s, 30m or 2h")
    return float(found[1]) * {"s": 1, "m": 60, "h": 3600}[found[2]]


def percent(text: str) -> int:
    """1 to 100, from `10%` or `10`."""
    found = re.fullmatch(r"(\d{1,3})%?", text)
    if not found or not 1 <= int(found[1]) <= 100:
        raise argparse.ArgumentTypeError(f"{text!r} is no share such as 10%")
    return int(found[1])


def directory(text: str) -> Path:
    if Path(text).exists() and not Path(text).is_dir():
        raise argparse.ArgumentTypeError(f"{text} is no directory")
    return Path(text)
