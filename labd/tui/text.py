"""Lines of styled text, and what is made of them: frames, columns, gauges, curves. Pure; widths are cells."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from labd.cli.render import cells, cut, safe

BLOCKS = " ▁▂▃▄▅▆▇█"
PARTS = ("", "▏", "▎", "▍", "▌", "▋", "▊", "▉")


class Span(NamedTuple):
    """Text of one style; styles are named in ``ink``."""

    text: str
    style: str = ""


Line = list[Span]


def line(*parts: str | tuple[str, str]) -> Line:
    """A line of texts, and of texts with a style; what could steer a terminal is written as an escape."""
    spans = [Span(part) if isinstance(part, str) else Span(*part) for part in parts]
    return [Span(safe(text), style) for text, style in spans if text]


def width_of(spans: Line) -> int:
    """Cells that a line fills."""
    return sum(cells(text) for text, _ in spans)


def plain(spans: Line) -> str:
    """The text alone."""
    return "".join(text for text, _ in spans)


def fit(spans: Line, width: int) -> Line:
    """Exactly *width* cells: cut with an ellipsis, or filled with blanks."""
    made: Line = []
    left = width
    for text, style in spans:
        size = cells(text)
        if size > left:
            short = cut(text, left)
            return [*made, Span(short + " " * (left - cells(short)), style)]
        made.append(Span(text, style))
        left -= size
    return [*made, Span(" " * left)] if left else made


def wrapped(text: str, width: int, style: str = "", indent: str = "") -> list[Line]:
    """Prose in lines; a word that is too long is broken."""
    lines: list[str] = []
    for word in safe(text).split():
        if lines and cells(lines[-1]) + 1 + cells(word) <= width:
            lines[-1] += f" {word}"
            continue
        size = max(width - len(indent), 1) if cells(word) > width else len(word)
        for start in range(0, len(word), size):
            lines.append((indent if lines else "") + word[start : start + size])
    return [[Span(one, style)] for one in lines]


def frame(title: str, body: Sequence[Line], width: int, height: int, note: str = "") -> list[Line]:
    """*body* inside a frame of *height* lines, with a title above and a note on the right of it."""
    inner = max(width - 4, 0)
    head, tail = cut(safe(title), max(width - 6, 0)), ""
    if note and cells(head) + cells(note) + 9 <= width:
        tail = f" {safe(note)} "
    rule = "─" * max(width - cells(head) - cells(tail) - 6, 0)
    rows = list(body[: height - 2]) + [[] for _ in range(height - 2 - len(body))]
    top: Line = [
        Span("╭─ ", "rule"),
        Span(head, "title"),
        Span(f" {rule}", "rule"),
        Span(tail, "dim"),
        Span("─╮", "rule"),
    ]
    sides = [[Span("│ ", "rule"), *fit(row, inner), Span(" │", "rule")] for row in rows]
    return [fit(top, width), *sides, [Span("╰" + "─" * max(width - 2, 0) + "╯", "rule")]]


def beside(left: Sequence[Line], right: Sequence[Line], left_width: int, gap: int = 1) -> list[Line]:
    """Two blocks next to each other."""
    count = max(len(left), len(right))
    padded = [*left, *([] for _ in range(count - len(left)))]
    others = [*right, *([] for _ in range(count - len(right)))]
    return [[*fit(a, left_width), Span(" " * gap), *b] for a, b in zip(padded, others, strict=True)]


def bar(share: float, width: int) -> tuple[str, str]:
    """What is full of a bar, to an eighth of a cell, and what is not."""
    eighths = round(min(max(share, 0.0), 1.0) * width * 8)
    if share > 0:
        eighths = max(eighths, 1)
    full = "█" * (eighths // 8) + PARTS[eighths % 8]
    return full, "░" * (width - len(full))


def gauge(share: float, width: int, style: str = "bar") -> Line:
    """A bar: full blocks for what is taken."""
    full, empty = bar(share, width)
    return [Span(full, style), Span(empty, "faint")]


def percent(share: float | None, width: int = 10) -> str:
    """A bar and a number, for a cell of a table; nothing for what is not known."""
    return "" if share is None else "".join(bar(share, width)) + f" {share:4.0%}"


def spark(values: Sequence[float], width: int, top: float | None = None) -> str:
    """A curve in one line, the newest at the right; *top* is what the highest block stands for."""
    shown = list(values)[-width:]
    highest = top if top is not None else max(shown, default=0.0)
    marks = [_block(value, highest) for value in shown]
    return "".join(marks).rjust(width)


def _block(value: float, top: float) -> str:
    if top <= 0 or value <= 0:
        return BLOCKS[1]
    return BLOCKS[min(max(round(value / top * 8), 1), 8)]


def area(values: Sequence[float], width: int, height: int, top: float = 1.0) -> list[str]:
    """A filled curve of *height* lines, the newest at the right."""
    shown = list(values)[-width:]
    levels = [round(min(max(v / top if top else 0.0, 0.0), 1.0) * height * 8) for v in shown]
    rows = []
    for row in reversed(range(height)):
        marks = (BLOCKS[min(max(level - row * 8, 0), 8)] for level in levels)
        rows.append("".join(marks).rjust(width))
    return rows


def pairs(items: Iterable[tuple[str, str | Line]], width: int, key: int = 0) -> list[Line]:
    """``Key  value`` lines; those without a value are left out, long values go on below."""
    shown = [(name, value) for name, value in items if value]
    key = key or max((len(name) for name, _ in shown), default=0)
    made: list[Line] = []
    for name, value in shown:
        rows = [value] if isinstance(value, list) else wrapped(value, max(width - key - 2, 8)) or [[]]
        for number, row in enumerate(rows):
            made.append([Span(f"{name if number == 0 else '':<{key}}  ", "dim"), *row])
    return made


def heat(share: float) -> str:
    """The style of a part of a whole: calm, then warm, then hot."""
    return "bad" if share > 0.95 else "warn" if share > 0.8 else "bar"
