"""What a terminal can take: colour, width, and text without control characters."""

import os
from collections.abc import Mapping
from typing import IO, NamedTuple

_CODES = {
    "red": "31", "green": "32", "yellow": "33", "blue": "34", "magenta": "35", "cyan": "36",
    "bold": "1", "dim": "2",
}  # fmt: skip


class Terminal(NamedTuple):
    """Where output goes. ``width`` is in cells; None is a pipe, which takes lines of any length."""

    colour: bool = False
    width: int | None = None

    def paint(self, text: str, style: str) -> str:
        return f"\x1b[{_CODES[style]}m{text}\x1b[0m" if self.colour and style and text else text


def terminal(stream: IO[str], env: Mapping[str, str] = os.environ) -> Terminal:
    """What *stream* can take, by https://no-color.org and https://bixense.com/clicolors."""
    tty = stream.isatty()
    forced = env.get("CLICOLOR_FORCE", "0") not in ("", "0")
    plain = bool(env.get("NO_COLOR")) or env.get("CLICOLOR") == "0" or env.get("TERM") == "dumb"
    return Terminal(forced or (tty and not plain), _width(stream, env) if tty else None)


def _width(stream: IO[str], env: Mapping[str, str]) -> int:
    columns = env.get("COLUMNS", "")
    if columns.isdecimal() and int(columns) > 0:
        return int(columns)
    try:
        return os.get_terminal_size(stream.fileno()).columns or 80
    except OSError:
        return 80


def safe(text: str) -> str:
    """*text* with every character that could steer a terminal written as an escape."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def cells(text: str) -> int:
    """How many cells *text* fills: wide characters two, combining ones none."""
    if text.isascii():
        return len(text)
    return sum(map(_cell, text))


def _cell(char: str) -> int:
    from unicodedata import combining, east_asian_width  # a shared object that plain text never needs

    return 0 if combining(char) else 2 if east_asian_width(char) in "WF" else 1


def cut(text: str, width: int) -> str:
    """*text* in at most *width* cells, with an ellipsis where something is left out."""
    if cells(text) <= width:
        return text
    kept = 0
    for index, char in enumerate(text):
        kept += _cell(char)
        if kept > width - 1:
            return text[:index] + "…" * (width > 0)
    return text


def pad(text: str, width: int, right: bool = False) -> str:
    space = " " * (width - cells(text))
    return space + text if right else text + space
