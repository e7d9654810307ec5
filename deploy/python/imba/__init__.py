"""The `imba` program as a Python package: `python -m imba` runs it, `find_imba` says where it is."""

import sys
import sysconfig
from pathlib import Path

__all__ = ["find_imba"]


def find_imba() -> Path:
    """The program that was installed with this package.

    Raises FileNotFoundError, which names the folders that were looked in.
    """
    folders = [
        Path(sysconfig.get_path("scripts")),
        Path(sysconfig.get_path("scripts", scheme=sysconfig.get_preferred_scheme("user"))),
        # `pip install --target` and `--prefix`
        Path(__file__).parent.parent / "bin",
        Path(sys.executable).parent,
    ]
    for folder in folders:
        program = folder / "imba"
        if program.is_file():
            return program
    raise FileNotFoundError(f"the program imba is in none of {', '.join(map(str, folders))}: install the package again")
