"""A terminal's screen as far as labd uses one: text, colours, lines up, erase. No I/O."""

import re

_PIECE = re.compile(r"\x1b\[([?0-9;]*)([A-Za-z])|([\r\n])|([^\x1b\r\n]+)")
PLAIN = ""


class Screen:
    """*columns* by *lines* cells, each a character with the colour codes it was written in."""

    def __init__(self, columns: int, lines: int) -> None:
        self._columns, self._lines = columns, lines
        self._rows: list[list[tuple[str, str]]] = [[]]
        self._row = self._column = 0
        self._style = PLAIN

    def feed(self, text: str) -> None:
        """Show *text*. Raises ValueError for what this terminal does not know."""
        for codes, letter, control, plain in _PIECE.findall(text):
            if letter:
                self._control(codes, letter)
            elif control == "\r":
                self._column = 0
            elif control == "\n":
                self._down()
            else:
                self._write(plain)

    def rows(self) -> list[str]:
        """The lines that are to be seen, with colour codes, the empty ones at the end left out."""
        shown = [_coloured(row) for row in self._rows]
        while shown and not shown[-1]:
            shown.pop()
        return shown

    def _control(self, codes: str, letter: str) -> None:
        if letter == "m":
            self._style = PLAIN if codes in ("", "0") else codes
        elif letter == "F":
            self._row, self._column = max(0, self._row - int(codes or 1)), 0
        elif letter == "K":
            del self._rows[self._row][self._column :]
        elif letter == "J" and codes in ("", "0"):
            del self._rows[self._row][self._column :], self._rows[self._row + 1 :]
        elif letter not in ("h", "l"):
            raise ValueError(f"the terminal of the pictures does not know {letter!r} with {codes!r}")

    def _down(self) -> None:
        self._row += 1
        if self._row == len(self._rows):
            self._rows.append([])
        if len(self._rows) > self._lines:
            del self._rows[0]
            self._row -= 1

    def _write(self, text: str) -> None:
        for character in text:
            if self._column == self._columns:
                self._column = 0
                self._down()
            row = self._rows[self._row]
            row += [(" ", PLAIN)] * (self._column + 1 - len(row))
            row[self._column] = (character, self._style)
            self._column += 1


def _coloured(row: list[tuple[str, str]]) -> str:
    text, style = "", PLAIN
    for character, wanted in row:
        if wanted != style:
            text, style = text + f"\x1b[0m\x1b[{wanted}m" * bool(wanted) + "\x1b[0m" * (not wanted), wanted
        text += character
    return (text + "\x1b[0m" * bool(style)).rstrip()
