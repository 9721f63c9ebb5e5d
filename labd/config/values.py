"""One value as it was written -> the plain value that the type of its setting wants."""

import math
from collections.abc import Mapping
from typing import Any

from labd.config.annotations import Member, accepts_text, holds_secret, members
from labd.config.origins import Source
from labd.config.secrets import BadSecret, Secret, is_reference, resolve
from labd.config.words import choices
from labd.units import parse_bytes, parse_seconds

_UNITS = {"bytes": parse_bytes, "seconds": parse_seconds}
_INSTEAD = 'read it from { env = "NAME" }, { file = "PATH" } or { credential = "NAME" }'
_WORDY = {str, Secret, type(None)}


class BadValue(Exception):
    """A value that cannot be read; says why."""


class Reader:
    """Reads values of one source; ``via`` is the reference that the last one came through."""

    def __init__(self, source: Source, env: Mapping[str, str]) -> None:
        self.via = ""
        self._source = source
        self._env = env

    def plain(self, annotation: Any, raw: Any, *, whole: bool) -> Any:
        """*raw* with references, units and ``"none"`` read; *whole*: it is all that its source says.

        Raises BadValue, BadSecret.
        """
        options = members(annotation)
        if isinstance(raw, float) and not math.isfinite(raw):
            raise BadValue("must be a finite number")
        if isinstance(raw, dict) and is_reference(raw) and accepts_text(annotation):
            return self._resolved(raw) if any(o.base is str for o in options) else raw
        text = self._source.text
        if whole and text is not None and not isinstance(raw, (str, dict)) and _only_words(options):
            return text
        return _from_text(options, raw) if isinstance(raw, str) else raw

    def custom(self, kind: type, raw: Any) -> Any:
        """msgspec's ``dec_hook``: makes a Secret of text or of a reference. Raises BadSecret."""
        if isinstance(raw, kind):
            return raw
        if kind is not Secret:
            raise TypeError(f"settings cannot be of type {kind.__name__}")
        if is_reference(raw):
            return Secret(self._resolved(raw))
        if not isinstance(raw, str):
            raise TypeError("not a secret")
        if not self._source.private:
            raise BadSecret(open_secret(self._source))
        if self._source.kind == "option":
            raise BadSecret(f"is a secret on a command line, which every user can read: {_INSTEAD}")
        return Secret(raw)

    def _resolved(self, reference: dict[str, Any]) -> str:
        text = resolve(reference, self._env, self._source.folder)
        [(kind, name)] = reference.items()
        self.via = f"{kind} {name}"
        return text


def open_secret(source: Source) -> str:
    """What to say about a secret that stands in a file which others can read."""
    return f"is a secret in a file that others can read: chmod 600 {source.name}, or {_INSTEAD}"


def _only_words(options: list[Member]) -> bool:
    """Whether the setting takes text alone, so that ``123`` in a variable is meant as text."""
    bases = {option.base for option in options}
    return bases <= _WORDY and bases != {type(None)}


def _from_text(options: list[Member], raw: str) -> Any:
    if any(option.base is str or raw in choices(option) for option in options):
        return raw
    if raw == "none" and any(option.base is type(None) for option in options):
        return None
    if unit := next((unit for option in options if (unit := option.extra("unit"))), None):
        try:
            return _UNITS[unit](raw)
        except ValueError:
            return raw  # the message for a wrong type names the unit and the range
    return raw


def is_private(annotation: Any, raw: Any) -> bool:
    """Whether *raw*, or what it leads to, must not be shown."""
    return holds_secret(annotation) or (isinstance(raw, dict) and accepts_text(annotation))
