"""Line plots as SVG text, without any library: enough for a page that opens anywhere, for ever.

Colours are CSS variables of the page, so that a plot is readable in light and in dark.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

WIDTH, HEIGHT = 640, 260
LEFT, RIGHT, TOP, BOTTOM = 64, 12, 12, 40
TICKS = 5

XY = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Line:
    """One curve."""

    name: str
    points: Sequence[XY]


@dataclass(frozen=True, slots=True)
class Scale:
    """Maps a range of values to a range of pixels."""

    low: float
    high: float
    start: float
    end: float

    def at(self, value: float) -> float:
        """The pixel of a value."""
        return self.start + (value - self.low) / (self.high - self.low) * (self.end - self.start)

    def ticks(self) -> list[float]:
        """Round values, some five of them."""
        step = round_step((self.high - self.low) / TICKS)
        first = math.ceil(self.low / step)
        return [place * step for place in range(first, math.floor(self.high / step + 1e-9) + 1)]


def plot(title: str, lines: Sequence[Line], x_label: str, y_label: str) -> str:
    """A figure with its caption; the vertical axis begins at 0, so that heights can be compared."""
    values = [point for line in lines for point in line.points]
    if not values:
        return ""
    xs = [x for x, _ in values]
    x_scale = Scale(min(xs), max(xs) if max(xs) > min(xs) else min(xs) + 1, LEFT, WIDTH - RIGHT)
    top = max(y for _, y in values) or 1.0
    y_scale = Scale(0.0, top * 1.05, HEIGHT - BOTTOM, TOP)
    body = [*_axes(x_scale, y_scale, x_label, y_label)]
    body += [_curve(line, x_scale, y_scale, number) for number, line in enumerate(lines)]
    legend = "".join(
        f'<span class="c{number % 4}">— {escape(line.name)}</span> ' for number, line in enumerate(lines)
    )
    return (
        f"<figure><figcaption>{escape(title)}<br>{legend}</figcaption>"
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(title, quote=True)}">'
        f"{''.join(body)}</svg></figure>"
    )


def round_step(rough: float) -> float:
    """The next of 1, 2, 5, 10, 20, ... that is not below `rough`."""
    magnitude = 10.0 ** math.floor(math.log10(rough))
    return next(step * magnitude for step in (1, 2, 5, 10) if step * magnitude >= rough * (1 - 1e-9))


def _axes(x_scale: Scale, y_scale: Scale, x_label: str, y_label: str) -> list[str]:
    parts = []
    for value in y_scale.ticks():
        y = y_scale.at(value)
        parts.append(f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>')
        parts.append(f'<text x="{LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{_short(value)}</text>')
    for value in x_scale.ticks():
        x = x_scale.at(value)
        parts.append(
            f'<text x="{x:.1f}" y="{HEIGHT - BOTTOM + 16}" text-anchor="middle">{_short(value)}</text>'
        )
    middle = (LEFT + WIDTH - RIGHT) / 2
    parts.append(f'<text x="{middle}" y="{HEIGHT - 6}" text-anchor="middle">{escape(x_label)}</text>')
    height = (TOP + HEIGHT - BOTTOM) / 2
    parts.append(
        f'<text x="12" y="{height}" text-anchor="middle" transform="rotate(-90 12 {height})">'
        f"{escape(y_label)}</text>"
    )
    return parts


def _curve(line: Line, x_scale: Scale, y_scale: Scale, number: int) -> str:
    points = line.points if len(line.points) > 1 else [*line.points, *line.points]  # one is shown as a dot
    places = " ".join(f"{x_scale.at(x):.1f},{y_scale.at(y):.1f}" for x, y in points)
    return f'<polyline class="c{number % 4}" points="{places}"/>'


def _short(value: float) -> str:
    """A number on an axis: 12k, 0.5."""
    if abs(value) >= 1_000_000:
        return f"{value / 1_000_000:g}M"
    return f"{value / 1000:g}k" if abs(value) >= 1_000 else f"{value:.6g}"
