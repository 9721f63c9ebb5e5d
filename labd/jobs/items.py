"""What the tasks of an array are given: one line of a blob each, found without reading the whole of it."""

import json
import re
from collections import OrderedDict
from collections.abc import Collection, Sequence
from typing import Any

from labd.errors import UsageError
from labd.store.blobs import Blobs

STRIDE = 256
"""Lines between two places in the file that are remembered."""

REMEMBERED = 16
"""Files of which the places are remembered."""

MAX_LINE = 131_072
"""Bytes: an argument of a process cannot be longer."""


_NAMED = re.compile(r"\{task\.([^{}]+)\}")


class Items:
    """Lines of blobs by their number. Everything here blocks."""

    def __init__(self, blobs: Blobs) -> None:
        self._blobs = blobs
        self._places: OrderedDict[str, list[int]] = OrderedDict()

    def line(self, digest: str, position: int) -> str:
        """The line at *position*, counted from 0. Raises NotFound, StateError, UsageError."""
        places = self._known(digest)
        with self._blobs.open(digest) as file:
            file.seek(places[min(position // STRIDE, len(places) - 1)])
            for _ in range(position % STRIDE):
                file.readline()
            return file.readline().decode().removesuffix("\n")

    def check(self, digest: str, count: int, as_json: bool, argv: Sequence[str] = ()) -> None:
        """Raises NotFound, and UsageError for what cannot be the *count* tasks of a job with *argv*."""
        names = {name for word in argv for name in _NAMED.findall(word)} if as_json else set()
        number = 0
        with self._blobs.open(digest) as file:
            while data := file.readline(MAX_LINE + 1):
                number += 1
                _check_line(data, number, as_json, names)
        if number != count:
            raise UsageError(f"there are {number} lines for {count} tasks", hint="one line for each task")

    def _known(self, digest: str) -> list[int]:
        if digest not in self._places:
            self._places[digest] = self._read(digest)
            while len(self._places) > REMEMBERED:
                self._places.popitem(last=False)
        self._places.move_to_end(digest)
        return self._places[digest]

    def _read(self, digest: str) -> list[int]:
        places, offset = [], 0
        with self._blobs.open(digest) as file:
            for number, data in enumerate(file):
                if number % STRIDE == 0:
                    places.append(offset)
                offset += len(data)
        return places or [0]


def _check_line(data: bytes, number: int, as_json: bool, names: Collection[str]) -> None:
    if len(data) > MAX_LINE:
        raise UsageError(f"line {number} is longer than {MAX_LINE} bytes", hint="put long data into files")
    try:
        text = data.decode()
        if "\0" in text:
            raise UsageError(f"line {number} holds a NUL byte", hint="a task's line is text")
        if as_json:
            _check_object(json.loads(text), text, number, names)
    except UnicodeDecodeError:
        raise UsageError(f"line {number} is not UTF-8", hint="a task's line is text") from None
    except (json.JSONDecodeError, RecursionError) as error:
        raise UsageError(
            f"line {number} ({text[:40].strip()}) is no JSON: {error}",
            hint="one object on each line; empty lines are not counted",
        ) from None


def _check_object(value: Any, text: str, number: int, names: Collection[str]) -> None:
    if not isinstance(value, dict):
        raise UsageError(
            f"line {number} is no JSON object: {text[:60].strip()}", hint='as {"lr": 0.1, "seed": 1}'
        )
    if missing := sorted(name for name in names if name not in value):
        raise UsageError(
            f"the command has {{task.{missing[0]}}}, which line {number} has not: {text[:60].strip()}",
            hint=f"its values: {', '.join(list(value)[:10]) or 'none'}",
        )


def filled(argv: list[str], index: int, line: str | None, as_json: bool) -> list[str]:
    """*argv* with ``{index}``, ``{task}`` and ``{task.NAME}`` filled in. Raises UsageError."""
    values: dict[str, str] = {"{index}": str(index)}
    if line is not None:
        values["{task}"] = line
    if line is not None and as_json:
        values |= {f"{{task.{name}}}": text_of(value) for name, value in json.loads(line).items()}
    return [_filled(word, values) for word in argv]


def _filled(word: str, values: dict[str, str]) -> str:
    parts, rest = [], word
    while rest:
        place, name = min(((at, name) for name in values if (at := rest.find(name)) >= 0), default=(-1, ""))
        if place < 0:
            break
        parts += [rest[:place], values[name]]
        rest = rest[place + len(name) :]
    return "".join(parts) + rest


def text_of(value: Any) -> str:
    """A value as it stands in an argument: text as it is, all else as JSON."""
    return value if isinstance(value, str) else json.dumps(value)
