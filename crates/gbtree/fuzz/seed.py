"""Fills corpus/ with small golden models, a few per format and kind: python seed.py"""

import gzip
import io
import os
import tarfile

HERE = os.path.dirname(os.path.abspath(__file__))
GOLDEN = os.path.join(HERE, "..", "tests", "golden")
STRIP = {"json": 0, "ubjson": 2, "binary": 0, "pickle": 2}
LARGEST = 9_000

for release in sorted(os.listdir(GOLDEN)):
    if not release.endswith(".tar.gz"):
        continue
    with tarfile.open(os.path.join(GOLDEN, release)) as archive:
        for member in archive.getmembers():
            name, _, kind = os.path.basename(member.name).rpartition(".")
            target = {"json": "json", "ubj": "ubjson", "bin": "binary", "pkl": "pickle"}.get(kind)
            keep = sum(map(ord, name + release)) % 6 == 0 or name in ("dart", "onehot", "vector-targets")
            if target is None or member.size > LARGEST or not keep:
                continue
            content = archive.extractfile(member).read()
            stem = "%s-%s" % (release[: -len(".tar.gz")], name)
            if target == "binary" and content.startswith(b"binf"):
                body = content[4:]
            else:
                body = content[STRIP[target] :]
            for folder, data in ((target, body), ("score", content)):
                path = os.path.join(HERE, "corpus", folder)
                os.makedirs(path, exist_ok=True)
                with open(os.path.join(path, stem), "wb") as out:
                    out.write(data)
            if release.startswith("2.1") and kind == "ubj":
                buffer = io.BytesIO()
                with tarfile.open(fileobj=buffer, mode="w") as tar:
                    info = tarfile.TarInfo("xgboost-model")
                    info.size = len(content)
                    tar.addfile(info, io.BytesIO(content))
                path = os.path.join(HERE, "corpus", "archive")
                os.makedirs(path, exist_ok=True)
                with open(os.path.join(path, stem), "wb") as out:
                    out.write(buffer.getvalue())

KINDS = os.path.join(HERE, "..", "tests", "kinds")
# How much of a file the target puts in front of what it is given.
SIGNATURES = [b"\x1f\x8b\x08", b"\x78\x9c", b"BZh9", b"\xfd7zXZ\x00", b"\x5d\x00\x00\x10\x00", b"\x04\x22\x4d\x18"]


def keep(target, stem, data):
    path = os.path.join(HERE, "corpus", target)
    os.makedirs(path, exist_ok=True)
    with open(os.path.join(path, stem), "wb") as out:
        out.write(data)


for release in sorted(os.listdir(KINDS)):
    if not release.endswith(".tar.gz"):
        continue
    with tarfile.open(os.path.join(KINDS, release)) as archive:
        for member in archive.getmembers():
            name, _, kind = os.path.basename(member.name).rpartition(".")
            if not member.isfile() or member.size > 3 * LARGEST or kind in ("expect", "refused"):
                continue
            content = archive.extractfile(member).read()
            if content.startswith(b"\x80\x04"):
                keep("pickle", name, content[2:])
            if name.startswith("protocol-"):
                keep("pickle", name, content)
            if release.startswith("R"):
                plain = gzip.decompress(content) if content.startswith(b"\x1f\x8b") else content
                if plain.startswith(b"X\n\0\0\0\x02"):
                    keep("rds", name, plain[14:])
            for choice, signature in enumerate(SIGNATURES):
                if content.startswith(signature):
                    keep("compressed", name, bytes([choice]) + content[len(signature) :])
