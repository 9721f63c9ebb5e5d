"""The arguments of a job's tasks, from all the forms in which they are given."""

from collections.abc import Iterable, Sequence
from pathlib import PurePath
from typing import Any, NamedTuple

from labd.dljob import load, ndjson
from labd.errors import UsageError

ENDINGS = (".ndjson", ".jsonl")


class Calls(NamedTuple):
    """Positional and keyword arguments, one entry a task."""

    args_list: Sequence[Sequence[Any]]
    kwargs_list: Sequence[dict[str, Any]] | None


def many(args_list: Any) -> Calls | None:
    """The tasks of an ``args_list``: each element is the one argument of a task. None when there are none.

    A number is a range, ``[range(n)]`` too, a path is a file of ndjson. Raises UsageError, which names a
    broken line.
    """
    elements = [[element] for element in _elements(args_list)]
    return Calls(elements, None) if elements else None


def _elements(given: Any) -> Iterable[Any]:
    if isinstance(given, str | PurePath):
        return _of_file(str(given))
    if isinstance(given, int):
        return range(given)
    if isinstance(given, list | tuple) and len(given) == 1 and isinstance(given[0], range):
        return given[0]
    if isinstance(given, Iterable) and not isinstance(given, dict | bytes):
        return given
    raise UsageError(
        f"args_list cannot be {type(given).__name__}",
        hint="give a list, a number, a range, or the path of a file of ndjson",
    )


def _of_file(path: str) -> Iterable[Any]:
    if path.isdecimal():  # a number from a command line
        return range(int(path))
    if not path.endswith(ENDINGS):
        hint = f"its name ends in {' or '.join(ENDINGS)}"
        raise UsageError(f"args_list: {path!r} is no file of ndjson", hint=hint)
    try:
        return ndjson.read(path)
    except OSError as error:
        raise UsageError(f"args_list: {path}: {error.strerror}") from error


def one(module: str, function: str, args: Sequence[Any], kwargs: dict[str, Any]) -> Calls:
    """The single task of a job. Raises UsageError.

    ``args=[...]`` and ``kwargs={...}`` are its arguments, unless the function has parameters of these names.
    """
    wrapped = [
        name
        for name, kind in (("args", list | tuple), ("kwargs", dict))
        if isinstance(kwargs.get(name), kind)
    ]
    if wrapped and not load.takes(module, function, *wrapped):
        rest = {key: value for key, value in kwargs.items() if key not in wrapped}
        args = [*args, *(kwargs["args"] if "args" in wrapped else ())]
        kwargs = rest | (kwargs["kwargs"] if "kwargs" in wrapped else {})
    return Calls([args], [kwargs])
