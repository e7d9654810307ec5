"""`demo`: rebuilds the demo files of the service with this pipeline and says what changed."""

import tempfile
from pathlib import Path

import duckdb
import xgboost

from . import assessment, card, dataset, model, thresholds
from .columns import FEATURES, KEYS
from .engine import literal, write_csv
from .failures import Failure
from .features import features
from .output import finished_files, say
from .synthesize import synthesize

FILES = ("model.ubj", "features.csv", "products.csv")
LIMIT = 3_000_000  # bytes, all files together

POPULATION = 6_000  # users that the model and the product statistics come from
SHOWN = 200  # users in features.csv: 1 to this
PRODUCTS = 2_000
SEED = 20_170_501
TREES = 300
TRAINED_AT = (
    "2026-11-25T00:00:00Z"  # when these settings were last changed: the card must not change with every rebuild
)
PARAMETERS = {"max_depth": 5, "eta": 0.05, "min_child_weight": 5, "subsample": 0.8, "gamma": 0.0}


def demo(out: Path) -> list[str]:
    """Writes `model.ubj`, `features.csv` and `products.csv` to `out`; returns the names of those that changed.

    One thread and fixed seeds, so that the same machine gives the same bytes.
    """
    before = {name: _content(out / name) for name in FILES}
    with tempfile.TemporaryDirectory() as work:
        shop, made = Path(work) / "shop", Path(work) / "features"
        synthesize(shop, users=POPULATION, products=PRODUCTS, seed=SEED, all_train=True)
        features(shop, made)
        say(f"demo: fitting {TREES} trees")
        booster = _fit(made)
        with finished_files(out) as scratch:
            result = scratch / "result"
            (result / "model.ubj").write_bytes(model.ubj(booster))
            (result / "products.csv").write_bytes((made / "products.csv").read_bytes())
            _show(made / "features.parquet", result / "features.csv")
            size = sum((result / name).stat().st_size for name in FILES)
            if size > LIMIT:
                raise Failure(f"the demo files have {size:,} bytes together, more than {LIMIT:,}; show fewer users")
    changed = [name for name in FILES if _content(out / name) != before[name]]
    say(f"demo: {', '.join(changed)} changed" if changed else "demo: nothing changed")
    return changed


def _fit(made: Path) -> xgboost.Booster:
    """The model, with its card."""
    splits = dataset.load(made / "features.parquet")
    booster = model.fit(PARAMETERS, splits["train"].matrix(threads=1), rounds=TREES, seed=SEED, threads=1)
    scores = {name: booster.predict(data.matrix(threads=1)) for name, data in splits.items()}
    threshold = thresholds.choose(thresholds.Rule(value=0.2), splits["validation"].labels, scores["validation"])
    numbers = {
        "trained_at": TRAINED_AT,
        "data": {
            "source": f"synthetic, {POPULATION:,} customers",
            "fingerprint": dataset.fingerprint(splits),
            "sql_fingerprint": dataset.made_by(made)["sql_fingerprint"],
        },
        "threshold": threshold,
        **assessment.assess(splits, scores, scores["test"], threshold["value"], {"used": False}),
    }
    card.attach(booster, assessment.card_of(booster, numbers, splits["train"], scores["test"]))
    return booster


def _content(file: Path) -> bytes | None:
    return file.read_bytes() if file.is_file() else None


def _show(parquet: Path, csv: Path) -> None:
    with duckdb.connect() as database:
        shown = f"SELECT {', '.join((*KEYS, *FEATURES))} FROM {literal(parquet)} WHERE user_id <= {SHOWN}"
        write_csv(database, f"{shown} ORDER BY user_id, product_id", csv)
