"""``--format``: records as somebody wants them, ``{id} {name:>12}`` or ``csv``.

The fields are those of ``--json``. A number takes a format of Python (``{cpus:.1f}``), a time one of
strftime as well (``{started:%H:%M}``).
"""

import re
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from labd.cli import suggest
from labd.cli.render import safe
from labd.errors import UsageError

Record = dict[str, Any]

CSV = "csv"
"""The format that prints every field, separated by commas, with a line of their names on top."""

_ESCAPES = {"t": "\t", "n": "\n", "\\": "\\"}
_MOMENT = re.compile("%[A-Za-z]")


class Part(NamedTuple):
    """Text as it stands, and the field that follows it; ``a.b`` is field ``b`` of the map ``a``."""

    text: str
    field: str | None
    spec: str


class Template:
    """One line, or some, for each record. Raises ValueError for braces that do not fit."""

    def __init__(self, text: str) -> None:
        from string import Formatter

        told = re.sub(r"\\([tn\\])", lambda found: _ESCAPES[found[1]], text)
        self._parts: list[Part] = []
        for literal, field, spec, conversion in Formatter().parse(told):
            if field == "" or conversion:
                raise ValueError("between braces stands the name of a field, as in {id} or {name:>12}")
            self._parts.append(Part(literal, field, spec or ""))
        if not any(part.field for part in self._parts):
            raise ValueError("it names no field: write one in braces, as in {id}, or csv")

    def lines(self, records: Iterable[Record]) -> Iterator[str]:
        """The text of each record. Raises UsageError for a field that a record has not."""
        for record in records:
            yield "".join([part.text + _filled(part, record) for part in self._parts])


class Csv:
    """Comma-separated values, as RFC 4180 has them; the first record says which fields there are."""

    def lines(self, records: Iterable[Record]) -> Iterator[str]:
        """The names of the fields, then each record; nothing for no records."""
        fields: list[str] = []
        for record in records:
            if not fields:
                fields = list(record)
                yield _row(fields)
            yield _row([text_of(record.get(field)) for field in fields])


def _row(values: list[str]) -> str:
    import csv
    from io import StringIO

    out = StringIO()
    csv.writer(out, lineterminator="").writerow(values)
    return out.getvalue()


def _filled(part: Part, record: Record) -> str:
    if part.field is None:
        return ""
    value = _value(part.field, record)
    try:
        return _formatted(value, part.spec)
    except (ValueError, TypeError, OverflowError, OSError) as error:
        if value is None:
            return ""
        raise UsageError(f"--format {{{part.field}:{part.spec}}}: {error}") from None


def _value(path: str, record: Record) -> Any:
    """What a field holds; nothing where a map in it lacks the key. Raises UsageError for no such field."""
    first, *rest = path.split(".")
    if first not in record:
        near = suggest.hint(first, record)
        known = f"fields: {', '.join(record)}"
        raise UsageError(f"--format: there is no field {first}", hint=f"{near}\n{known}".strip())
    value = record[first]
    for key in rest:
        value = value.get(key) if isinstance(value, dict) else None
    return value


def _formatted(value: Any, spec: str) -> str:
    if isinstance(value, int | float) and not isinstance(value, bool) and spec:
        if _MOMENT.search(spec):
            from time import localtime, strftime

            return strftime(spec, localtime(value))
        return format(value, spec)
    return format(text_of(value), spec)


def text_of(value: Any) -> str:
    """A value as one word of text: nothing for null, a list with commas, a map as JSON."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() else repr(value)
    if isinstance(value, list | tuple):
        return ",".join(map(text_of, value))
    if isinstance(value, dict):
        from labd.cli.output import encode

        return encode(value)
    return safe(str(value))
