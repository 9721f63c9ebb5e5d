"""A plugin as the daemon's own registry takes it, and what that says of a wrong one."""

import inspect
import re
from collections.abc import Callable, Mapping
from importlib.metadata import entry_points
from types import ModuleType
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from labd.config import load
from labd.config.origins import Source
from labd.config.plugins import check_plugin as check_settings
from labd.daemon.plugin_record import PluginRecord
from labd.daemon.plugins import GROUP, Found
from labd.daemon.registry import CheckSettings, Registry

if TYPE_CHECKING:
    from labd.testing.node import Node


class Plugged(NamedTuple):
    """A plugin that was taken: what is known of it, its node, and the registry that has its offers."""

    record: PluginRecord
    node: "Node"
    registry: Registry


def check_plugin(
    plugin: object, name: str = "", *, settings: Mapping[str, Any] | None = None
) -> PluginRecord:
    """Let the registry load *plugin*, and return what ``labctl plugins`` would show of it.

    *plugin* is its module, or the object that its entry point names. *settings* stand for
    ``[plugins.NAME]``. *name* is that of the entry point; left out, it is looked up where the plugin is
    installed, and else the name of its package without ``labd_``.

    Raises AssertionError with the registry's words for a plugin that would not be ``loaded``: a hook
    that does not exist or takes something else, one that is async or unmarked, wrong settings, an offer
    that is none, a plugin API that is newer than labd's.
    """
    from labd.testing.node import Node

    return plug_in(plugin, name, from_table(settings or {}), Node).record


def plug_in(
    plugin: object, name: str, settings: CheckSettings, make: Callable[[str, Any], "Node"]
) -> Plugged:
    """Load *plugin* and collect what it offers, on the node that ``make(name, config)`` gives.

    Raises AssertionError for a plugin that would not be loaded.
    """
    name = name or name_of(plugin)
    registry = Registry(strict=False)
    found = Found(name, _module_of(plugin), "the plugin under test", "", lambda: plugin)
    registry.load([found], settings)
    record = _loaded(registry, name)
    node = make(name, registry.settings.get(name))
    registry.collect(lambda name, settings: node)
    _loaded(registry, name)
    node.kinds.update({kind.name: kind for _, kind in registry.kinds})
    return Plugged(record, node, registry)


def name_of(plugin: object) -> str:
    """The name under which *plugin* is installed, else what its package is called without ``labd_``."""
    module = _module_of(plugin)
    for entry in entry_points(group=GROUP):
        if entry.value.partition(":")[0].strip() == module:
            return entry.name
    return module.partition(".")[0].removeprefix("labd_")


def _module_of(plugin: object) -> str:
    if isinstance(plugin, ModuleType):
        return plugin.__name__
    return inspect.getmodule(plugin if inspect.isclass(plugin) else type(plugin)).__name__  # type: ignore[union-attr]


def from_table(settings: Mapping[str, Any]) -> CheckSettings:
    """The settings of a plugin whose table in the configuration is *settings*."""

    def check(name: str, struct: type[msgspec.Struct] | None) -> Any:
        tree = {"plugins": {name: msgspec.to_builtins(dict(settings), str_keys=True)}}
        source = Source("file", "the settings of the test", tree)
        return check_settings(name, struct, load()._replace(sources=(source,)))

    return check


def _loaded(registry: Registry, name: str) -> PluginRecord:
    record = registry.record(name)
    if not record.loaded:
        raise AssertionError(f"labctl plugins would call {name} {record.state}: {_plain(record.error)}")
    return record


def _plain(error: str) -> str:
    """The words without the address of the plugin's object, which pluggy puts there."""
    return re.sub(r" from '[^']*'", "", error)
