"""What is known of one plugin: what ``labctl plugins`` prints."""

from typing import Any, Literal

import msgspec

PluginState = Literal["found", "loaded", "disabled", "failed", "incompatible"]


class PluginRecord(msgspec.Struct, kw_only=True):
    """One plugin. ``found`` is never seen from outside: loading ends in one of the other states.

    ``error`` is one line saying why a plugin is not loaded, or empty; the traceback is in the log.
    ``names`` are what else the names of its methods and events begin with.
    ``distribution`` is what ``pip`` calls the package it came in, ``labd`` for built-in ones.
    """

    name: str
    version: str = ""
    distribution: str = ""
    api: int | None = None
    module: str = ""
    hooks: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    state: PluginState = "found"
    error: str = ""

    @property
    def loaded(self) -> bool:
        return self.state == "loaded"

    def describe(self) -> dict[str, Any]:
        """The record as it travels; keys are only ever added."""
        plain: dict[str, Any] = msgspec.to_builtins(self)
        return plain
