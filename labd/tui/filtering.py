"""What a filter says: words and ``field:value``, all of which must hold. Pure.

``train user:ada state:failed``, ``!done`` (not), ``prio>5``, ``gpus>0``.
"""

import re
from collections.abc import Callable

from labd.tui.rows import JobRow

Test = Callable[[JobRow], bool]

FIELDS = {
    "state": "state", "user": "user", "group": "group", "name": "name", "tag": "tags", "id": "id",
    "prio": "priority", "priority": "priority", "cpus": "cpus", "gpus": "gpus", "attempt": "attempt",
}  # fmt: skip
_TERM = re.compile(r"(!?)(?:([a-z]+)([:<>=]))?(.*)", re.DOTALL)


def parse(text: str) -> list[Test]:
    """The tests of a filter. Raises ValueError that names the field or the number."""
    return [_test(term) for term in text.lower().split()]


def _test(term: str) -> Test:
    found = _TERM.fullmatch(term)
    assert found is not None, "the pattern takes every text"
    no, field, sign, value = found.groups()
    test = _words(value) if field is None else _field(field, sign, value)
    return (lambda row: not test(row)) if no else test


def _words(value: str) -> Test:
    return lambda row: value in row.words


def _field(field: str, sign: str, value: str) -> Test:
    if field not in FIELDS:
        raise ValueError(f"there is no field {field!r}; there are {', '.join(sorted(FIELDS))}")
    name = FIELDS[field]
    if sign in "<>":
        return _compared(field, name, sign, value)
    if name == "tags":
        return lambda row: any(value in tag.lower() for tag in row.tags or ())
    if name in ("id", "priority", "cpus", "gpus", "attempt"):
        return lambda row: f"{getattr(row, name) or 0:g}" == value
    return lambda row: value in getattr(row, name).lower()


def _compared(field: str, name: str, sign: str, value: str) -> Test:
    try:
        bound = float(value)
    except ValueError:
        raise ValueError(f"{field}{sign}{value}: {value!r} is not a number") from None
    if name not in ("id", "priority", "cpus", "gpus", "attempt"):
        raise ValueError(f"{field} is text: write {field}:{value}")
    if sign == ">":
        return lambda row: (getattr(row, name) or 0) > bound
    return lambda row: (getattr(row, name) or 0) < bound
