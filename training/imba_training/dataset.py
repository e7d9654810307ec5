"""The labelled pairs of one split as XGBoost takes them: float32, NaN for missing."""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

import duckdb
import numpy as np
import xgboost

from .columns import KEYS, LABEL, SPLIT, SPLITS
from .failures import Failure


@dataclass(frozen=True)
class Dataset:
    """Arrays with one entry per pair, by user and product: `rows` is float32, shape (pairs, features), in model order;
    `labels` float32, 0 or 1; `users` and `products` int64, the keys. `names` are the features."""

    names: tuple[str, ...]
    rows: np.ndarray
    labels: np.ndarray
    users: np.ndarray
    products: np.ndarray

    def __len__(self) -> int:
        return len(self.labels)

    def matrix(self, threads: int) -> xgboost.DMatrix:
        return xgboost.DMatrix(self.rows, self.labels, feature_names=list(self.names), nthread=threads)

    def of(self, chosen: np.ndarray) -> "Dataset":
        """The pairs that the mask or the indices `chosen` name."""
        return Dataset(self.names, self.rows[chosen], self.labels[chosen], self.users[chosen], self.products[chosen])

    def with_(self, other: "Dataset") -> "Dataset":
        parts = ((getattr(self, part), getattr(other, part)) for part in ("rows", "labels", "users", "products"))
        return Dataset(self.names, *map(np.concatenate, parts))

    def column(self, name: str) -> np.ndarray | None:
        return self.rows[:, self.names.index(name)] if name in self.names else None


def load(features: Path) -> dict[str, Dataset]:
    """The splits of `features.parquet`: the pairs of the users whose order to be predicted is known."""
    names = columns(features)
    with duckdb.connect() as database:
        splits = {split: _load(database, features, split, names) for split in SPLITS}
    for split, data in splits.items():
        ones = int(data.labels.sum())
        if ones in (0, len(data)):
            raise Failure(
                f"{features}: split {split} has {len(data)} labelled pairs, {ones} of them reordered; "
                "both kinds are needed"
            )
    return splits


def columns(features: Path) -> tuple[str, ...]:
    """The names of the features: every column beside keys, label and split, in order."""
    if not features.is_file():
        raise Failure(f"{features}: not there; `python -m imba_training features` makes it")
    with duckdb.connect() as database:
        try:
            found = database.execute("SELECT * FROM read_parquet(?) LIMIT 0", [str(features)]).description
        except duckdb.Error as error:
            raise Failure(f"{features}: cannot be read: {error}") from error
    names = [column[0] for column in found]
    if missing := [name for name in (*KEYS, LABEL, SPLIT) if name not in names]:
        raise Failure(f"{features}: no column {', '.join(missing)}")
    return tuple(name for name in names if name not in (*KEYS, LABEL, SPLIT))


def _load(database: duckdb.DuckDBPyConnection, features: Path, split: str, names: tuple[str, ...]) -> Dataset:
    condition = f"FROM read_parquet(?) WHERE {SPLIT} = ? AND {LABEL} IS NOT NULL"
    try:
        (count,) = database.execute(f"SELECT COUNT(*) {condition}", [str(features), split]).fetchone()
        cast = ", ".join(f'CAST("{name}" AS FLOAT) AS "{name}"' for name in (*names, LABEL))
        query = f"SELECT {', '.join(KEYS)}, {cast} {condition} ORDER BY user_id, product_id"
        found = database.execute(query, [str(features), split]).fetchnumpy()
    except duckdb.Error as error:
        raise Failure(f"{features}: cannot be read: {error}") from error
    rows = np.empty((count, len(names)), dtype=np.float32)
    for index, name in enumerate(names):
        rows[:, index] = np.ma.filled(found.pop(name), np.nan)
    users, products = (np.asarray(found[key], dtype=np.int64) for key in KEYS)
    return Dataset(names, rows, np.asarray(found[LABEL], dtype=np.float32), users, products)


def fingerprint(splits: dict[str, Dataset]) -> str:
    """Of every labelled pair: names, keys, values and labels. The same table from another program has the same."""
    digest = hashlib.sha256()
    for split, data in splits.items():
        digest.update(json.dumps([split, data.names, len(data)]).encode())
        for part in (data.users, data.products, data.rows, data.labels):
            digest.update(np.ascontiguousarray(part).data)
    return f"sha256:{digest.hexdigest()}"


def made_by(features: Path) -> dict[str, object]:
    """What `features.json` in the directory `features` says of the query; nothing where there is none."""
    file = features / "features.json"
    try:
        return json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}
    except ValueError as error:
        raise Failure(f"{file}: cannot be read: {error}") from error
