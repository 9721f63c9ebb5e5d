"""Whether something imported is a plugin that this labd can run."""

import difflib
import inspect
import re
import sys
from typing import Any

import pluggy

from labd.api import LABD_API
from labd.api.hookspecs import LabdHooks

HOOKS = tuple(name for name in vars(LabdHooks) if name.startswith("labd_"))
"""Every hook, in the order in which labd calls them."""

RESERVED = frozenset(
    {"labd", "job", "event", "plugin", "daemon", "service", "notify", "blob", "http"}
    | {"enabled", "disabled", "strict", "uploads", "gpus"}
    | {
        "store",
        "healer",
        "snapshots",
        "watchdog",
        "watcher",
        "launcher",
        "shims",
        "sampler",
        "jobs",
        "notices",
        "server",
    }
)
"""Names under which labd's own methods, services and settings go."""


class Incompatible(Exception):
    """The plugin was written for another labd."""


def check_name(name: str) -> None:
    """Refuse a name that could not be a configuration table and the start of a method's name."""
    if not re.fullmatch(r"[a-z][a-z0-9_-]{0,63}", name):
        raise ValueError(f"{name!r} is no name for a plugin: small letters, digits, - and _ make one")
    if name in RESERVED:
        raise ValueError(f"the name {name!r} is reserved for labd itself")


def api_of(plugin: object, module: str) -> int:
    """The ``LABD_API`` of a plugin or of the module it came from; the present one if none is given."""
    wanted = getattr(plugin, "LABD_API", getattr(sys.modules.get(module), "LABD_API", LABD_API))
    if not isinstance(wanted, int):
        raise TypeError(f"LABD_API is {wanted!r}, not a whole number")
    return wanted


def check_api(wanted: int, *, strict: bool = False) -> None:
    """Refuse a plugin that needs a newer labd; *strict* refuses an older API too. Raises Incompatible."""
    if wanted > LABD_API:
        raise Incompatible(f"needs plugin API {wanted}, this labd offers {LABD_API}")
    if strict and wanted < LABD_API:
        raise Incompatible(f"was written for plugin API {wanted}, which {LABD_API} has replaced")


def names_of(plugin: object) -> tuple[str, ...]:
    """The names that *plugin* states as ``LABD_NAMES``, checked."""
    names = getattr(plugin, "LABD_NAMES", ())
    if not isinstance(names, tuple) or not all(isinstance(name, str) for name in names):
        raise TypeError(f"LABD_NAMES is {names!r}, not a tuple of texts")
    for name in names:
        check_name(name)
    return names


def hooks_of(manager: pluggy.PluginManager, plugin: object) -> tuple[str, ...]:
    """The hooks that a registered *plugin* implements. Raises for misspelt, unmarked and async ones."""
    callers = manager.get_hookcallers(plugin) or []
    for caller in callers:
        if not caller.has_spec():
            raise AttributeError(f"there is no hook {caller.name}{_meant(caller.name)}")
        _refuse_async(caller, plugin)
    names = {caller.name for caller in callers}
    for name in HOOKS:
        if name not in names and callable(getattr(plugin, name, None)):
            raise AttributeError(f"{name} is not marked with @hookimpl")
    return tuple(name for name in HOOKS if name in names)


def _meant(name: str) -> str:
    close = difflib.get_close_matches(name, HOOKS, n=1)
    return f"; did you mean {close[0]}?" if close else f"; there are {', '.join(HOOKS)}"


def _refuse_async(caller: Any, plugin: object) -> None:
    for implementation in caller.get_hookimpls():
        if implementation.plugin is plugin and inspect.iscoroutinefunction(implementation.function):
            raise TypeError(f"{caller.name} is async; hooks are plain functions")
