"""Counts the instructions of a row, a batch, an explanation, a load and a layout, and fails where one takes over 5 %
more than count.json says.

    python count.py [--update]

needs valgrind and a processor with AVX2: without it the engine takes another path, which is not counted. Counts
move with the compiler; --update writes them anew.
"""

import json
import os
import re
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.abspath(os.path.join(HERE, "..", "..", ".."))
COUNTS = os.path.join(HERE, "count.json")
CASES = ("row", "batch", "explanation", "explanations", "load", "layout")
ALLOWED = 1.05


def build():
    lines = subprocess.run(
        ["cargo", "bench", "-q", "-p", "gbtree", "--bench", "count", "--no-run", "--message-format=json"],
        cwd=ROOT,
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    ).stdout.splitlines()
    targets = [json.loads(line) for line in lines if '"executable":"' in line]
    return [target["executable"] for target in targets if target["target"]["name"] == "count"][0]


def count(binary, case):
    command = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", "--toggle-collect=*count*counted*"]
    result = subprocess.run(command + [binary, case], check=True, stderr=subprocess.PIPE, text=True)
    found = int(re.search(r"Collected : (\d+)", result.stderr).group(1))
    if found == 0:
        sys.exit("%s: nothing was counted" % case)
    return found


def require_avx2():
    with open("/proc/cpuinfo") as file:
        if "avx2" not in file.read():
            sys.exit("the counts are of a processor with AVX2; this one has none")


def compare(counts, path, build="release"):
    """Prints the counts of a build beside those at path, or writes them there; exits where one grew too much."""
    with open(path) as file:
        builds = json.load(file)
    if sys.argv[1:] == ["--update"]:
        with open(path, "w") as file:
            json.dump({**builds, build: counts}, file, indent=2)
            file.write("\n")
        return
    known = builds[build]
    slower = False
    for case, found in counts.items():
        ratio = found / known[case]
        slower |= ratio > ALLOWED
        print("%-13s %12d  %.3f of %d" % (case, found, ratio, known[case]))
    if slower:
        name = os.path.basename(path)
        sys.exit("more than 5 %% above %s: make it cheaper, or say why and count again with --update" % name)


def main():
    require_avx2()
    binary = build()
    compare({case: count(binary, case) for case in CASES}, COUNTS)


if __name__ == "__main__":
    main()
