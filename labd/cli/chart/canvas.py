"""Lines on a grid of characters: braille dots, eight to a cell, or a mark in each cell."""

DOTS = ((0x01, 0x02, 0x04, 0x40), (0x08, 0x10, 0x20, 0x80))
"""Bits of the dots of U+2800, by column and row (Unicode, Braille Patterns)."""

MARKS = "*+xo#@%&"
"""One for each curve where there are no colours or no braille."""


class Canvas:
    """*width* by *height* cells. Curves are numbered; of several in a cell the last one gives the style."""

    def __init__(self, width: int, height: int, *, braille: bool) -> None:
        self.width, self.height = width, height
        self._across, self._down = (2, 4) if braille else (1, 1)
        self._braille = braille
        self._cells: dict[tuple[int, int], tuple[int, int]] = {}

    def line(self, curve: int, start: tuple[float, float], end: tuple[float, float]) -> None:
        """A straight line between two places, each from 0 to 1, y upwards."""
        (x0, y0), (x1, y1) = self._dot(start), self._dot(end)
        steps = max(abs(x1 - x0), abs(y1 - y0), 1)
        for step in range(steps + 1):
            self._set(curve, round(x0 + (x1 - x0) * step / steps), round(y0 + (y1 - y0) * step / steps))

    def row(self, number: int) -> list[tuple[str, int | None]]:
        """The cells of one row from the top, each with the curve that is to be seen in it."""
        return [self._cell(x, number) for x in range(self.width)]

    def _dot(self, place: tuple[float, float]) -> tuple[int, int]:
        across, down = self.width * self._across - 1, self.height * self._down - 1
        return round(place[0] * across), round((1 - place[1]) * down)

    def _set(self, curve: int, x: int, y: int) -> None:
        cell = x // self._across, y // self._down
        bits, _ = self._cells.get(cell, (0, curve))
        self._cells[cell] = bits | DOTS[x % self._across][y % self._down], curve

    def _cell(self, x: int, y: int) -> tuple[str, int | None]:
        if (x, y) not in self._cells:
            return " ", None
        bits, curve = self._cells[x, y]
        return (chr(0x2800 + bits) if self._braille else MARKS[curve % len(MARKS)]), curve
