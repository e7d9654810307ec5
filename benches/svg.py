"""Bars as SVG: no library for two rectangles and a text."""

from html import escape
from math import ceil, floor, log10
from pathlib import Path

WIDTH, LABEL, VALUE, ROW, TOP = 860, 260, 120, 26, 54
OURS, OTHERS, TEXT = "#0b6e4f", "#8a94a6", "#1d2433"


def bars(path: Path, title: str, unit: str, values: dict[str, float], ours: str = "imba") -> None:
    """One bar for each value, on a scale of powers of ten, the largest first; those named like `ours` stand out."""
    values = {name: value for name, value in values.items() if value > 0}
    if not values:
        return
    low = floor(log10(min(values.values()))) - 0.3
    high = max(ceil(log10(max(values.values()))), low + 1)
    room = WIDTH - LABEL - VALUE
    height = TOP + ROW * len(values) + 12
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" font-family="system-ui, sans-serif"'
        f' font-size="14" fill="{TEXT}" role="img"><title>{escape(title)}</title>',
        f'<rect width="{WIDTH}" height="{height}" fill="#fff"/>',
        f'<text x="12" y="24" font-weight="600">{escape(title)}</text>',
        f'<text x="12" y="42" font-size="12" fill="{OTHERS}">{escape(unit)}, on a logarithmic scale</text>',
    ]
    for at, (name, value) in enumerate(sorted(values.items(), key=lambda entry: -entry[1])):
        y, width = TOP + ROW * at, room * (log10(value) - low) / (high - low)
        colour = OURS if name.startswith(ours) else OTHERS
        lines += [
            f'<text x="{LABEL - 8}" y="{y + 17}" text-anchor="end">{escape(name)}</text>',
            f'<rect x="{LABEL}" y="{y + 4}" width="{width:.1f}" height="{ROW - 8}" rx="2" fill="{colour}"/>',
            f'<text x="{LABEL + width + 8:.1f}" y="{y + 17}">{value:,.0f}</text>',
        ]
    path.write_text("\n".join([*lines, "</svg>", ""]))
