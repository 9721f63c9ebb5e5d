"""A picture in cells: two pixels in each, one above the other, as far as the terminal has colours."""

import os
import stat
from collections.abc import Sequence
from typing import NamedTuple

from labd.errors import LabdError
from labd.tui.text import Line, Span

SUFFIXES = (".png", ".jpg", ".jpeg", ".gif", ".webp", ".bmp")
FORMATS = ("PNG", "JPEG", "GIF", "WEBP", "BMP")
LARGEST = 100_000_000
"""Pixels of a picture that is read."""

SHADES = " .:-=+*#%@"
"""In place of colours, from dark to light."""

Pixel = tuple[int, int, int]


class Raster(NamedTuple):
    """Rows of pixels, and the size of the picture that they are of."""

    rows: Sequence[Sequence[Pixel]]
    width: int
    height: int


def read(path: str, columns: int, lines: int) -> Raster:
    """The picture in a file, made small enough for so many cells. Raises LabdError."""
    try:
        from PIL import Image, UnidentifiedImageError
    except ImportError:
        raise LabdError(
            "pictures need Pillow, which is not installed here",
            hint="install labd[plot] (pip install pillow)",
        ) from None
    try:
        if not stat.S_ISREG(os.stat(path).st_mode):
            raise LabdError(f"{path} is no file")  # a pipe would be waited for, for ever
        with Image.open(path, formats=FORMATS) as file:
            width, height = file.size
            if width * height > LARGEST:
                raise LabdError(f"{path} has {width} x {height} pixels, which is too much")
            file.draft("RGB", (columns, lines * 2))
            small = file.convert("RGBA")
            small.thumbnail((max(columns, 1), max(lines * 2, 2)))
    except (OSError, UnidentifiedImageError, ValueError, SyntaxError) as error:
        raise LabdError(f"{path} cannot be read: {error}") from None
    ground = Image.new("RGBA", small.size, (255, 255, 255, 255))
    flat = Image.alpha_composite(ground, small).convert("RGB")
    data = flat.tobytes()
    row = flat.width * 3
    return Raster(
        [
            [(data[at], data[at + 1], data[at + 2]) for at in range(y * row, (y + 1) * row, 3)]
            for y in range(flat.height)
        ],
        width,
        height,
    )


def cells(raster: Raster, *, colour: bool = True) -> list[Line]:
    """The picture as lines; neighbours that look the same are one span."""
    rows = raster.rows
    made: list[Line] = []
    for y in range(0, len(rows), 2):
        below = rows[y + 1] if y + 1 < len(rows) else rows[y]
        pairs = list(zip(rows[y], below, strict=True))
        made.append(_coloured(pairs) if colour else [Span("".join(_shade(*pair) for pair in pairs))])
    return made


def _coloured(pairs: list[tuple[Pixel, Pixel]]) -> Line:
    made: Line = []
    for above, below in pairs:
        style = f"{_hex(above)} on {_hex(below)}"
        if made and made[-1].style == style:
            made[-1] = Span(made[-1].text + "▀", style)
        else:
            made.append(Span("▀", style))
    return made


def _shade(above: Pixel, below: Pixel) -> str:
    light = sum(above) + sum(below)
    return SHADES[min(light * len(SHADES) // (6 * 256), len(SHADES) - 1)]


def _hex(pixel: Pixel) -> str:
    return f"#{pixel[0]:02x}{pixel[1]:02x}{pixel[2]:02x}"
