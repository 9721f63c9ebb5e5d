"""A curve in a terminal: braille dots, or asterisks where the encoding has none. Pure."""

import math
from collections.abc import Sequence
from typing import NamedTuple

from labd.cli.chart.canvas import DOTS

STEEP = 10.0
"""From this ratio of the largest to the smallest value on, the scale is logarithmic."""


class Ink(NamedTuple):
    """What the terminal can draw with."""

    full: str
    empty: str
    corner: str
    side: str
    line: str
    braille: bool


FANCY = Ink("█", "░", "└", "│", "─", braille=True)
PLAIN = Ink("#", ".", "+", "|", "-", braille=False)


def ink_for(encoding: str | None) -> Ink:
    """The best that *encoding* can carry."""
    try:
        (FANCY.full + FANCY.empty + FANCY.corner + FANCY.side + FANCY.line + "⣿").encode(encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return PLAIN
    return FANCY


def bar(share: float, width: int, ink: Ink) -> str:
    full = int(min(max(share, 0.0), 1.0) * width)
    return ink.full * full + ink.empty * (width - full)


Point = tuple[float, float]
"""Where (growing from point to point), and how much."""


def plot(
    points: Sequence[Point], width: int, height: int, ink: Ink, ends: tuple[str, str] = ("", "")
) -> list[str]:
    """*points* as a line with two axes, in *width* by *height* cells, at least 4 high.

    *ends* name the ends of the x axis. Empty without two points.
    """
    if len(points) < 2:
        return []
    low, high = min(y for _, y in points), max(y for _, y in points)
    labels = [f"{high:.3g}", *[""] * (height - 4), f"{low:.3g}"]
    margin = max(map(len, labels))
    inner = width - margin - 2
    rows = draw(points, inner, height - 2, ink)
    lines = [f"{label:>{margin}} {ink.side}{row}" for label, row in zip(labels, rows, strict=True)]
    axis = " " * (margin + 1) + ink.corner + ink.line * inner
    names = " " * (margin + 2) + ends[0] + ends[1].rjust(inner - len(ends[0]))
    return [*(line.rstrip() for line in lines), axis, names.rstrip()]


def draw(points: Sequence[Point], width: int, height: int, ink: Ink) -> list[str]:
    """*points* as a line without axes in *width* by *height* cells, the largest at the top."""
    across, down = (2, 4) if ink.braille else (1, 1)
    columns = _raster(_resampled(points, width * across), height * down)
    if not ink.braille:
        return ["".join("*" if y in column else " " for column in columns) for y in range(height)]
    return ["".join(_cell(columns, x, y) for x in range(width)) for y in range(height)]


def _cell(columns: list[range], x: int, y: int) -> str:
    dots = (DOTS[i][j] for i in (0, 1) for j in range(4) if 4 * y + j in columns[2 * x + i])
    bits = sum(dots)
    return chr(0x2800 + bits) if bits else " "


def steep(values: Sequence[float]) -> bool:
    """Whether *values* are drawn on a logarithmic scale."""
    return bool(values) and min(values) > 0 and max(values) > STEEP * min(values)


def _resampled(points: Sequence[Point], count: int) -> list[float]:
    """How much at *count* places of the same distance, between two points by a straight line."""
    first, last = points[0][0], points[-1][0]
    found, left = [], 0
    for i in range(count):
        x = first + (last - first) * i / max(count - 1, 1)
        while left < len(points) - 2 and points[left + 1][0] < x:
            left += 1
        (x0, y0), (x1, y1) = points[left], points[left + 1]
        found.append(y0 + (y1 - y0) * (x - x0) / (x1 - x0) if x1 > x0 else y1)
    return found


def _raster(values: list[float], rows: int) -> list[range]:
    """For each value the rows that the line fills there, so that steep parts have no gaps."""
    low, high = min(values), max(values)
    scale = math.log if steep(values) else float
    bottom, top = scale(low), scale(high)
    heights = [(scale(value) - bottom) / (top - bottom) if top > bottom else 0.5 for value in values]
    at = [round((1 - height) * (rows - 1)) for height in heights]
    return [_filled(at[max(i - 1, 0)], y) for i, y in enumerate(at)]


def _filled(before: int, y: int) -> range:
    if abs(before - y) <= 1:
        return range(y, y + 1)
    return range(before + 1, y + 1) if before < y else range(y, before)
