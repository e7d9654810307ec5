"""Tests the image without an engine: lays what its final stage would hold into a folder, and runs it there.

    python3 deploy/image/test.py PROGRAM

Needs root, `unshare` and `ldd`. Every COPY of the final stage must find what it copies, every library that the program
needs must be laid or one of the base's, and the folder is read-only but for the image's volumes. As the image's user,
the test runs in it the service, the image's health check, a prediction, the page and SIGTERM, and then `serve` as
SageMaker starts it, over a model in /opt/ml/model.
"""

import argparse
import contextlib
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
# What gcr.io/distroless/base-nossl-debian12 holds, by the Debian packages that it is made of, and its user.
BASE = "gcr.io/distroless/base-nossl-debian12:nonroot"
BASE_LIBRARIES = re.compile(r"ld-linux[-\w.]*|lib(c|m|dl|rt|pthread|resolv|util|nss_\w+)\.so\.\d+")
BASE_PACKAGES = ["base-files", "ca-certificates", "libc6", "netbase", "tzdata"]
USERS = {"nonroot": 65532, "65532": 65532, "root": 0}
# Most that the image may take, its base included.
LARGEST = 40_000_000
# How long the service may take to start before that is a failure, in seconds.
PATIENCE = 60
# A row of the demo's model.
ROW = "1,6.67578125,3418,209,0.595703125,514,10.0,11,57,11,1599,0.1498791297340854,1.2884770346494763," \
    "0.22388993120700437,9.017543859649123,0.017543859649122806,46,0.02127659574468085"  # fmt: skip


class ImageError(Exception):
    """What is wrong with the image."""


@dataclass
class Stage:
    """The final stage of a Dockerfile, as far as it tells what a container holds and runs."""

    base: str = ""
    workdir: str = "/"
    user: str = "root"
    env: dict[str, str] = field(default_factory=dict)
    copies: list[tuple[dict[str, str], list[str], str]] = field(default_factory=list)
    volumes: list[str] = field(default_factory=list)
    entrypoint: list[str] = field(default_factory=list)
    health: list[str] = field(default_factory=list)


def final_stage(text: str) -> Stage:
    """Reads the last stage of the Dockerfile `text`; an instruction that this test does not know is an error."""
    stage = Stage()
    for line in re.sub(r"\\\n", " ", re.sub(r"^\s*#.*\n", "", text, flags=re.M)).splitlines():
        if not line.strip():
            continue
        word, rest = line.split(maxsplit=1)
        match word:
            case "FROM":
                stage = Stage(base=rest.split()[0])
            case "WORKDIR":
                stage.workdir = rest
            case "USER":
                stage.user = rest.split(":")[0]
            case "ENV":
                stage.env |= dict(pair.split("=", 1) for pair in rest.split())
            case "VOLUME":
                stage.volumes += rest.split()
            case "COPY":
                parts = rest.split()
                flags = dict(part[2:].split("=", 1) for part in parts if part.startswith("--"))
                paths = [part for part in parts if not part.startswith("--")]
                stage.copies.append((flags, paths[:-1], paths[-1]))
            case "ENTRYPOINT":
                stage.entrypoint = json.loads(rest)
            case "HEALTHCHECK":
                stage.health = json.loads(rest[rest.index("CMD") + 3 :])
            case "ARG" | "EXPOSE" | "LABEL" | "RUN" | "SHELL" | "STOPSIGNAL":
                if word == "RUN" and stage.base == BASE:
                    raise ImageError("the final stage has RUN, and its base has no shell")
            case _:
                raise ImageError(f"{word}: an instruction that this test does not know")
    for name in ("entrypoint", "health"):
        if not getattr(stage, name):
            raise ImageError(f"the final stage has no {name.upper()}")
    return stage


def lay(stage: Stage, program: Path, root: Path, scratch: Path) -> None:
    """Makes `root` what the image would hold."""
    if stage.base != BASE:
        raise ImageError(f"the base is {stage.base}; this test knows what {BASE} holds")
    sbom = scratch / "imba.cdx.json"
    sbom.write_text("{}")
    laid = scratch / "laid"
    subprocess.run([ROOT / "deploy/image/lay", program, sbom, laid], cwd=ROOT, check=True)
    for folder in ("etc/ssl/certs", "tmp", "proc", "dev", stage.workdir.lstrip("/")):
        (root / folder).mkdir(parents=True, exist_ok=True)
    (root / "etc/passwd").write_text(
        "".join(
            f"{name}:x:{uid}:{uid}::/home/{name}:/sbin/nologin\n" for name, uid in USERS.items() if not name.isdigit()
        )
    )
    for flags, sources, target in stage.copies:
        for source in sources:
            found = built(source, laid) if flags.get("from") == "build" else sent(source)
            if not found.exists():
                raise ImageError(f"COPY {source}: it is not there")
            into = root / target.lstrip("/")
            shutil.copytree(found, into, dirs_exist_ok=True) if found.is_dir() else shutil.copy(found, into)
            if owner := USERS.get(flags.get("chown", "").split(":")[0]):
                os.chown(into, owner, owner)
    for library in libraries(root, stage.entrypoint[0]):
        into = root / str(library).lstrip("/")
        into.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(library, into)


