"""One plugin that was imported: asks its hooks, and keeps what they answered."""

from __future__ import annotations

from typing import Any

import msgspec
import pluggy

from labd.api import Node
from labd.api.hookspecs import LabdHooks
from labd.daemon import offers
from labd.daemon.boundary import Boundary
from labd.daemon.plugin_check import api_of, check_api, check_name, hooks_of, names_of
from labd.daemon.plugin_record import PluginRecord
from labd.daemon.plugins import Found


class Plug:
    """A plugin with a pluggy manager of its own: in a shared one, a wrong one is everybody's problem."""

    def __init__(self, record: PluginRecord, manager: pluggy.PluginManager, boundary: Boundary) -> None:
        self.record = record
        self.settings: Any = None
        self.offer = offers.Offer()
        self._manager = manager
        self._boundary = boundary
        self.settings_type: type[msgspec.Struct] | None = None

    def with_settings(self, settings: Any) -> Plug:
        """The same plugin, yet to be asked what it offers with *settings*."""
        other = Plug(msgspec.structs.replace(self.record), self._manager, self._boundary)
        other.settings_type, other.settings = self.settings_type, settings
        return other

    def ask_settings(self) -> None:
        """Ask which settings it has."""
        self.settings_type = offers.settings_type(self._ask("labd_settings"))

    def ask_offer(self, node: Node) -> offers.Offer:
        """Ask for everything that it offers. Raises what its hooks raise, and WrongOffer."""
        name = self.record.name
        return offers.Offer(
            offers.kinds(name, self._ask("labd_job_kinds", node=node)),
            offers.methods((name, *self.record.names), self._ask("labd_methods", node=node)),
            offers.services(name, self._ask("labd_services", node=node)),
            offers.notifiers(name, self._ask("labd_notifiers", node=node)),
            offers.routes(name, self._ask("labd_http_routes", node=node)),
            offers.loaders(name, self._ask("labd_model_loaders", node=node)),
            offers.metrics(name, self._ask("labd_metrics", node=node)),
        )

    def _ask(self, hook: str, **arguments: Any) -> Any:
        with self._boundary.plain(self.record.name, f"hook {hook}"):
            return getattr(self._manager.hook, hook)(**arguments)


def record_of(found: Found) -> PluginRecord:
    """What is known of a plugin before it is imported."""
    return PluginRecord(
        name=found.name, version=found.version, distribution=found.distribution, module=found.module
    )


def import_plugin(found: Found, record: PluginRecord, boundary: Boundary, *, strict: bool) -> Plug:
    """Import *found*, noting in *record* what is found out. Raises whatever is wrong with it."""
    check_name(found.name)
    plugin = found.load()
    record.api = api_of(plugin, found.module)
    check_api(record.api, strict=strict)
    manager = pluggy.PluginManager("labd")
    manager.add_hookspecs(LabdHooks)
    manager.register(plugin, name=found.name)
    record.hooks = hooks_of(manager, plugin)
    record.names = names_of(plugin)
    plug = Plug(record, manager, boundary)
    plug.ask_settings()
    return plug
