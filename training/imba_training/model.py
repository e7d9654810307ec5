"""The model itself: how it is fitted, and the files it is handed on in."""

import gzip
import io
import tarfile
from collections.abc import Sequence
from pathlib import Path

import xgboost

from .failures import Failure

FIXED = {"objective": "binary:logistic", "eval_metric": "auc", "tree_method": "hist"}


def fit(
    parameters: dict[str, float],
    train: xgboost.DMatrix,
    validation: xgboost.DMatrix | None = None,
    *,
    rounds: int,
    patience: int | None = None,
    seed: int,
    threads: int,
    callbacks: Sequence[xgboost.callback.TrainingCallback] = (),
) -> xgboost.Booster:
    """Fits up to `rounds` trees; with `patience`, stops when the validation AUC has not improved for so many rounds.

    An early-stopped model is cut after its best round: SageMaker's container and `Booster.predict` use every tree in
    the file, so the trees that did not help must not be in it. Its AUC stays in the attribute `best_score`.
    """
    booster = xgboost.train(
        FIXED | parameters | {"seed": seed, "nthread": threads},
        train,
        num_boost_round=rounds,
        evals=[(validation, "validation")] if validation else [],
        early_stopping_rounds=patience,
        verbose_eval=False,
        callbacks=list(callbacks),
    )
    if patience:
        best, score = booster.best_iteration, booster.best_score
        booster = booster[: best + 1]
        booster.set_attr(best_iteration=str(best), best_score=repr(float(score)))
    return booster


def ubj(booster: xgboost.Booster) -> bytes:
    """The model file: UBJSON, with the feature names and the card in it."""
    return bytes(booster.save_raw(raw_format="ubj"))


def write(booster: xgboost.Booster, out: Path) -> None:
    """Writes `model.ubj`, and `model.tar.gz` as SageMaker lays it out: one file named `xgboost-model`.

    The archive carries no names and times of its making, so that the same model is the same bytes.
    """
    content = ubj(booster)
    (out / "model.ubj").write_bytes(content)
    entry = tarfile.TarInfo("xgboost-model")
    entry.size, entry.mode = len(content), 0o644
    tar = io.BytesIO()
    with tarfile.open(fileobj=tar, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        archive.addfile(entry, io.BytesIO(content))
    (out / "model.tar.gz").write_bytes(gzip.compress(tar.getvalue(), mtime=0))


def read(file: Path, threads: int = 1) -> xgboost.Booster:
    """Loads `model.ubj`, or the model inside `model.tar.gz`."""
    if not file.is_file():
        raise Failure(f"{file}: not there; `python -m imba_training train` makes it")
    try:
        content = file.read_bytes()
        if content[:2] == b"\x1f\x8b":
            with tarfile.open(fileobj=io.BytesIO(content)) as archive:
                content = archive.extractfile("xgboost-model").read()
        if not content.startswith(b"{L"):  # XGBoost would not refuse it but abort the process
            raise Failure(f"{file}: not a model: UBJSON is expected")
        booster = xgboost.Booster({"nthread": threads})
        booster.load_model(bytearray(content))
    except (OSError, EOFError, KeyError, tarfile.TarError, xgboost.core.XGBoostError) as error:
        raise Failure(
            f"{file}: not a model that XGBoost {xgboost.__version__} reads: {str(error).splitlines()[0]}"
        ) from error
    return booster


def require_features(booster: xgboost.Booster, file: Path, names: Sequence[str]) -> None:
    """Refuses a model of other features than `names`."""
    found = booster.feature_names or []
    if found == list(names):
        return
    missing, unknown = [n for n in found if n not in names], [n for n in names if n not in found]
    difference = "; ".join(
        f"{what} {', '.join(which[:5])}{' …' if len(which) > 5 else ''}"
        for what, which in (("it needs", missing), ("it does not know", unknown))
        if which
    )
    raise Failure(
        f"{file}: a model of {len(found)} features, not of these {len(names)}: {difference or 'their order differs'}"
    )
