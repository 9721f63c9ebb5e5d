"""On which line of a TOML document each key stands (``tomllib`` does not say).

The document must have been accepted by ``tomllib``: this scanner finds places and judges nothing. A path
is the keys from the root, with numbers for the items of arrays: ``("plugins", "edge", "cameras", 0, "url")``.
"""

import re
import tomllib
from bisect import bisect_left
from collections.abc import Mapping
from typing import Any

Path = tuple[str | int, ...]

_BASIC, _LITERAL = r'"(?:[^"\\\n]|\\.)*"', r"'[^'\n]*'"
_STRING = re.compile(
    r'"""(?:[^\\]|\\.)*?"""(?:"{0,2})' rf"|'''.*?'''(?:'{{0,2}})|{_BASIC}|{_LITERAL}", re.DOTALL
)
_KEY = re.compile(rf"""(?:{_BASIC}|{_LITERAL}|[^="'\]\n])+""")
_BLANK = re.compile(r"(?:[ \t\n,]|#[^\n]*)*")
_SCALAR = re.compile(r"[^,\]}\n#]*")


def find_lines(text: str) -> dict[Path, int]:
    """The line (from 1) of every table, key and array item of *text*."""
    scanner = _Scanner(text.replace("\r\n", "\n"))
    try:
        scanner.scan()
    except (IndexError, RecursionError, tomllib.TOMLDecodeError):
        pass  # a partial map still names the line of the table around
    return scanner.lines


def line_of(lines: Mapping[Path, int], path: Path) -> int:
    """The line of *path*, or of the nearest table around it that is known; 0 when there is none."""
    while path and path not in lines:
        path = path[:-1]
    return lines.get(path, 0)


def split_key(raw: str) -> tuple[str, ...]:
    """The parts of a dotted key as TOML reads it. Raises TOMLDecodeError."""
    tree: Any = tomllib.loads(f"{raw} = 0")
    parts = []
    while isinstance(tree, dict):
        if len(tree) != 1:
            raise tomllib.TOMLDecodeError("not one key")
        [(part, tree)] = tree.items()
        parts.append(part)
    return tuple(parts)


class _Scanner:
    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.lines: dict[Path, int] = {}
        self._newlines = [match.start() for match in re.finditer("\n", text)]
        self._arrays: dict[Path, int] = {}

    def scan(self) -> None:
        table: Path = ()
        self._skip(_BLANK)
        while self.at < len(self.text):
            if self.text[self.at] == "[":
                table = self._header()
            else:
                self._pair(table)
            self._skip(_BLANK)

    def _skip(self, pattern: re.Pattern[str]) -> str:
        found = pattern.match(self.text, self.at)
        if found is None:
            raise IndexError("the scanner lost its way")
        self.at = found.end()
        return found[0]

    def _mark(self, path: Path, at: int) -> None:
        self.lines.setdefault(path, bisect_left(self._newlines, at) + 1)

    def _header(self) -> Path:
        start = self.at
        brackets = 2 if self.text.startswith("[[", start) else 1
        self.at += brackets
        *outer, last = split_key(self._skip(_KEY))
        self.at += brackets
        path: Path = ()
        for part in outer:
            path = self._newest((*path, part))
            self._mark(path, start)
        path = (*path, last)
        self._mark(path, start)
        if brackets == 2:
            self._arrays[path] = self._arrays.get(path, 0) + 1
        path = self._newest(path)
        self._mark(path, start)
        return path

    def _newest(self, path: Path) -> Path:
        """Under an array of tables, a header means its latest table."""
        return (*path, self._arrays[path] - 1) if path in self._arrays else path

    def _pair(self, table: Path) -> None:
        start = self.at
        path = table
        for part in split_key(self._skip(_KEY)):
            path = (*path, part)
            self._mark(path, start)
        self.at += 1
        self._skip(_BLANK)
        self._value(path)

    def _value(self, path: Path) -> None:
        first = self.text[self.at]
        if first in "\"'":
            self._skip(_STRING)
        elif first == "[":
            self._array(path)
        elif first == "{":
            self._inline_table(path)
        else:
            self._skip(_SCALAR)

    def _array(self, path: Path) -> None:
        self.at += 1
        index = 0
        self._skip(_BLANK)
        while self.text[self.at] != "]":
            self._mark((*path, index), self.at)
            self._value((*path, index))
            index += 1
            self._skip(_BLANK)
        self.at += 1

    def _inline_table(self, path: Path) -> None:
        self.at += 1
        self._skip(_BLANK)
        while self.text[self.at] != "}":
            self._pair(path)
            self._skip(_BLANK)
        self.at += 1
