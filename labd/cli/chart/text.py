"""A panel as lines of text for a terminal."""

from itertools import groupby, pairwise
from typing import NamedTuple

from labd.cli.chart.canvas import MARKS, Canvas
from labd.cli.chart.panel import Panel
from labd.cli.chart.scale import Scale
from labd.cli.render import Terminal, cells, cut, safe

STYLES = ("cyan", "yellow", "green", "magenta", "red", "blue")
LEAST_HEIGHT = 7
"""Lines of a panel: the title, four of the curves, the axis and its numbers."""

_GAP = 3


class Ink(NamedTuple):
    """Characters of the axes, and whether there is braille."""

    side: str
    tick: str
    corner: str
    line: str
    below: str
    braille: bool


FANCY = Ink("│", "┤", "└", "─", "┬", braille=True)
PLAIN = Ink("|", "+", "+", "-", "+", braille=False)


def ink_for(encoding: str | None) -> Ink:
    """The best that *encoding* can carry."""
    try:
        "⣿│┤└─┬".encode(encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return PLAIN
    return FANCY


def lines(panel: Panel, term: Terminal, width: int, height: int, ink: Ink) -> list[str]:
    """*panel* in *height* lines of *width* cells, and one more for a legend of several curves."""
    if len(panel.curves) > 1 and not term.colour:
        ink = ink._replace(braille=False)  # without colours only marks tell the curves apart
    rows = max(height, LEAST_HEIGHT) - 3
    x, y = panel.scales()
    labels = _beside(y, rows)
    margin = max(map(cells, labels.values()), default=0)
    canvas = _drawn(panel, x, y, Canvas(max(width - margin - 2, 8), rows, braille=ink.braille))
    body = [_row(canvas, row, labels.get(row, ""), margin, term, ink) for row in range(rows)]
    return [*_head(panel, term, width, ink), *body, *_foot(x, panel.x_label, margin, canvas.width, term, ink)]


def _drawn(panel: Panel, x: Scale, y: Scale, canvas: Canvas) -> Canvas:
    for number, points in enumerate(panel.drawn):
        places = [(x.place(a), y.place(b)) for a, b in points]
        for start, end in pairwise(places if len(places) > 1 else places * 2):
            canvas.line(number, start, end)
    return canvas


def _head(panel: Panel, term: Terminal, width: int, ink: Ink) -> list[str]:
    title = panel.title + (" (log)" if panel.log else "")
    head = [term.paint(cut(safe(title), width), "bold")]
    return [*head, _legend(panel, term, width, ink)] if len(panel.curves) > 1 else head


def _legend(panel: Panel, term: Terminal, width: int, ink: Ink) -> str:
    """``* 12 train   + 13 sweep``; what does not fit is left out."""
    parts: list[str] = []
    for number, curve in enumerate(panel.curves):
        mark = "━" if ink.braille else MARKS[number % len(MARKS)]
        label = cut(safe(curve.label), max(width - 2, 0))
        width -= cells(label) + 2 + _GAP
        if width + _GAP < 0:
            break
        parts.append(f"{term.paint(mark, STYLES[number % len(STYLES)])} {label}")
    return (" " * _GAP).join(parts)


def _beside(scale: Scale, rows: int) -> dict[int, str]:
    """The numbers of the y axis by their rows."""
    ticks = scale.ticks(max(rows * 2 // 3, 2))
    return {round((1 - scale.place(value)) * (rows - 1)): text for value, text in ticks}


def _row(canvas: Canvas, row: int, label: str, margin: int, term: Terminal, ink: Ink) -> str:
    axis = term.paint(f"{label:>{margin}} {ink.tick if label else ink.side}", "dim")
    runs = groupby(canvas.row(row), key=lambda cell: cell[1])
    return (axis + "".join(_run("".join(c for c, _ in run), number, term) for number, run in runs)).rstrip()


def _run(text: str, curve: int | None, term: Terminal) -> str:
    return text if curve is None else term.paint(text, STYLES[curve % len(STYLES)])


def _foot(x: Scale, name: str, margin: int, width: int, term: Terminal, ink: Ink) -> list[str]:
    """The x axis and its numbers; one that would run into the one before is left out."""
    line, below = [ink.line] * width, " " * width
    free = 0
    for value, text in x.ticks(max(width // 8, 2)):
        at = round(x.place(value) * (width - 1))
        line[at] = ink.below
        start = min(max(at - len(text) // 2, 0), width - len(text))
        if start >= free:
            below = below[:start] + text + below[start + len(text) :]
            free = start + len(text) + 1
    if free + len(name) + 1 <= width:
        below = below[: width - len(name)] + name
    indent = " " * (margin + 1)
    return [
        term.paint(indent + ink.corner + "".join(line), "dim"),
        term.paint(f"{indent} {below}".rstrip(), "dim"),
    ]
