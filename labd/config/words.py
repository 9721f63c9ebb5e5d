"""What a setting accepts, in words, and the names that are near a wrong one."""

import difflib
import enum
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any, Literal

from labd.config.annotations import Member, format_unit, members, unwrap
from labd.config.render import toml_text
from labd.config.secrets import Secret

_PLAIN = {
    str: "text",
    bool: "true or false",
    type(None): '"none"',
    Secret: 'text, or { env = "NAME" }, { file = "PATH" } or { credential = "NAME" }',
}
_EXAMPLES = {
    "bytes": 'a size (bytes, or text such as "8G")',
    "seconds": 'a time (seconds, or text such as "1h30m")',
}


def accepted(annotation: Any) -> str:
    """What a value of *annotation* must be: ``a whole number from 1 to 9``. Empty when there are no words."""
    whole = unwrap(annotation)
    if wanted := whole.extra("wanted"):
        return str(wanted)
    phrases = list(dict.fromkeys(_phrase(member) for member in members(annotation)))
    return " or ".join(phrases) if all(phrases) else ""


def must_be(annotation: Any, value: Any, error: Exception, *, hide: bool) -> str:
    """What to say about a *value* that was refused with *error*; *hide*: without showing any of it."""
    words = accepted(annotation)
    of_parts = isinstance(value, dict) and any(member.is_struct for member in members(annotation))
    if not words or of_parts:
        return "is not what the setting takes" if hide else str(error)
    near = "" if hide else nearest_choice(annotation, value)
    return f"must be {words}" + (f'; did you mean "{near}"?' if near else "")


def _phrase(member: Member) -> str:
    if wanted := member.extra("wanted"):
        return str(wanted)
    if member.base in _PLAIN:
        return _PLAIN[member.base] + _form(member)
    if unit := member.extra("unit"):
        return _EXAMPLES[unit] + _range(member, partial(format_unit, unit))
    if member.base in (int, float):
        return ("a whole number" if member.base is int else "a number") + _range(member, str)
    return _compound(member)


def _compound(member: Member) -> str:
    if names := choices(member):
        return ("one of " if len(names) > 1 else "") + ", ".join(toml_text(name) for name in names)
    if member.item is not None:
        inner = accepted(member.item)
        return f"a list{_form(member)}, each item {inner}" if inner else ""
    return "a table" if member.is_struct or member.origin is dict else ""


def _form(member: Member) -> str:
    shortest, longest, pattern = (member.bound(name) for name in ("min_length", "max_length", "pattern"))
    parts = [("at least", shortest), ("at most", longest)]
    said = " and ".join(f"{words} {bound}" for words, bound in parts if bound is not None)
    unit = "characters" if member.base in (str, Secret) else "items"
    return (f" of {said} {unit}" if said else "") + (f" that matches {pattern}" if pattern else "")


def _range(member: Member, show: Callable[[Any], str]) -> str:
    low, high, above, below = (member.bound(name) for name in ("ge", "le", "gt", "lt"))
    if low is not None and high is not None:
        return f" from {show(low)} to {show(high)}"
    parts = [("at least", low), ("at most", high), ("more than", above), ("less than", below)]
    said = " and ".join(f"{words} {show(bound)}" for words, bound in parts if bound is not None)
    return f" of {said}" if said else ""


def choices(member: Member) -> list[Any]:
    """The values that a Literal or an Enum allows."""
    if member.origin is Literal:
        return list(member.arguments)
    if isinstance(member.base, type) and issubclass(member.base, enum.Enum):
        return [item.value for item in member.base]
    return []


def nearest_choice(annotation: Any, value: object) -> str:
    """The allowed word that *value* was probably meant to be, or nothing."""
    words = [word for member in members(annotation) for word in choices(member) if isinstance(word, str)]
    return nearest(value, words) if isinstance(value, str) else ""


def nearest(name: str, names: Iterable[str]) -> str:
    """The one of *names* that is most like *name*, or nothing."""
    by_folded = {known.lower(): known for known in names}
    found = difflib.get_close_matches(name.lower(), by_folded, n=1, cutoff=0.6)
    return by_folded[found[0]] if found else ""
