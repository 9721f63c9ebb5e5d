"""What the type of a setting says: its members, units, bounds, and in words what is accepted.

Settings are fields of :class:`msgspec.Struct`; ``Meta(extra=...)`` carries what msgspec does not know:
``unit`` (``bytes`` or ``seconds``: the value may be text such as ``"8G"`` or ``"1h30m"``), ``wanted`` (what
is accepted, in words), ``unique`` (the items of a list must differ) and ``restart`` (a running daemon
cannot take up a change).
"""

import types
import typing
from collections.abc import Iterator
from typing import Annotated, Any, NamedTuple

import msgspec
from msgspec import Meta

from labd.config.secrets import Secret, is_reference
from labd.units import format_bytes, format_seconds

TEN_YEARS = 315_360_000.0
LISTS = (list, tuple, set, frozenset)


def size(low: int = 0, high: int = 2**60) -> Meta:
    """For ``Annotated[int, size()]``: bytes, from *low* to *high*."""
    return Meta(ge=low, le=high, extra={"unit": "bytes"})


def seconds(low: float = 0.0, high: float = TEN_YEARS) -> Meta:
    """For ``Annotated[float, seconds()]``: a duration, from *low* to *high* seconds."""
    return Meta(ge=low, le=high, extra={"unit": "seconds"})


Bytes = Annotated[int, size()]
Seconds = Annotated[float, seconds()]


def format_unit(unit: str, value: float) -> str:
    """*value* bytes or seconds, as text that reads back unchanged."""
    return format_bytes(int(value)) if unit == "bytes" else format_seconds(value)


class Member(NamedTuple):
    """One alternative of a type, without its ``Annotated``."""

    base: Any
    metas: tuple[Meta, ...] = ()

    @property
    def origin(self) -> Any:
        return typing.get_origin(self.base) or self.base

    @property
    def arguments(self) -> tuple[Any, ...]:
        return typing.get_args(self.base)

    def bound(self, name: str) -> Any:
        return next((v for meta in self.metas if (v := getattr(meta, name)) is not None), None)

    def extra(self, name: str) -> Any:
        return next((meta.extra[name] for meta in self.metas if meta.extra and name in meta.extra), None)

    @property
    def is_struct(self) -> bool:
        return isinstance(self.origin, type) and issubclass(self.origin, msgspec.Struct)

    @property
    def has_parts(self) -> bool:
        """Whether a value is a table whose values have types of their own."""
        return self.is_struct or (self.origin is dict and bool(self.arguments))

    @property
    def item(self) -> Any:
        """The type of every item of a list, or None when this is no list of one type."""
        if self.origin not in LISTS or not self.arguments:
            return None
        fixed = self.origin is tuple and self.arguments[1:] != (...,)
        return None if fixed else self.arguments[0]


def unwrap(annotation: Any) -> Member:
    """*annotation* without its outer ``Annotated``."""
    metas: list[Meta] = []
    while typing.get_origin(annotation) is Annotated:
        annotation, *found = typing.get_args(annotation)
        metas += [meta for meta in found if isinstance(meta, Meta)]
    return Member(annotation, tuple(metas))


def members(annotation: Any) -> list[Member]:
    """The alternatives of *annotation*: one, unless it is a union."""
    whole = unwrap(annotation)
    if whole.origin not in (typing.Union, types.UnionType):
        return [whole]
    return [member for part in whole.arguments for member in members(part)]


def description(annotation: Any) -> str:
    """What the setting means."""
    return unwrap(annotation).bound("description") or ""


def holds_secret(annotation: Any) -> bool:
    """Whether a value of this type is, or may contain, a secret."""
    return any(part is Secret for part in _parts(annotation))


def accepts_text(annotation: Any) -> bool:
    return any(member.base in (str, Secret) for member in members(annotation))


def branch(annotation: Any, raw: Any) -> Member | None:
    """The alternative whose parts are to be looked at one by one, if there is exactly one."""
    options = members(annotation)
    tables = [option for option in options if option.has_parts]
    if len(options) == 1 and tables:
        return options[0]
    if isinstance(raw, dict):
        options = [] if accepts_text(annotation) and is_reference(raw) else tables
    elif isinstance(raw, list):
        options = [option for option in options if option.item is not None]
    else:
        return None
    return options[0] if len(options) == 1 else None


def _parts(annotation: Any, seen: tuple[Any, ...] = ()) -> Iterator[Any]:
    for member in members(annotation):
        yield member.base
        if member.is_struct and member.base not in seen:
            for field in msgspec.structs.fields(member.base):
                yield from _parts(field.type, (*seen, member.base))
        for argument in member.arguments:
            yield from _parts(argument, seen)
