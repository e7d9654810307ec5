"""The plots of the report, each as one inline SVG."""

import io
import re
from collections.abc import Callable

import matplotlib

matplotlib.use("svg")

import numpy as np
from matplotlib import pyplot as plt
from matplotlib.axes import Axes

from .columns import FEATURES

INK, GRID, BLUE, ORANGE = "#22303c", "#dde3e8", "#2b6cb0", "#dd6b20"
STYLE = {
    "axes.edgecolor": GRID,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.labelcolor": INK,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "figure.facecolor": "none",
    "axes.facecolor": "none",
    "savefig.facecolor": "none",
    "font.size": 10,
    "grid.color": GRID,
    "legend.frameon": False,
    "lines.linewidth": 1.8,
    "svg.fonttype": "none",
    "svg.hashsalt": "imba",
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
}


def svg(draw: Callable[..., None], *arguments: object, height: float = 3.6) -> str:
    """What `draw(axes, *arguments)` draws, as an SVG element that scales with the page."""
    with plt.rc_context(STYLE):
        figure, axes = plt.subplots(figsize=(5.6, height), layout="constrained")
        draw(axes, *arguments)
        text = io.StringIO()
        figure.savefig(text, format="svg", dpi=144, metadata={"Date": None, "Creator": None})
        plt.close(figure)
    element = text.getvalue()
    element = element[element.index("<svg") :]
    return re.sub(r' (?:width|height)="[\d.]+pt"', "", element, count=2)


def roc(axes: Axes, false_positives: np.ndarray, true_positives: np.ndarray, auc: float) -> None:
    axes.plot([0, 1], [0, 1], color=GRID, linestyle="--", label="by chance")
    axes.plot(false_positives, true_positives, color=BLUE, label=f"model, area {auc:.3f}")
    axes.set(xlabel="share of other pairs called likely", ylabel="share of reorders called likely")
    axes.legend(loc="lower right")


def precision_recall(axes: Axes, recall: np.ndarray, precision: np.ndarray, base_rate: float, chosen: dict) -> None:
    axes.axhline(base_rate, color=GRID, linestyle="--", label="by chance")
    axes.plot(recall, precision, color=BLUE, label="model")
    axes.plot(chosen["recall"], chosen["precision"], "o", color=ORANGE, label=f"threshold {chosen['threshold']}")
    axes.set(
        xlabel="recall: share of reorders found", ylabel="precision: share of finds that are reorders", ylim=(0, 1)
    )
    axes.legend(loc="upper right")


def calibration(axes: Axes, bins: list[dict]) -> None:
    scores, shares = [b["score"] for b in bins], [b["reordered"] for b in bins]
    top = max(*scores, *shares) * 1.05
    axes.plot([0, top], [0, top], color=GRID, linestyle="--", label="perfect")
    axes.plot(scores, shares, "o-", color=BLUE, label="model, tenths of the pairs")
    axes.set(xlabel="mean score", ylabel="share that was reordered")
    axes.legend(loc="upper left")


def f1(axes: Axes, decisions: list[dict], chosen: dict) -> None:
    thresholds = [d["threshold"] for d in decisions]
    for name, color in (("precision", "#38a169"), ("recall", "#a0aec0"), ("f1", BLUE)):
        axes.plot(
            thresholds, np.array([d[name] for d in decisions], dtype=float), color=color, label=name.replace("f1", "F1")
        )
    axes.axvline(chosen["threshold"], color=ORANGE, label=f"threshold {chosen['threshold']}")
    axes.set(xlabel="threshold", ylim=(0, 1))
    axes.legend(loc="upper right")


def scores(axes: Axes, edges: np.ndarray, others: np.ndarray, reorders: np.ndarray, threshold: float) -> None:
    axes.stairs(others, edges, fill=True, color=BLUE, alpha=0.35, label="not bought again")
    axes.stairs(reorders, edges, fill=True, color=ORANGE, alpha=0.6, label="bought again")
    axes.axvline(threshold, color=INK, linewidth=1, label=f"threshold {threshold}")
    axes.set(xlabel="score", ylabel="pairs", yscale="symlog")
    axes.legend(loc="upper right")


def importance(axes: Axes, gain: dict[str, float]) -> None:
    ranked = sorted(gain.items(), key=lambda item: item[1])
    axes.barh([name for name, _ in ranked], [share for _, share in ranked], color=BLUE)
    axes.set(xlabel="share of the total gain")
    axes.grid(axis="y", visible=False)


def shap(axes: Axes, contributions: np.ndarray, rows: np.ndarray) -> None:
    """A dot per pair and feature: its place is the contribution to the margin, its color the feature's rank."""
    strength = np.abs(contributions).mean(axis=0)
    scatter = np.random.default_rng(0)
    ranked = np.argsort(strength)
    for place, feature in enumerate(ranked):
        values = rows[:, feature]
        rank = np.argsort(np.argsort(values)) / max(1, len(values) - 1)
        dots = axes.scatter(
            contributions[:, feature],
            place + scatter.uniform(-0.32, 0.32, len(values)),
            c=np.where(np.isnan(values), np.nan, rank),
            cmap="coolwarm",
            s=4,
            linewidths=0,
            rasterized=True,
        )
    axes.set_yticks(range(len(FEATURES)), [FEATURES[feature] for feature in ranked])
    axes.axvline(0, color=INK, linewidth=0.8)
    axes.set(xlabel="contribution to the margin (log-odds)")
    bar = axes.figure.colorbar(dots, ax=axes, ticks=[0, 1], aspect=40, pad=0.01)
    bar.ax.set_yticklabels(["low", "high"])
    bar.outline.set_visible(False)


def history(axes: Axes, aucs: list[float]) -> None:
    trials = np.arange(1, len(aucs) + 1)
    axes.plot(trials, aucs, "o", color=BLUE, markersize=4, label="trial")
    axes.step(trials, np.maximum.accumulate(aucs), where="post", color=ORANGE, label="best so far")
    axes.set(xlabel="trial", ylabel="validation AUC")
    axes.xaxis.get_major_locator().set_params(integer=True)
    axes.legend(loc="lower right")
