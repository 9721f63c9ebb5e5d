"""Newline-delimited JSON: read, written, and a function over it."""

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from labd.errors import UsageError

File = str | os.PathLike[str]


def dump(value: Any) -> str:
    """*value* as one line of JSON. A number that is not finite becomes null, an array of numpy a list.

    Raises TypeError for what is no JSON.
    """
    try:
        return json.dumps(value, default=_listed, allow_nan=False)
    except ValueError:
        pass  # not finite, or a circle
    try:
        text = json.dumps(value, default=_listed)
    except (ValueError, RecursionError) as error:
        raise TypeError(str(error)) from error
    return json.dumps(json.loads(text, parse_constant=lambda _: None))


def _listed(value: Any) -> Any:
    if hasattr(value, "tolist"):  # of numpy: arrays, and numbers of its own
        return value.tolist()
    raise TypeError(f"{type(value).__name__} is no JSON")


def as_line(value: Any) -> str:
    """:func:`dump`, but for text that is JSON already: that stays what it says."""
    if isinstance(value, str):
        try:
            return dump(json.loads(value))
        except ValueError:
            pass  # plain text
    return dump(value)


def read(path: File) -> list[Any]:
    """Every value in the file at *path*. Raises UsageError that names a broken line, OSError."""
    return list(lines(path))


def lines(path: File) -> Iterator[Any]:
    """The values in the file at *path*, one at a time; empty lines are none. Raises as :func:`read` does."""
    with open(path, "rb") as file:
        for number, line in enumerate(file, start=1):
            if line.strip():
                yield _value(path, number, line)


def _value(path: File, number: int, line: bytes) -> Any:
    try:
        return json.loads(line.strip())
    except (ValueError, RecursionError) as error:
        shown = line[:60].decode(errors="replace").rstrip("\r\n")
        why = f"{error.msg}, column {error.colno}" if isinstance(error, json.JSONDecodeError) else str(error)
        raise UsageError(
            f"{os.fspath(path)}, line {number} is no JSON: {shown!r}: {why}",
            hint="each line of the file is one JSON value",
        ) from None


def write(
    obj: Any, path: File, overwrite: bool = False, func: Callable[..., Any] | None = None, **kwargs: Any
) -> None:
    """Append *obj* as a line to the file at *path*; each of its values when it is an iterator.

    *func* is called with each value, and *kwargs*, first. Folders are made. Raises TypeError for what is no
    JSON, OSError.
    """
    values = obj if isinstance(obj, Iterator) else [obj]
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    with open(path, "w" if overwrite else "a", encoding="utf-8") as file:
        for value in values:
            file.write(as_line(func(value, **kwargs) if func else value) + "\n")


def apply(
    path: File,
    func: Callable[..., Any],
    postprocess: Callable[..., Any] | None = None,
    postprocess_kwargs: dict[str, Any] | None = None,
    **kwargs: Any,
) -> Any:
    """The list of what *func*, with *kwargs*, makes of each value in *path*; then *postprocess* of it."""
    found = [func(value, **kwargs) for value in lines(path)]
    return postprocess(found, **(postprocess_kwargs or {})) if postprocess else found