def built(source: str, laid: Path) -> Path:
    """What the build stage puts at `source`."""
    if not source.startswith("/image/"):
        raise ImageError(f"COPY --from=build {source}: expected a part of /image, which deploy/image/lay makes")
    return laid / source.removeprefix("/image/")


def sent(source: str) -> Path:
    """The file of the context at `source`, if .dockerignore lets it through."""
    kept = [line[1:] for line in (ROOT / ".dockerignore").read_text().split() if line.startswith("!")]
    if not any(Path(source).match(one) or source.startswith(f"{one}/") for one in kept):
        raise ImageError(f"COPY {source}: .dockerignore keeps it out")
    return ROOT / source


def libraries(root: Path, entrypoint: str) -> list[Path]:
    """The libraries that the program is linked with and that were not laid, all of which must be the base's."""
    program = root / entrypoint.lstrip("/")
    if not program.exists():
        raise ImageError(f"ENTRYPOINT {program.name}: it is not in the image")
    laid = {path.name for path in (root / "usr/lib").glob("*/*.so.*")}
    out = subprocess.run(["ldd", program], capture_output=True, text=True, check=True).stdout
    found = []
    for line in out.splitlines():
        name = line.split()[0]
        if name.startswith("linux-vdso") or name in laid:
            continue
        if not BASE_LIBRARIES.fullmatch(Path(name).name):
            raise ImageError(f"{program.name} needs {name}, which {BASE} has not")
        found.append(Path(line.split("=>")[-1].split()[0]))
    return found


@dataclass
class Container:
    """What a container of the image would be: its folder, read-only, its volumes and its user."""

    stage: Stage
    root: Path
    env: dict[str, str]
    mounts: dict[str, Path] = field(default_factory=dict)

    def command(self, *arguments: str) -> list[str]:
        """The command that runs `arguments` inside."""
        uid = USERS[self.stage.user]
        steps = ["mount --bind $ROOT $ROOT", "mount -o remount,bind,ro $ROOT"]
        steps += [
            f"mount -t tmpfs -o mode=0700,uid={uid},gid={uid} none $ROOT{volume}" for volume in self.stage.volumes
        ]
        steps += [f"mount --bind -o ro {outside} $ROOT{inside}" for inside, outside in self.mounts.items()]
        variables = " ".join(f"{name}={value}" for name, value in self.env.items())
        enter = f"unshare --root=$ROOT --wd={self.stage.workdir} --setgid={uid} --setuid={uid}"
        steps.append(
            f"exec env -i {variables} {shutil.which('unshare')}{enter.removeprefix('unshare')} {' '.join(arguments)}"
        )
        script = " && ".join(steps).replace("$ROOT", str(self.root))
        return ["unshare", "--mount", "--", "sh", "-c", script]

    def run(self, *arguments: str) -> subprocess.CompletedProcess:
        return subprocess.run(self.command(*arguments), capture_output=True, text=True, timeout=60)

    @contextlib.contextmanager
    def serving(self, *arguments: str, ready: str):
        """The running service, once `ready` answers 200; it must still be there at the end and exit 0 on SIGTERM."""
        with tempfile.TemporaryFile("w+") as log:
            child = subprocess.Popen(self.command(*self.stage.entrypoint, *arguments), stdout=log, stderr=log)

            def said(what: str) -> ImageError:
                log.seek(0)
                return ImageError(f"{what}\n{log.read()}")

            try:
                given_up = time.monotonic() + PATIENCE
                while True:
                    with contextlib.suppress(OSError):
                        if get(ready)[0] == 200:
                            break
                    if child.poll() is not None:
                        raise said(f"the service ended with {child.returncode}")
                    if time.monotonic() > given_up:
                        raise said(f"{ready} has not answered 200 within {PATIENCE} s")
                    time.sleep(0.05)
                yield child
                child.send_signal(signal.SIGTERM)
                if (code := child.wait(timeout=60)) != 0:
                    raise said(f"SIGTERM: exit code {code}")
            finally:
                child.kill()
                child.wait()


def get(url: str, body: str | None = None) -> tuple[int, str]:
    """Status and text of the answer; a POST if there is a body."""
    request = urllib.request.Request(url, None if body is None else body.encode(), {"content-type": "text/csv"})
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def expect(what: str, found: bool, detail: object = "") -> None:
    if not found:
        raise ImageError(f"{what}: {detail}")
    print(f"ok  {what}")


