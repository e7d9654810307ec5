"""The labelled pairs of one split as XGBoost takes them: float32, NaN for missing."""

from dataclasses import dataclass
from pathlib import Path

import duckdb
import numpy as np
import xgboost

from .columns import FEATURES, LABEL, SPLIT
from .failures import Failure


@dataclass(frozen=True)
class Dataset:
    """`rows` is float32, shape (pairs, 18), in model order; `labels` is float32, shape (pairs,), 0 or 1."""

    rows: np.ndarray
    labels: np.ndarray

    def __len__(self) -> int:
        return len(self.labels)

    def matrix(self, threads: int) -> xgboost.DMatrix:
        return xgboost.DMatrix(self.rows, self.labels, feature_names=list(FEATURES), nthread=threads)


def load(features: Path, split: str) -> Dataset:
    """The pairs of `split` in `features.parquet` whose user has a train order."""
    if not features.is_file():
        raise Failure(f"{features}: not there; `python -m imba_training features` makes it")
    condition = f"FROM read_parquet(?) WHERE {SPLIT} = ? AND {LABEL} IS NOT NULL"
    with duckdb.connect() as database:
        try:
            (count,) = database.execute(f"SELECT COUNT(*) {condition}", [str(features), split]).fetchone()
            columns = ", ".join(f"CAST({name} AS FLOAT) AS {name}" for name in (*FEATURES, LABEL))
            rows = np.empty((count, len(FEATURES)), dtype=np.float32)
            labels = np.empty(count, dtype=np.float32)
            query = f"SELECT {columns} {condition} ORDER BY user_id, product_id"
            chunk = database.execute(query, [str(features), split]).fetchnumpy()
            for index, name in enumerate(FEATURES):
                rows[:, index] = np.ma.filled(chunk.pop(name), np.nan)
            labels[:] = chunk[LABEL]
        except duckdb.Error as error:
            raise Failure(f"{features}: cannot be read: {error}") from error
    ones = int(labels.sum())
    if ones in (0, count):
        raise Failure(
            f"{features}: split {split} has {count} labelled pairs, {ones} of them reordered; both kinds are needed"
        )
    return Dataset(rows, labels)
