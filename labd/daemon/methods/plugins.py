"""``plugin.*``: what is plugged in, and changing it."""

from collections.abc import Awaitable, Callable
from typing import Any

import msgspec

from labd.api import LABD_API
from labd.api.methods import Call, Method, Role
from labd.config import plugin_settings
from labd.daemon import plugin_figures
from labd.daemon.plugin_record import PluginRecord
from labd.daemon.plugin_steps import Step
from labd.daemon.plugin_switch import Switchboard
from labd.errors import Conflict

Changing = Callable[..., Awaitable[list[Step]]]
"""A change of the switchboard."""


class Which(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    plugin: str


class Change(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    plugin: str
    dry_run: bool = False


class Trace(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    plugin: str
    on: bool


class PluginMethods:
    """The handlers."""

    def __init__(self, switchboard: Switchboard) -> None:
        self._switch = switchboard

    def all(self) -> list[Method]:
        return [
            Method("plugin.list", self.list, doc="Every plugin that was found, and how it fares."),
            Method("plugin.hooks", self.hooks, doc="Every hook, and the plugins that use it."),
            Method("plugin.config", self.config, Which, Role.ADMIN, "The settings of a plugin."),
            Method("plugin.enable", self.enable, Change, Role.ADMIN, "Load a plugin, until labd ends."),
            Method("plugin.disable", self.disable, Change, Role.ADMIN, "Withdraw a plugin, until labd ends."),
            Method(
                "plugin.reload", self.reload, Change, Role.ADMIN, "Read a plugin's code and settings again."
            ),
            Method("plugin.trace", self.trace, Trace, Role.ADMIN, "Log what a plugin does, or stop that."),
        ]

    async def list(self, call: Call, ask: object) -> dict[str, Any]:
        return {"api": LABD_API, "plugins": [self._described(one) for one in self._switch.registry.records]}

    async def hooks(self, call: Call, ask: object) -> dict[str, Any]:
        return {"hooks": plugin_figures.hooks(self._switch.registry.records)}

    async def config(self, call: Call, ask: Which) -> dict[str, Any]:
        record, plug = self._switch.registry.record(ask.plugin), self._switch.registry.plug(ask.plugin)
        if plug is None:
            raise Conflict(f"plugin {ask.plugin} is {record.state}: its settings are not known")
        loaded = self._switch.configured(ask.plugin)
        return {"plugin": ask.plugin, "settings": plugin_settings(ask.plugin, plug.settings_type, loaded)}

    async def enable(self, call: Call, ask: Change) -> dict[str, Any]:
        return await self._change(call, ask, self._switch.enable)

    async def disable(self, call: Call, ask: Change) -> dict[str, Any]:
        return await self._change(call, ask, self._switch.disable)

    async def reload(self, call: Call, ask: Change) -> dict[str, Any]:
        return await self._change(call, ask, self._switch.reload)

    async def trace(self, call: Call, ask: Trace) -> dict[str, Any]:
        record, traced = self._switch.registry.record(ask.plugin), self._switch.wiring.boundary.traced
        (traced.add if ask.on else traced.discard)(ask.plugin)
        return {"plugin": self._described(record)}

    async def _change(self, call: Call, ask: Change, change: Changing) -> dict[str, Any]:
        steps = await change(ask.plugin, call.peer.name, dry_run=ask.dry_run)
        return {
            "plugin": self._described(self._switch.registry.record(ask.plugin)),
            "changed": bool(steps) and not ask.dry_run,
            "would": steps if ask.dry_run else None,
        }

    def _described(self, record: PluginRecord) -> dict[str, Any]:
        wiring = self._switch.wiring
        services = wiring.services(record.name) if record.loaded else []
        trace = record.name in wiring.boundary.traced
        return plugin_figures.describe(record, services, wiring.boundary.tally(record.name), trace=trace)
