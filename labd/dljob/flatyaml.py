"""As much of YAML as a flat list of settings needs: ``key: value``, lists, comments. Pure.

Values are text, lists of text, or None; whoever knows the key knows what it means.
"""

import json
import re
from typing import NamedTuple

from labd.errors import ConfigError

Value = str | list[str] | None

_KEY = re.compile(r"([A-Za-z_]\w*)\s*:(?:\s+|$)(.*)")
_ITEM = re.compile(r"\s*-\s+(.*)")
_PLAIN = re.compile(r"[A-Za-z_./][\w./:@+-]*(?<!:)")
_WORDS = {"", "~", "null", "none", "true", "false", "yes", "no", "on", "off", "y", "n"}
_PIECE = re.compile(r"""\s*("(?:[^"\\]|\\.)*"|'(?:[^']|'')*'|[^,\[\]{}"'][^,\[\]{}]*)\s*(?:,|$)""")


class Entry(NamedTuple):
    """A value and the line that it begins at."""

    value: Value
    line: int


def parse(text: str, place: str) -> dict[str, Entry]:
    """The settings in *text*. Raises ConfigError that names *place* and the line."""
    found: dict[str, Entry] = {}
    last = ""
    for number, raw in enumerate(text.splitlines(), start=1):
        line = _uncommented(raw).rstrip()
        if not line.strip() or line == "---":
            continue
        try:
            last = _take(line, number, last, found)
        except ValueError as error:
            raise ConfigError(
                f"{place}, line {number}: {error}: {raw.strip()[:60]!r}",
                hint="write `key: value`, or `key: [one, two]`",
            ) from None
    return found


def _take(line: str, number: int, last: str, found: dict[str, Entry]) -> str:
    """Add one line to what was *found*; the key that items below it belong to."""
    if item := _ITEM.fullmatch(line):
        return _extend(last, item[1], found)
    pair = _KEY.fullmatch(line)
    if pair is None:
        raise ValueError("this is no setting")
    if pair[1] in found:
        raise ValueError(f"{pair[1]} is set twice, first in line {found[pair[1]].line}")
    found[pair[1]] = Entry(_value(pair[2]), number)
    return pair[1]


def _extend(last: str, item: str, found: dict[str, Entry]) -> str:
    entry = found.get(last)
    if entry is None or isinstance(entry.value, str):
        raise ValueError("this item belongs to no list")
    found[last] = entry._replace(value=[*(entry.value or []), _scalar(item)])
    return last


def _value(text: str) -> Value:
    if text.startswith("["):
        if not text.endswith("]"):
            raise ValueError("the list has no end")
        return _list(text[1:-1])
    if text.startswith(("{", "&", "*", "!", "|", ">", "%", "@", "`")):
        raise ValueError("this form of YAML is not understood here")
    return None if text in ("", "~") else _scalar(text)


def _list(text: str) -> list[str]:
    found, at = [], 0
    while text[at:].strip():
        piece = _PIECE.match(text, at)
        if piece is None:
            raise ValueError("this is no list of texts")
        found.append(_scalar(piece[1].strip()))
        at = piece.end()
    return found


def _scalar(text: str) -> str:
    if text.startswith('"'):
        value = json.loads(text)
        return str(value)
    if text.startswith("'"):
        if len(text) < 2 or not text.endswith("'"):
            raise ValueError("the quote has no end")
        return text[1:-1].replace("''", "'")
    return text


def _uncommented(line: str) -> str:
    """*line* up to a comment: a ``#`` at the begin or after a space, outside of quotes."""
    quote = ""
    for at, char in enumerate(line):
        if quote:
            quote = "" if char == quote else quote
        elif char in "\"'" and (at == 0 or line[at - 1] in " [,"):
            quote = char
        elif char == "#" and (at == 0 or line[at - 1].isspace()):
            return line[:at]
    return line


def render(values: dict[str, object]) -> str:
    """*values* as lines, sorted by key."""
    return "".join(f"{key}: {_rendered(values[key])}\n" for key in sorted(values))


def _rendered(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return f"{value:g}" if isinstance(value, float) else str(value)
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_rendered, value)) + "]"
    text = str(value)
    plain = _PLAIN.fullmatch(text) and text.lower() not in _WORDS
    return text if plain else json.dumps(text)
