"""Tests the packages that `make package` built: the wheel in a fresh environment, the Debian package in a fresh Debian.

python3 deploy/test.py [--no-debootstrap]
"""

import argparse
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
import tomllib
import urllib.request
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
VERSION = tomllib.loads((ROOT / "Cargo.toml").read_text())["workspace"]["package"]["version"]
# Of `systemd-analyze security`: from 0, confined, to 10.
MOST_EXPOSED = 2.0
LARGEST = 40_000_000
# How long a service may take to start before that is a failure, in seconds.
PATIENCE = 60


def run(*command: object, **options: object) -> str:
    """The standard output of `command`, which must exit 0."""
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, **options)
    if done.returncode != 0:
        sys.exit(f"{' '.join(map(str, command))}: exit code {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout


def expect(what: str, found: bool, detail: object = "") -> None:
    if not found:
        sys.exit(f"{what}: {detail}")
    print(f"ok  {what}", flush=True)


def only(folder: Path, pattern: str) -> Path:
    found = list(folder.glob(pattern))
    expect(f"there is one {folder.name}/{pattern}", len(found) == 1, found)
    return found[0]


def serves(what: str, command: list[object], folder: Path, home: Path) -> None:
    """`command` serves the demo from an empty `folder`, and ends with exit code 0 on SIGTERM."""
    folder.mkdir()
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{listener.getsockname()[1]}"
    env = {"HOME": str(home), "IMBA__SERVER__LISTEN": address}
    child = subprocess.Popen([str(word) for word in command], cwd=folder, env=env, stderr=subprocess.DEVNULL)
    given_up = time.monotonic() + PATIENCE
    try:
        while True:
            if child.poll() is not None:
                sys.exit(f"{what}: it ended with exit code {child.returncode}")
            if time.monotonic() > given_up:
                sys.exit(f"{what}: it has not answered within {PATIENCE} s")
            try:
                with urllib.request.urlopen(f"http://{address}/predict/pair", b"1,2", timeout=5) as answer:
                    score = float(answer.read())
                break
            except OSError:
                time.sleep(0.05)
        child.send_signal(signal.SIGTERM)
        code = child.wait(timeout=60)
    finally:
        child.kill()
    expect(f"{what} serves the demo from an empty folder", 0 < score < 1 and code == 0, (score, code))


def wheel(scratch: Path) -> None:
    program = only(ROOT / "dist", "imba-*.whl")
    training = only(ROOT / "dist", "imba_training-*.whl")
    for file in (program, training):
        expect(f"{file.name} is of version {VERSION}", file.name.split("-")[1] == VERSION)
    with zipfile.ZipFile(program) as archive:
        metadata = archive.read(f"imba-{VERSION}.dist-info/METADATA").decode()
    extra = re.search(r"^Requires-Dist: imba-training==(\S+?)\s*; extra == .training.$", metadata, re.M)
    expect("imba[training] is the training package of the same version", extra and extra[1] == VERSION, metadata)
    environment = scratch / "environment"
    run(sys.executable, "-m", "venv", environment)
    run(environment / "bin/pip", "install", "--quiet", "--no-index", program)
    for command in ([environment / "bin/imba"], [environment / "bin/python", "-m", "imba"]):
        name = " ".join(map(str, [Path(command[0]).name, *command[1:]]))
        said = run(*command, "--version")
        expect(f"{name} --version", said.startswith(f"imba {VERSION}\n") and "commit" in said, said)
        serves(name, command, scratch / name.replace(" ", "-"), scratch)
    usage = subprocess.run([environment / "bin/python", "-m", "imba", "dance"], capture_output=True)
    expect("python -m imba passes the exit code on", usage.returncode == 2)


def debian(scratch: Path, whole_system: bool) -> None:
    package = only(ROOT / "target/debian", "imba_*.deb")
    expect("the package is of the version", run("dpkg-deb", "--field", package, "Version").startswith(VERSION))
    expect("and no larger than an image may be", package.stat().st_size < LARGEST, package.stat().st_size)
    root = scratch / "unpacked"
    run("dpkg-deb", "--extract", package, root)
    for path in (
        "etc/imba/imba.toml",
        "usr/share/man/man1/imba.1*",
        "usr/share/bash-completion/completions/imba",
        "usr/share/doc/imba/default.toml*",
    ):
        expect(f"it holds {path}", bool(list(root.glob(path))))
    unit = next(root.glob("*/lib/systemd/system/imba.service"), None) or next(root.glob("lib/systemd/system/*"))
    said = run("systemd-analyze", "security", "--offline=true", unit)
    exposure = float(re.search(r"Overall exposure level for \S+: ([\d.]+)", said)[1])
    expect(f"its unit is confined, {exposure}", exposure <= MOST_EXPOSED)
    program = root / re.search(r"^ExecStart=/(\S+)", unit.read_text(), re.M)[1]
    serves("the unpacked program", [program], scratch / "empty", scratch)
    if whole_system:
        system = scratch / "system"
        run("debootstrap", "--variant=minbase", "bookworm", system)
        (system / "imba.deb").write_bytes(package.read_bytes())
        run("chroot", system, "dpkg", "--install", "/imba.deb")
        said = run("chroot", system, "imba", "config", "--config", "/etc/imba/imba.toml")
        expect("it installs into Debian, and its configuration is good", "server.listen" in said, said)
        enabled = system / "etc/systemd/system/multi-user.target.wants/imba.service"
        expect("its unit starts with the system", enabled.is_symlink() or not (system / "bin/systemctl").exists())
        run("chroot", system, "dpkg", "--purge", "imba")
        expect("and goes again", not (system / "usr/bin/imba").exists() and not (system / "etc/imba").exists())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--no-debootstrap", action="store_true", help="unpack the Debian package only")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        wheel(Path(scratch))
        debian(Path(scratch), not arguments.no_debootstrap)


if __name__ == "__main__":
    main()
