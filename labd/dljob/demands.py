"""What the tasks of a job need besides their arguments: packages, files, and limits."""

import os
from collections.abc import Callable, Mapping
from difflib import get_close_matches
from typing import Any

from labd.errors import UsageError
from labd.units import parse_bytes, parse_seconds

_UNUSED = ("minimum_concurrency", "minimum_seconds")
"""Of the service: how long it kept workers. labd decides that itself."""


def _bytes(text: str) -> int:
    return parse_bytes(f"{text}B" if text.endswith("i") else text)  # the service wrote 2Gi for 2GiB


_LIMITS: dict[str, tuple[str, Callable[[str], float]]] = {
    "memory": ("memory", _bytes),
    "maximum_concurrency": ("concurrency", int),
    "task_timeout": ("time_limit", parse_seconds),
    "retry_count": ("retries", int),
}


def limits(task_kwargs: Mapping[str, Any]) -> dict[str, Any]:
    """The limits in *task_kwargs*, by the names of :class:`~labd.dljob.work.Work`. Raises UsageError."""
    found: dict[str, Any] = {}
    for key, value in task_kwargs.items():
        if key in _LIMITS:
            name, parse = _LIMITS[key]
            found[name] = _parsed(key, value, parse)
        elif key not in _UNUSED:
            known = [*_LIMITS, *_UNUSED]
            near = get_close_matches(key, known, n=1)
            hint = f"did you mean `{near[0]}`?" if near else f"there are: {', '.join(known)}"
            raise UsageError(f"task_kwargs: there is no {key}", hint=hint)
    return found


def _parsed(key: str, value: Any, parse: Callable[[str], float]) -> float:
    try:
        number = parse(str(value))
    except ValueError as error:
        raise UsageError(f"task_kwargs: {key} cannot be {value!r}: {error}") from None
    if number < 0:
        raise UsageError(f"task_kwargs: {key} cannot be {value!r}: it is below zero")
    return number


def texts(name: str, value: Any) -> tuple[str, ...]:
    """A list of texts, or one, or None. Raises UsageError."""
    if value is None:
        return ()
    found = (value,) if isinstance(value, str) else value
    if not isinstance(found, list | tuple) or not all(isinstance(text, str) for text in found):
        raise UsageError(f"{name} cannot be {value!r}", hint="give a list of texts")
    return tuple(found)


def requirements(value: Any) -> tuple[str, ...]:
    """Requirements as pip takes them: a list, one, the path of a file or of its folder. Raises UsageError."""
    if not isinstance(value, str):
        return texts("requirements", value)
    path = os.path.join(value, "requirements.txt") if os.path.isdir(value) else value
    if not (path.endswith(".txt") or os.path.isfile(path)):
        return (value,)
    try:
        with open(path, encoding="utf-8") as file:
            lines = [line.partition(" #")[0].strip() for line in file]
    except OSError as error:
        raise UsageError(f"requirements: {path}: {error.strerror}") from error
    return tuple(line for line in lines if line and not line.startswith("#"))
