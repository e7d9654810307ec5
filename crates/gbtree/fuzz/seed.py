"""Fills corpus/ with small golden models, a few per format and kind: python seed.py"""

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
