"""From what a task returned to lines of results and of errors. Pure."""

import json
from typing import Any, NamedTuple

from labd.dljob.ndjson import dump
from labd.dljob.work import Failure

SHOWN = 2000
"""Characters of a result that is no JSON, in its error."""


class Sorted(NamedTuple):
    """What of one task goes to which file: values that are JSON."""

    results: list[Any]
    errors: list[Any]


def sort(raw: Any, grouped: bool = False) -> Sorted:
    """What a task returned, sorted. None and what is empty counts for nothing; text is JSON, if it can be.

    A list gives a value for each element, unless *grouped*. Raises TypeError for what is no JSON.
    """
    if raw is None or (isinstance(raw, str | list | tuple | dict) and not raw):
        return Sorted([], [])
    value = _read(raw)
    values = value if isinstance(value, list) and not grouped else [value]
    return Sorted([v for v in values if not is_error(v)], [v for v in values if is_error(v)])


def _read(raw: Any) -> Any:
    if not isinstance(raw, str):
        return json.loads(dump(raw))
    try:
        return json.loads(raw, parse_constant=lambda _: None)
    except (ValueError, RecursionError):
        return raw  # plain text, such as "ERROR: no such scene"


def is_error(value: Any) -> bool:
    """Whether a value says that it is an error: text that begins with ERROR, a true ``ERROR`` in a map."""
    if isinstance(value, str):
        return value.startswith("ERROR")
    return isinstance(value, dict) and bool(value.get("ERROR"))


def of_failure(index: int, failure: Failure, args: Any, kwargs: Any) -> dict[str, Any]:
    """The error-result of a task that raised an exception, or did not live to raise one."""
    said = f"{failure.type}: {failure.message}" if failure.message else failure.type
    found = {"ERROR": said, "ARGS": _shown(args), "KWARGS": _shown(kwargs), "TASK": index}
    return {**found, "TRACEBACK": failure.traceback} if failure.traceback else found


def of_no_json(index: int, raw: Any, error: Exception, args: Any, kwargs: Any) -> dict[str, Any]:
    """The error-result of a task whose result is no JSON: as much of it as can be kept."""
    failure = Failure("TypeError", f"the result of task {index} cannot be written as JSON: {error}", "")
    return {**of_failure(index, failure, args, kwargs), "RESULT": repr(raw)[:SHOWN]}


def brief(value: Any) -> Any:
    """An error-result without its traceback, for where that is shown beside it."""
    if isinstance(value, dict):
        return {key: item for key, item in value.items() if key != "TRACEBACK"}
    return value


def _shown(value: Any) -> Any:
    try:
        return json.loads(dump(value))
    except TypeError:
        return repr(value)[:SHOWN]
