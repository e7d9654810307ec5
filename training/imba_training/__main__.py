"""The command line: `python -m imba_training COMMAND`."""

import argparse
import signal
import sys

from .commands import deploy, features, report, shop, train
from .failures import Failure


def main(arguments: list[str] | None = None) -> int:
    """Runs one command. Returns 0 when it went well and 1 when it failed; wrong usage exits with 2."""
    options = _parser().parse_args(arguments)
    try:
        options.run(options)
    except Failure as failure:
        print(f"imba_training {options.command}: {failure}", file=sys.stderr)
        return 1
    except KeyboardInterrupt as interruption:
        said = str(interruption) or "what it had made is removed"
        print(f"imba_training {options.command}: interrupted; {said}", file=sys.stderr)
        return 130
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m imba_training", description=sys.modules[__package__].__doc__)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for module in (features, train, report, deploy, shop):
        module.add(commands)
    return parser


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # an exception, so that unfinished files are removed
    sys.exit(main())
