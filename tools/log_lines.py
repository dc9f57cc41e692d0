"""A figure of lines on logarithmic axes as SVG text, the same on every machine."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

__all__ = ["Panel", "figure"]

# Okabe and Ito's colours without yellow, which is too light for a line on white.
COLOURS = ("#009E73", "#E69F00", "#CC79A7", "#56B4E9", "#D55E00", "#0072B2", "#000000")
DASHES = ("", "6 3", "2 2")
WIDTH, HEIGHT, LEFT, TOP, GAP = 300, 210, 52, 30, 60
LEGEND_COLUMNS, LEGEND_LINE = 4, 18


@dataclass(frozen=True)
class Panel:
    """One pair of axes.

    Attributes:
        title, x_label, y_label: words.
        lines: name to sizes and costs, both positive.
    """

    title: str
    x_label: str
    y_label: str
    lines: Mapping[str, tuple[Sequence[float], Sequence[float]]]


def figure(panels: Sequence[Panel], columns: int = 2) -> str:
    """Panels in rows, and a legend of all lines below them."""
    names = list(dict.fromkeys(name for panel in panels for name in panel.lines))
    styles = {name: _style(k) for k, name in enumerate(names)}
    rows = math.ceil(len(panels) / columns)
    width = columns * (WIDTH + LEFT + 20)
    below = TOP + rows * (HEIGHT + GAP)
    height = below + math.ceil(len(names) / LEGEND_COLUMNS) * LEGEND_LINE + 10
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
        'font-family="sans-serif" font-size="11">',
        f'<rect width="{width}" height="{height}" fill="white"/>',
    ]
    for k, panel in enumerate(panels):
        x = LEFT + k % columns * (WIDTH + LEFT + 20)
        y = TOP + k // columns * (HEIGHT + GAP)
        parts += [f'<g transform="translate({x} {y})">', *_drawn(panel, styles), "</g>"]
    for k, name in enumerate(names):
        x = LEFT + k % LEGEND_COLUMNS * (width - LEFT) // LEGEND_COLUMNS
        y = below + k // LEGEND_COLUMNS * LEGEND_LINE
        parts.append(f'<path d="M{x} {y}h24" {styles[name]}/>')
        parts.append(f'<text x="{x + 30}" y="{y + 4}">{escape(name)}</text>')
    return "\n".join([*parts, "</svg>"]) + "\n"


def _style(k: int) -> str:
    dash = DASHES[k // len(COLOURS) % len(DASHES)]
    dashes = f' stroke-dasharray="{dash}"' if dash else ""
    return f'fill="none" stroke="{COLOURS[k % len(COLOURS)]}" stroke-width="1.6"{dashes}'


def _drawn(panel: Panel, styles: Mapping[str, str]) -> list[str]:
    x_low, x_high = _decades([size for sizes, _ in panel.lines.values() for size in sizes])
    y_low, y_high = _decades([cost for _, costs in panel.lines.values() for cost in costs])

    def across(size: float) -> float:
        return (math.log10(size) - x_low) / (x_high - x_low) * WIDTH

    def up(cost: float) -> float:
        return HEIGHT - (math.log10(cost) - y_low) / (y_high - y_low) * HEIGHT

    parts = [
        f'<text x="{WIDTH / 2:.0f}" y="-10" text-anchor="middle">{escape(panel.title)}</text>',
        f'<text x="{WIDTH / 2:.0f}" y="{HEIGHT + 34}" text-anchor="middle">'
        f"{escape(panel.x_label)}</text>",
        f'<text transform="translate(-38 {HEIGHT / 2:.0f}) rotate(-90)" text-anchor="middle">'
        f"{escape(panel.y_label)}</text>",
    ]
    for power in range(x_low, x_high + 1):
        x = across(10.0**power)
        parts.append(f'<path d="M{x:.1f} 0v{HEIGHT}" stroke="#ddd"/>')
        parts.append(
            f'<text x="{x:.1f}" y="{HEIGHT + 16}" text-anchor="middle">{_power(power)}</text>'
        )
    for power in range(y_low, y_high + 1):
        y = up(10.0**power)
        parts.append(f'<path d="M0 {y:.1f}h{WIDTH}" stroke="#ddd"/>')
        parts.append(f'<text x="-6" y="{y + 4:.1f}" text-anchor="end">{_power(power)}</text>')
    parts.append(f'<rect width="{WIDTH}" height="{HEIGHT}" fill="none" stroke="#555"/>')
    for name, (sizes, costs) in panel.lines.items():
        points = " ".join(
            f"{across(size):.1f},{up(cost):.1f}" for size, cost in zip(sizes, costs, strict=True)
        )
        parts.append(f'<polyline points="{points}" {styles[name]}/>')
    return parts


def _decades(values: Sequence[float]) -> tuple[int, int]:
    """Whole powers of ten around all values, at least one apart."""
    low, high = math.floor(math.log10(min(values))), math.ceil(math.log10(max(values)))
    return low, max(high, low + 1)


def _power(power: int) -> str:
    """Ten to a power, as it is read."""
    if 0 <= power <= 3:
        return str(10**power)
    digits = str(power).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))
    return f"10{digits}"
