"""A page as PNG, with Pillow (the optional extra ``plot``)."""

from typing import Any

from labd.cli.chart.page import PAPER, Line, Page, Word
from labd.errors import UsageError

SCALE = 2
"""Pixels of the picture for one of the page: sharp on today's screens."""

_SMOOTH = 2
"""Drawn so much larger and made smaller, lines have smooth edges."""

_ANCHORS = {"start": "ls", "middle": "ms", "end": "rs"}


def write(page: Page, path: str) -> None:
    """Raises UsageError without Pillow, OSError for a path that cannot be written."""
    try:
        from PIL import Image, ImageDraw
    except ImportError:
        raise UsageError(
            "PNG needs Pillow, which is not installed here",
            hint="install labd[plot] (pip install pillow), or write SVG: -o plot.svg",
        ) from None
    factor = SCALE * _SMOOTH
    large = Image.new("RGB", (round(page.width * factor), round(page.height * factor)), PAPER)
    _draw(ImageDraw.Draw(large), page, factor)
    image = large.resize((large.width // _SMOOTH, large.height // _SMOOTH), Image.Resampling.LANCZOS)
    image.save(path, "PNG", optimize=True)


def _draw(draw: Any, page: Page, factor: int) -> None:
    for mark in page.marks:
        if isinstance(mark, Line):
            places = [(x * factor, y * factor) for x, y in mark.points]
            draw.line(places, fill=mark.colour, width=max(round(mark.width * factor), 1), joint="curve")
        else:
            _write(draw, mark, factor)


def _write(draw: Any, word: Word, factor: int) -> None:
    from PIL import ImageFont

    font = ImageFont.load_default(word.size * factor)
    stroke = factor // 4 if word.bold else 0  # the font that Pillow carries has no bold face
    place = (word.x * factor, word.y * factor)
    draw.text(
        place, word.text, fill=word.colour, font=font, anchor=_ANCHORS[word.anchor],
        stroke_width=stroke, stroke_fill=word.colour,
    )  # fmt: skip
