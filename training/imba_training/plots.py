"""The plots of the report, each as one inline SVG with a name for those who do not see it."""

import html
import io
import re
from collections.abc import Callable, Sequence

import matplotlib

matplotlib.use("svg")

import numpy as np
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap

# On white, INK has the contrast that text needs (4.5 : 1) and every mark the one that graphics need (3 : 1).
INK, GRID = "#22303c", "#dde3e8"
MARKS = {"blue": "#2b6cb0", "orange": "#c05621", "green": "#2f855a", "grey": "#5b6b79"}
BLUE, ORANGE, GREEN, GREY = MARKS.values()
LOW_TO_HIGH = ("#1a66c2", "#7a4fa3", "#c81e4a")
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


def svg(name: str, draw: Callable[..., None], *arguments: object, height: float = 3.6) -> str:
    """What `draw(axes, *arguments)` draws, as an SVG element called `name` that scales with the page.

    The legend stands above the axes, where no curve runs through it.
    """
    with plt.rc_context(STYLE):
        figure, axes = plt.subplots(figsize=(5.6, height), layout="constrained")
        draw(axes, *arguments)
        handles, labels = axes.get_legend_handles_labels()
        if labels:
            figure.legend(handles, labels, loc="outside upper left", ncols=2, fontsize=9)
        text = io.StringIO()
        figure.savefig(text, format="svg", dpi=144, metadata={"Date": None, "Creator": None})
        plt.close(figure)
    element = text.getvalue()
    element = element[element.index("<svg") :]
    element = re.sub(r' (?:width|height)="[\d.]+pt"', "", element, count=2)
    label = html.escape(name, quote=True)
    return element.replace("<svg", f'<svg role="img" aria-label="{label}"', 1).replace(
        ">", f"><title>{label}</title>", 1
    )


def roc(axes: Axes, false_positives: np.ndarray, true_positives: np.ndarray, auc: float) -> None:
    axes.plot([0, 1], [0, 1], color=GREY, linestyle="--", label="by chance")
    axes.plot(false_positives, true_positives, color=BLUE, label=f"model, area {auc:.3f}")
    axes.set(xlabel="share of other pairs called likely", ylabel="share of reorders called likely")


def precision_recall(axes: Axes, recall: np.ndarray, precision: np.ndarray, base_rate: float, chosen: dict) -> None:
    axes.axhline(base_rate, color=GREY, linestyle="--", label="by chance")
    axes.plot(recall, precision, color=BLUE, label="model")
    if chosen["precision"] is not None:
        axes.plot(chosen["recall"], chosen["precision"], "o", color=ORANGE, label=f"threshold {chosen['threshold']:g}")
    axes.set(
        xlabel="recall: share of reorders found", ylabel="precision: share of finds that are reorders", ylim=(0, 1)
    )


def calibration(axes: Axes, bins: list[dict]) -> None:
    scores, shares = [b["predicted"] for b in bins], [b["observed"] for b in bins]
    top = max(*scores, *shares) * 1.05
    axes.plot([0, top], [0, top], color=GREY, linestyle="--", label="perfect")
    axes.plot(scores, shares, "o-", color=BLUE, label="model, tenths of the pairs")
    axes.set(xlabel="mean score", ylabel="share that was reordered")


def by_threshold(axes: Axes, decisions: list[dict], chosen: dict) -> None:
    thresholds = [d["threshold"] for d in decisions]
    for name, color, style in (("precision", GREEN, "-."), ("recall", GREY, "--"), ("f1", BLUE, "-")):
        values = np.array([d[name] for d in decisions], dtype=float)
        axes.plot(thresholds, values, color=color, linestyle=style, label=name.replace("f1", "F1"))
    axes.axvline(chosen["threshold"], color=ORANGE, label=f"threshold {chosen['threshold']:g}")
    axes.set(xlabel="threshold", ylim=(0, 1))


def scores(axes: Axes, edges: np.ndarray, others: np.ndarray, reorders: np.ndarray, threshold: float) -> None:
    for counts, color, label in ((others, BLUE, "not bought again"), (reorders, ORANGE, "bought again")):
        axes.stairs(counts, edges, fill=True, color=color, alpha=0.25)
        axes.stairs(counts, edges, color=color, label=label)
    axes.axvline(threshold, color=INK, linewidth=1, label=f"threshold {threshold:g}")
    axes.set(xlabel="score", ylabel="pairs", yscale="symlog")


def importance(axes: Axes, gain: dict[str, float]) -> None:
    ranked = sorted(gain.items(), key=lambda item: item[1])
    axes.barh([name for name, _ in ranked], [share for _, share in ranked], color=BLUE)
    axes.set(xlabel="share of the total gain")
    axes.grid(axis="y", visible=False)


def shap(axes: Axes, contributions: np.ndarray, rows: np.ndarray, names: Sequence[str]) -> None:
    """A dot per pair and feature: its place is the contribution to the margin, its color the feature's rank."""
    scatter = np.random.default_rng(0)
    ranked = np.argsort(np.abs(contributions).mean(axis=0))
    colors = LinearSegmentedColormap.from_list("low to high", LOW_TO_HIGH)
    for place, feature in enumerate(ranked):
        values = rows[:, feature]
        rank = np.argsort(np.argsort(values)) / max(1, len(values) - 1)
        dots = axes.scatter(
            contributions[:, feature],
            place + scatter.uniform(-0.32, 0.32, len(values)),
            c=np.where(np.isnan(values), np.nan, rank),
            cmap=colors,
            s=4,
            linewidths=0,
            rasterized=True,
        )
    axes.set_yticks(range(len(names)), [names[feature] for feature in ranked])
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


def learning(axes: Axes, points: list[dict]) -> None:
    axes.plot([p["customers"] for p in points], [p["auc"] for p in points], "o-", color=BLUE)
    axes.set(xlabel="customers learned from", ylabel="validation AUC", xscale="log")


def dependence(axes: Axes, name: str, curve: dict) -> None:
    axes.fill_between(curve["values"], curve["low"], curve["high"], color=BLUE, alpha=0.2, label="80 % of the pairs")
    axes.plot(curve["values"], curve["mean"], color=BLUE, label="mean score")
    axes.set(xlabel=name, ylabel="score", ylim=(0, None))
