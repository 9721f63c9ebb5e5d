"""A page as SVG 1.1, written plainly."""

from labd.cli.chart.page import PAPER, Line, Mark, Page, Word

_FONT = "Helvetica, Arial, 'DejaVu Sans', sans-serif"


def svg(page: Page) -> str:
    """The picture, on a white ground."""
    size = f'width="{page.width:g}" height="{page.height:g}"'
    view = f'viewBox="0 0 {page.width:g} {page.height:g}"'
    return "\n".join([
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} {view} font-family="{_FONT}">',
        f'<rect {size} fill="{PAPER}"/>',
        *map(_mark, page.marks),
        "</svg>",
        "",
    ])  # fmt: skip


def _mark(mark: Mark) -> str:
    return _line(mark) if isinstance(mark, Line) else _word(mark)


def _line(line: Line) -> str:
    places = " ".join(f"{x:.1f},{y:.1f}" for x, y in line.points)
    stroke = f'stroke="{line.colour}" stroke-width="{line.width:g}"'
    return f'<polyline points="{places}" fill="none" {stroke} stroke-linejoin="round"/>'


def _word(word: Word) -> str:
    bold = ' font-weight="bold"' if word.bold else ""
    anchor = f' text-anchor="{word.anchor}"' if word.anchor != "start" else ""
    place = f'x="{word.x:.1f}" y="{word.y:.1f}" font-size="{word.size:g}"'
    return f'<text {place} fill="{word.colour}"{anchor}{bold}>{_escaped(word.text)}</text>'


def _escaped(text: str) -> str:
    """Characters that mean something to XML, and those that it forbids."""
    text = "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text)
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
