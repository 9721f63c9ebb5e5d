"""Panels laid out on a page: lines and words at their places, in pixels. How they are drawn is another's."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from labd.cli.chart.panel import Panel, Place
from labd.cli.chart.scale import Scale

COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#7a5195", "#555555")
"""Told apart by the colour-blind as well (Okabe and Ito)."""

INK, DIM, GRID, PAPER = "#222222", "#666666", "#e4e4e4", "#ffffff"
TITLE, TEXT = 15.0, 12.0
"""Heights of letters."""

ALONE, BESIDE = (800.0, 460.0), (560.0, 360.0)
"""Width and height of the only panel, and of each of several."""

LEFT, RIGHT, TOP, BOTTOM = 68.0, 22.0, 38.0, 44.0
"""Between a panel and its axes."""

LEGEND, HEADING = 20.0, 40.0
"""Heights of a line of the legend, and of the heading of the page."""

LETTER = 0.58
"""Width of a letter as a part of its height, on average: enough to place a legend by."""


class Line(NamedTuple):
    points: Sequence[Place]
    colour: str
    width: float


class Word(NamedTuple):
    """*text* with its baseline at *y*; *anchor* is the end of it that *x* is the place of."""

    x: float
    y: float
    text: str
    colour: str = INK
    size: float = TEXT
    anchor: str = "start"
    bold: bool = False


Mark = Line | Word


class Page(NamedTuple):
    width: float
    height: float
    marks: list[Mark]


class _Frame(NamedTuple):
    """Where the axes of a panel stand."""

    left: float
    top: float
    right: float
    bottom: float

    def place(self, x: float, y: float) -> Place:
        """From 0 to 1 in each direction, y upwards."""
        return self.left + x * (self.right - self.left), self.bottom - y * (self.bottom - self.top)


def page(panels: Sequence[Panel], heading: str = "") -> Page:
    """All *panels* below *heading*: one alone, several in two columns."""
    width, height = ALONE if len(panels) == 1 else BESIDE
    columns, top = min(len(panels), 2), HEADING if heading else 0.0
    marks: list[Mark] = [Word(LEFT, 28, heading, INK, TITLE, bold=True)] if heading else []
    for number, panel in enumerate(panels):
        left, above = number % columns * width, top + number // columns * height
        marks += _panel(panel, _Frame(left, above, left + width, above + height))
    return Page(columns * width, top + -(-len(panels) // columns) * height, marks)


def _panel(panel: Panel, outer: _Frame) -> Iterator[Mark]:
    legend = _legend(panel, outer)
    lowest = max((mark.y for mark in legend if isinstance(mark, Word)), default=outer.top + TOP - 14)
    frame = _Frame(outer.left + LEFT, lowest + 14, outer.right - RIGHT, outer.bottom - BOTTOM)
    title = panel.title + (" (log)" if panel.log else "")
    yield Word(frame.left, outer.top + 22, title, INK, TITLE, bold=True)
    yield from legend
    x, y = panel.scales(margin=0.04)
    yield from _axes(x, y, frame, panel.x_label)
    yield from _curves(panel, x, y, frame)


def _legend(panel: Panel, outer: _Frame) -> list[Mark]:
    """A short line and its label for each of several curves, in as many lines as they take."""
    marks: list[Mark] = []
    left, top = outer.left + LEFT, outer.top + TOP + 4
    for number, curve in enumerate(panel.curves if len(panel.curves) > 1 else ()):
        width = 28 + len(curve.label) * TEXT * LETTER + 16
        if left + width > outer.right - RIGHT and left > outer.left + LEFT:
            left, top = outer.left + LEFT, top + LEGEND
        marks.append(Line([(left, top - 4), (left + 20, top - 4)], _colour(number), 3))
        marks.append(Word(left + 26, top, curve.label))
        left += width
    return marks


def _axes(x: Scale, y: Scale, frame: _Frame, name: str) -> Iterator[Mark]:
    for value, text in y.ticks(7):
        left, height = frame.place(0, y.place(value))
        yield Line([(left, height), (frame.right, height)], GRID, 1)
        yield Word(left - 8, height + 4, text, DIM, anchor="end")
    for value, text in x.ticks(8):
        left, bottom = frame.place(x.place(value), 0)
        yield Line([(left, bottom), (left, bottom + 5)], DIM, 1)
        yield Word(left, bottom + 20, text, DIM, anchor="middle")
    corner = [(frame.left, frame.top), (frame.left, frame.bottom), (frame.right, frame.bottom)]
    yield Line(corner, DIM, 1)
    yield Word((frame.left + frame.right) / 2, frame.bottom + 37, name, DIM, anchor="middle")


def _curves(panel: Panel, x: Scale, y: Scale, frame: _Frame) -> Iterator[Mark]:
    for number, points in enumerate(panel.drawn):
        places = [frame.place(x.place(a), y.place(b)) for a, b in points]
        if len(places) == 1:  # a point alone would not be seen
            (left, height), width = places[0], 3
            places = [(left - width, height), (left + width, height)]
        if places:
            yield Line(places, _colour(number), 1.8)


def _colour(number: int) -> str:
    return COLOURS[number % len(COLOURS)]
