"""Runs what the README and docs/ tell their reader to type, and follows their links.

    python3 tests/docs/test.py PROGRAM

Every fenced `sh` block runs, in the order of its document, in a fresh folder with PROGRAM as `imba` and a free port as
8080. A comment before a block says otherwise:

    <!-- test: serve -->           its last command serves: it goes on until the next such block or the document's end
    <!-- test: skip, REASON -->    it cannot run here
"""

import argparse
import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
LINKED = [*DOCUMENTS, ROOT / "CHANGELOG.md", ROOT / "training/README.md", *sorted(ROOT.glob("crates/*/README.md"))]
# What installs the program stands before what runs it, and is done when the test begins; what tests it runs this test.
INSTALLS = re.compile(r"^(cargo install|cargo build|pip install|make test)\b.*$", re.M)
# How long a service may take to start before that is a failure, in seconds.
PATIENCE = 60
RUNS = re.compile(r"^cargo run --release\b", re.M)


@dataclass
class Block:
    """A fenced block of shell commands."""

    place: str
    text: str
    serves: bool = False
    skipped: str = ""


def blocks(document: Path) -> list[Block]:
    """The `sh` blocks of `document` in order; a marker that is none is an error."""
    found, marker, lines = [], "", document.read_text().splitlines()
    at = 0
    while at < len(lines):
        line = lines[at].strip()
        if mark := re.fullmatch(r"<!-- test: (.*) -->", line):
            marker = mark[1]
        elif line.startswith("```"):
            fence, start = line, at + 1
            at = next(i for i in range(start, len(lines)) if lines[i].strip() == "```")
            if fence == "```sh":
                block = Block(f"{document.relative_to(ROOT)}:{start}", "\n".join(lines[start:at]))
                if marker == "serve":
                    block.serves = True
                elif marker.startswith("skip, "):
                    block.skipped = marker.removeprefix("skip, ")
                elif marker:
                    sys.exit(f"{block.place}: {marker!r}: expected serve or skip, REASON")
                found.append(block)
            marker = ""
        elif line and marker:
            sys.exit(f"{document.relative_to(ROOT)}:{at + 1}: a marker must stand right before its block")
        at += 1
    return found


class Shell:
    """A fresh folder in which the blocks of one document run."""

    def __init__(self, program: Path, folder: Path) -> None:
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", 0))
            self.port = listener.getsockname()[1]
        (folder / "bin").mkdir()
        (folder / "bin/imba").symlink_to(program)
        (folder / "work").mkdir()
        self.folder, self.service = folder / "work", None
        self.env = {
            "PATH": f"{folder / 'bin'}:{os.environ['PATH']}",
            "HOME": str(folder),
            "IMBA__SERVER__LISTEN": f"127.0.0.1:{self.port}",
            "IMBA__LOG__FORMAT": "json",
        }

    def run(self, block: Block) -> None:
        text = RUNS.sub("imba", INSTALLS.sub("", block.text)) if block.serves else block.text
        text = re.sub(r"(localhost|127\.0\.0\.1):8080", f"127.0.0.1:{self.port}", text)
        text = re.sub(r"\bcurl ", "curl --silent --show-error --fail ", text)
        command = ["bash", "-euo", "pipefail", "-c", text]
        if block.serves:
            self.serve(block, command)
            return
        done = subprocess.run(command, cwd=self.folder, env=self.env, capture_output=True, text=True, timeout=120)
        if done.returncode != 0:
            sys.exit(f"{block.place}: exit code {done.returncode}\n{done.stdout}{done.stderr}")

    def serve(self, block: Block, command: list[str]) -> None:
        self.stop()
        self.service = subprocess.Popen(
            command, cwd=self.folder, env=self.env, stderr=subprocess.DEVNULL, start_new_session=True
        )
        given_up = time.monotonic() + PATIENCE
        while True:
            with (
                contextlib.suppress(OSError),
                urllib.request.urlopen(f"http://127.0.0.1:{self.port}/readyz", timeout=5),
            ):
                return
            if (code := self.service.poll()) is not None:
                sys.exit(f"{block.place}: the service ended with exit code {code}")
            if time.monotonic() > given_up:
                sys.exit(f"{block.place}: the service is not ready after {PATIENCE} s")
            time.sleep(0.05)

    def stop(self) -> None:
        if self.service:
            os.killpg(self.service.pid, signal.SIGTERM)
            self.service.wait(timeout=60)
            self.service = None


def anchors(document: Path) -> set[str]:
    """The fragments by which the headings of `document` are linked to."""
    headings = re.findall(r"^#+ (.+)$", re.sub(r"^```.*?^```", "", document.read_text(), flags=re.M | re.S), re.M)
    plain = [re.sub(r"[^\w\- ]", "", heading.lower()) for heading in headings]
    return {heading.strip().replace(" ", "-") for heading in plain}


def broken_links(document: Path) -> list[str]:
    """The links of `document` into this repository that lead nowhere."""
    text = re.sub(r"^\s*```.*?^\s*```", "", document.read_text(), flags=re.M | re.S)
    broken = []
    for target in re.findall(r"\]\(([^)\s]+)\)|src=\"([^\"]+)\"", text):
        link = "".join(target)
        if re.match(r"[a-z]+:", link):
            continue
        path, _, fragment = link.partition("#")
        found = (document.parent / path).resolve() if path else document
        if not found.exists() or (fragment and found.suffix == ".md" and fragment not in anchors(found)):
            broken.append(f"{document.relative_to(ROOT)}: {link} leads nowhere")
    return broken


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program", type=Path)
    program = parser.parse_args().program.resolve()
    chapters = re.findall(r"\]\(([\w-]+\.md)\)", (ROOT / "docs/SUMMARY.md").read_text())
    missing = {path.name for path in (ROOT / "docs").glob("*.md")} - {"SUMMARY.md", *chapters}
    broken = [broken for document in LINKED for broken in broken_links(document)]
    broken += [f"docs/SUMMARY.md lacks {name}" for name in sorted(missing)]
    if broken:
        sys.exit("\n".join(broken))
    ran = 0
    for document in DOCUMENTS:
        with tempfile.TemporaryDirectory() as folder:
            shell = Shell(program, Path(folder))
            try:
                for block in blocks(document):
                    if not block.skipped:
                        shell.run(block)
                        ran += 1
                    print(f"{'skipped, ' + block.skipped if block.skipped else 'ok'}  {block.place}", flush=True)
            finally:
                shell.stop()
    if not ran:
        sys.exit("no block ran: the documents have lost their commands")


if __name__ == "__main__":
    main()
