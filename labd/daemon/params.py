"""Checks what a client sent for a method, and says what is wrong with it: name, value, what was expected."""

import re
from difflib import get_close_matches
from types import UnionType
from typing import Annotated, Any, TypeVar, Union, get_args, get_origin

import msgspec

from labd.errors import UsageError

T = TypeVar("T")
Struct = type[msgspec.Struct]

SHOWN = 60
"""Characters of a wrong value that are shown."""

_PLACE = re.compile(r" - at `(?:key in )?\$\.?([^`]*)`$")
_STEP = re.compile(r"[^.\[\]]+|\[\d+\]|\[\.\.\.\]")


def checked(method: str, params: dict[str, Any], to: type[T]) -> T:
    """*params* as the struct that *method* takes. Raises UsageError."""
    try:
        return msgspec.convert(params, to)
    except msgspec.ValidationError as error:
        text = str(error)
    found = _PLACE.search(text)
    steps = _STEP.findall(found[1]) if found else []
    what, shown = text[: found.start()] if found else text, _shown(params, steps)
    subject = f"{found[1]}{shown}: " if found and found[1] else ""
    raise UsageError(
        f"{method}: {subject}{what[:1].lower()}{what[1:]}",
        hint=_hint(method, what, _struct_at(to, steps if "field `" in what else [])),
    )


def _shown(params: Any, steps: list[str]) -> str:
    """`` = VALUE``, or nothing where the place is not exact or holds many."""
    value = params
    for step in steps:
        try:
            value = value[int(step[1:-1])] if step[0] == "[" else value[step]
        except (KeyError, IndexError, TypeError, ValueError):
            return ""
    if isinstance(value, dict):
        return ""
    text = repr(value)
    return f" = {text if len(text) <= SHOWN else text[: SHOWN - 4] + ' ...'}"


def _hint(method: str, what: str, struct: Any) -> str:
    """The name that was meant, else the names that there are; for a wrong value where all is described."""
    if struct is None or ("field `" not in what and "." in method):
        return f"labctl methods {method} shows what it takes"
    names = [field.encode_name for field in msgspec.structs.fields(struct)]
    wrong = what.split("`")[1]
    near = get_close_matches(wrong, names, 1) if "unknown" in what else []
    if near:
        return f"did you mean {near[0]}?"
    return f"{method} takes: {', '.join(names) or 'nothing'}"


def _struct_at(kind: Any, steps: list[str]) -> Struct | None:
    """The struct type at the end of *steps* from the type *kind*, if there is one."""
    struct = _struct_in(kind)
    for step in steps:
        if struct is None or step[0] == "[":
            return None
        inner = {field.encode_name: field.type for field in msgspec.structs.fields(struct)}
        struct = _struct_in(inner.get(step))
    return struct


def _struct_in(kind: Any) -> Struct | None:
    """The struct type in an annotation, such as ``Annotated[Spec, ...] | None``."""
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        return kind
    if get_origin(kind) in (Annotated, Union, UnionType):
        return next((found for part in get_args(kind) if (found := _struct_in(part))), None)
    return None
