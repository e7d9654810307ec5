"""`python -m imba`: becomes the program, so that signals and the exit code are its own."""

import os
import sys

from imba import find_imba

program = find_imba()
os.execv(program, ["imba", *sys.argv[1:]])  # noqa: S606 -- no shell is wanted
