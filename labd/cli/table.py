"""Rows as aligned lines that never wrap, and pairs as two columns."""

from typing import NamedTuple

from labd.cli.render import Terminal, cells, cut, pad, safe

GAP = "  "


class Column(NamedTuple):
    """A heading; ``least`` is how far the column may shrink on a narrow terminal (None: not at all)."""

    title: str
    right: bool = False
    least: int | None = None


class Cell(NamedTuple):
    text: str
    style: str = ""


def table(columns: list[Column], rows: list[list[Cell]], term: Terminal) -> list[str]:
    """The lines of a table; columns that are empty in every row are left out, and so is a table of none."""
    if not rows:
        return []
    rows = [[Cell(safe(cell.text), cell.style) for cell in row] for row in rows]
    used = [i for i in range(len(columns)) if any(row[i].text for row in rows)]
    columns = [columns[i] for i in used]
    rows = [[Cell(c.title, "dim") for c in columns], *([row[i] for i in used] for row in rows)]
    widths = [max(cells(row[i].text) for row in rows) for i in range(len(columns))]
    widths = _shrink(columns, widths, term.width)
    return [_line(columns, row, widths, term) for row in rows]


def _shrink(columns: list[Column], widths: list[int], width: int | None) -> list[int]:
    """Take what is too much from the columns that allow it, the last first."""
    if width is None:
        return widths
    excess = sum(widths) + len(GAP) * (len(widths) - 1) - width
    for index in reversed(range(len(columns))):
        least = columns[index].least
        if least is not None and excess > 0:
            given = max(0, min(excess, widths[index] - least))
            widths[index] -= given
            excess -= given
    return widths


def _line(columns: list[Column], row: list[Cell], widths: list[int], term: Terminal) -> str:
    """One line; what still does not fit is cut at the edge, and colours stay out of the sum."""
    left = term.width if term.width is not None else sum(widths) + len(GAP) * len(widths)
    parts = []
    for column, cell, width in zip(columns, row, widths, strict=True):
        text = cut(pad(cut(cell.text, width), width, column.right), max(left, 0))
        parts.append(term.paint(text.rstrip(), cell.style) + " " * (cells(text) - cells(text.rstrip())))
        left -= width + len(GAP)
    return GAP.join(parts).rstrip()


def pairs(items: list[tuple[str, str]], term: Terminal) -> list[str]:
    """``Key   value`` lines; pairs without a value are left out, long values are not cut."""
    items = [(key, safe(value)) for key, value in items if value]
    width = max((len(key) for key, _ in items), default=0)
    return [term.paint(pad(key, width), "dim") + GAP + value for key, value in items]
