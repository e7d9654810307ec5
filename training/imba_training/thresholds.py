"""Where "likely" begins, and why: a given threshold, the one of the greatest F1, or the one that costs least."""

import math
import re
from dataclasses import dataclass

import numpy as np

from . import evaluation

DEFAULT = "0.2"


@dataclass(frozen=True)
class Rule:
    """Exactly one of: a fixed value, costs of a needless suggestion and of a missed reorder, or the greatest F1."""

    value: float | None = None
    costs: tuple[float, float] | None = None

    @classmethod
    def parse(cls, text: str) -> "Rule":
        """Reads `best`, a number between 0 and 1, or `cost:FP,FN`; a ValueError says what was expected."""
        if text == "best":
            return cls()
        try:
            if found := re.fullmatch(r"cost:([^,]+),([^,]+)", text):
                costs = (float(found[1]), float(found[2]))
                if all(math.isfinite(cost) and cost > 0 for cost in costs):
                    return cls(costs=costs)
            elif 0.0 < (value := float(text)) < 1.0:
                return cls(value=value)
        except ValueError:
            pass
        raise ValueError(
            f"{text!r}: best, a number between 0 and 1, or cost:FP,FN with two positive numbers is expected"
        )


def choose(rule: Rule, labels: np.ndarray, scores: np.ndarray) -> dict[str, object]:
    """The threshold on `labels` and `scores` of the validation users, with its reason, in the words of the card.

    A score that is a probability p is worth calling likely when FP (1 - p) < FN p: the costs that a threshold t stands
    for are in the ratio FN / FP = (1 - t) / t.
    """
    decisions = evaluation.decisions_by_threshold(labels, scores)
    best = max(decisions, key=lambda d: d["f1"])
    if rule.costs:
        needless, missed = rule.costs
        here = min(
            decisions, key=lambda d: (needless * d["false_positives"] + missed * d["false_negatives"], d["threshold"])
        )
        why = (
            f"A needless suggestion costs {_plain(needless)} and a missed reorder {_plain(missed)}: on the validation "
            f"customers {here['threshold']:g} costs least (were the scores exact probabilities, "
            f"{needless / (needless + missed):.2g} would)."
        )
    else:
        here = best if rule.value is None else evaluation.decide(labels, scores, rule.value)
        needless, missed = 1.0, (1 - here["threshold"]) / here["threshold"]
        if rule.value is None:
            why = f"{here['threshold']:g} gives the greatest F1 on the validation customers, {here['f1']:.3f}."
        else:
            why = f"{here['threshold']:g} was asked for."
        why += f" It is right where a missed reorder costs {_plain(missed)} times as much as a needless suggestion."
        if rule.value is not None:
            why += (
                f" F1, which charges both errors alike, is {here['f1']:.3f} there on the validation customers; its "
                f"greatest value is {best['f1']:.3f}, at {best['threshold']:g}."
            )
    return {
        "value": here["threshold"],
        "reason": f"{why} {_consequence(here)}",
        "false_positive_cost": _short(needless),
        "false_negative_cost": _short(missed),
    }


def _consequence(at: dict) -> str:
    if at["precision"] is None:
        return "No validation pair scores above it."
    return (
        f"Above it are {at['likely']:.0%} of their pairs and {at['recall']:.0%} of their reorders; "
        f"{at['precision']:.0%} of what is called likely is bought."
    )


def _short(cost: float) -> float:
    return float(f"{cost:.3g}")


def _plain(cost: float) -> str:
    return f"{cost:.2g}" if cost < 100 else f"{cost:,.0f}"
