"""The model itself: how it is fitted, and the files it is handed on in."""

import io
import tarfile
from collections.abc import Callable
from pathlib import Path

import xgboost

from .columns import FEATURES
from .dataset import Dataset

FIXED = {"objective": "binary:logistic", "eval_metric": "auc", "tree_method": "hist"}


def fit(
    parameters: dict[str, float],
    train: Dataset,
    validation: Dataset | None = None,
    *,
    rounds: int,
    patience: int | None = None,
    seed: int,
    threads: int,
    callbacks: list[Callable] | None = None,
) -> xgboost.Booster:
    """Fits up to `rounds` trees; with `patience`, stops when the validation AUC has not improved for so many rounds.

    An early-stopped model is cut after its best round: SageMaker's container and `Booster.predict` use every tree in the file,
    so the trees that made validation worse must not be in it.
    """
    settings = FIXED | parameters | {"seed": seed, "nthread": threads}
    evaluated = [(validation.matrix(threads), "validation")] if validation else []
    booster = xgboost.train(
        settings,
        train.matrix(threads),
        num_boost_round=rounds,
        evals=evaluated,
        early_stopping_rounds=patience,
        verbose_eval=False,
        callbacks=callbacks,
    )
    if patience:
        best, score = booster.best_iteration, booster.best_score
        booster = booster[: best + 1]
        booster.set_attr(best_iteration=str(best), best_score=repr(float(score)))
    return booster


def ubj(booster: xgboost.Booster) -> bytes:
    """The model file: UBJSON with the feature names in it."""
    booster.feature_names = list(FEATURES)
    return bytes(booster.save_raw(raw_format="ubj"))


def write(booster: xgboost.Booster, out: Path) -> None:
    """Writes `model.ubj`, and `model.tar.gz` as SageMaker lays it out: one file named `xgboost-model`."""
    content = ubj(booster)
    (out / "model.ubj").write_bytes(content)
    entry = tarfile.TarInfo("xgboost-model")
    entry.size, entry.mode = len(content), 0o644
    with (out / "model.tar.gz").open("wb") as file, _plain_gzip(file) as packed:
        with tarfile.open(fileobj=packed, mode="w", format=tarfile.USTAR_FORMAT) as archive:
            archive.addfile(entry, io.BytesIO(content))


def _plain_gzip(file: io.BufferedWriter) -> io.BufferedIOBase:
    """Gzip without name and time in its header, so that the same model is the same bytes."""
    import gzip

    return gzip.GzipFile(filename="", fileobj=file, mode="wb", mtime=0)