def finds_what_is_missing(text: str, program: Path) -> None:
    """This test fails where it should: for a COPY of what is absent or kept out, and for a program that is not laid."""
    for line in (
        "COPY demo/absent.csv /app/",
        "COPY docs /app/docs",
        "COPY --from=build /image/absent /app/",
        'ENTRYPOINT ["/usr/bin/absent"]',
    ):
        with tempfile.TemporaryDirectory() as folder:
            root = Path(folder) / "root"
            root.mkdir()
            try:
                lay(final_stage(f"{text}\n{line}\n"), program, root, Path(folder))
            except ImageError as found:
                print(f"ok  {line}: {found}")
                continue
        raise ImageError(f"{line}: this test has not seen that it is wrong")


def serves_as_a_container(stage: Stage, root: Path) -> None:
    port = free_port()
    at = f"http://127.0.0.1:{port}"
    container = Container(stage, root, stage.env | {"PORT": str(port)})
    before = sorted(root.rglob("*"))
    expect("the health check fails before the service runs", container.run(*stage.health).returncode == 1)
    with container.serving(ready=f"{at}/readyz") as child:
        # `docker exec` and HEALTHCHECK run in the container's own mounts; the health check needs none of them.
        health = container.run(*stage.health)
        expect("the health check passes", health.returncode == 0, health.stderr)
        status, score = get(f"{at}/predict", ROW)
        expect("a prediction", status == 200 and 0 < float(score) < 1, score)
        status, score = get(f"{at}/predict/pair", "1,2")
        expect("a pair of the demo's", status == 200 and 0 < float(score) < 1, score)
        status, page = get(f"{at}/")
        expect("the page", status == 200 and "<html" in page, page[:200])
        status = Path(f"/proc/{child.pid}/status").read_text()
        uid = re.search(r"^Uid:\s+(\d+)", status, re.M)[1]
        expect(f"it runs as {stage.user}", int(uid) == USERS[stage.user] != 0, uid)
    expect("SIGTERM ends it with exit code 0", True)
    expect("nothing is written but to the volumes", sorted(root.rglob("*")) == before)
    version = container.run(*stage.entrypoint, "--version")
    expect("it says what it is", "commit" in version.stdout, version.stdout + version.stderr)


def serves_as_sagemaker(stage: Stage, root: Path, model: Path) -> None:
    """`serve` with the folder `model` where SageMaker unpacks one."""
    (root / "opt/ml/model").mkdir(parents=True)
    port = free_port()
    env = stage.env | {"SAGEMAKER_BIND_TO_PORT": str(port)}
    container = Container(stage, root, env, {"/opt/ml/model": model})
    at = f"http://127.0.0.1:{port}"
    with container.serving("serve", ready=f"{at}/ping"):
        status, score = get(f"{at}/invocations", ROW)
        expect("an invocation as a SageMaker container", status == 200 and 0 < float(score) < 1, score)
        status, score = get(f"{at}/predict/pair", "1,2")
        expect("where there is no store", status == 404, score)


def is_stripped(program: Path) -> bool:
    return b".symtab" not in subprocess.run(["readelf", "--sections", "--wide", program], capture_output=True).stdout


def size(path: Path) -> int:
    return sum(file.stat().st_size for file in path.rglob("*") if file.is_file() and not file.is_symlink())


def sizes(stage: Stage, scratch: Path, is_stripped: bool) -> None:
    """Prints what the image's parts take. The bar is for the program as images hold it, stripped."""
    query = subprocess.run(["dpkg-query", "-Wf", "${Installed-Size}\n", *BASE_PACKAGES], capture_output=True, text=True)
    base = sum(map(int, query.stdout.split())) * 1024
    laid = scratch / "laid/root"
    program, library = (laid / stage.entrypoint[0].lstrip("/")).stat().st_size, size(laid / "usr/lib")
    rest = size(laid) - program - library
    parts = {"program": program, "its library": library, "documents": rest, "base, as Debian packages": base}
    for name, count in parts.items():
        print(f"    {count / 1e6:6.1f} MB  {name}")
    if is_stripped:
        whole = size(laid) + base
        expect(f"no larger than {LARGEST / 1e6:.0f} MB", whole <= LARGEST, whole)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program", type=Path)
    parser.add_argument("--dockerfile", type=Path, default=ROOT / "Dockerfile")
    arguments = parser.parse_args()
    try:
        text, program = arguments.dockerfile.read_text(), arguments.program.resolve()
        stage = final_stage(text)
        finds_what_is_missing(text, program)
        with tempfile.TemporaryDirectory() as folder:
            scratch, root = Path(folder), Path(folder) / "root"
            root.mkdir()
            # The image's user walks through it.
            scratch.chmod(0o755)
            lay(stage, program, root, scratch)
            sizes(stage, scratch, is_stripped(program))
            serves_as_a_container(stage, root)
            model = scratch / "model"
            model.mkdir()
            shutil.copy(ROOT / "demo/model.ubj", model)
            serves_as_sagemaker(stage, root, model)
    except ImageError as wrong:
        print(f"image: {wrong}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
