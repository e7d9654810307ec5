"""Rows from a file, and what `/predict` says of them: what clients of other protocols are compared with."""

import csv
import urllib.request
from pathlib import Path

import numpy as np


def read_rows(path: Path) -> np.ndarray:
    with path.open() as file:
        rows = [[float(cell or "nan") for cell in row] for row in csv.reader(file)]
    return np.array(rows, dtype=np.float32)


def predict(address: str, rows: np.ndarray) -> np.ndarray:
    """What `/predict` says, as float64."""
    body = "\n".join(",".join("" if np.isnan(cell) else repr(float(cell)) for cell in row) for row in rows)
    with urllib.request.urlopen(f"http://{address}/predict", body.encode()) as answer:
        return np.array([float(line) for line in answer.read().decode().splitlines()])
