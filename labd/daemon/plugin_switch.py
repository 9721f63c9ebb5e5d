"""Plugins at run time: enabled, disabled, reloaded, and given other settings, one change at a time.

A change is prepared first: imported, its settings checked, its hooks asked. Only if all of that is good
does the old one end: its services stop, and then, in one step of the loop, its offers are exchanged for the
new ones. So whoever calls meets the old or the new, and a mistake leaves the old one as it was.
"""

import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import trio

from labd.config import ConfigErrors, Loaded, check_plugin
from labd.daemon.plugin_load import Plug
from labd.daemon.plugin_plan import Plan, draw_up
from labd.daemon.plugin_prepare import Preparation
from labd.daemon.plugin_steps import Step, ending, loading
from labd.daemon.plugins import Found
from labd.daemon.registry import NodeOf, Registry
from labd.daemon.wiring import Wiring
from labd.errors import Conflict, LabdError

log = logging.getLogger("labd.plugins")

RESTART = "a restart of labd ends it; jobs go on"

Tell = Callable[[str, dict[str, Any], str], None]
"""``tell(kind of event, data, actor)``."""


class Switchboard:
    """Changes the plugins of a running daemon.

    *find* looks for installed plugins and *read* reads the configuration, both in a thread. *stopping*
    says why there are to be no more changes, or nothing.
    """

    def __init__(
        self,
        registry: Registry,
        wiring: Wiring,
        node_of: NodeOf,
        loaded: Loaded,
        *,
        find: Callable[[], list[Found]],
        read: Callable[[], Awaitable[Loaded]],
        tell: Tell,
        stopping: Callable[[], str] = lambda: "",
    ) -> None:
        self.registry = registry
        self.wiring = wiring
        self._node_of = node_of
        self._loaded = loaded
        self._sources: dict[str, Loaded] = {}
        self._prepare = Preparation(registry, node_of, find)
        self._read, self._tell, self._stopping = read, tell, stopping
        self._turn = trio.StrictFIFOLock()
        self.up = trio.Event()
        """Set once the services of all plugins have been started."""

    def begin(self) -> None:
        """Ask the plugins that were imported at the start, and plug them in."""
        self.registry.collect(self._node_of)
        for plug in self.registry.plugs:
            self.wiring.offer(plug.record.name, plug.offer)

    def configured(self, name: str) -> Loaded:
        """The configuration from which plugin *name* has its settings."""
        return self._sources.get(name, self._loaded)

    # -- asked by an admin -----------------------------------------------------------------------

    async def enable(self, name: str, actor: str, *, dry_run: bool = False) -> list[Step]:
        """Load plugin *name* until labd ends, whatever the configuration says; no steps when it is loaded.

        Raises NotFound, Conflict in safe mode, ConfigErrors, PluginError.
        """
        async with self._change():
            if self.registry.plug(name):
                return []
            found = await self._prepare.find(name)
            if not dry_run:
                await self._load(found, "plugin.enabled", actor)
            return [loading(found)]

    async def disable(self, name: str, actor: str, *, dry_run: bool = False) -> list[Step]:
        """Withdraw plugin *name* until labd ends; no steps when it is disabled. Raises NotFound, Conflict."""
        async with self._change():
            if self.registry.record(name).state == "disabled":
                return []
            steps = [*ending(self.registry.plug(name)), Step(do="disable", what=f"plugin {name}")]
            if not dry_run:
                await self._withdraw(name, f"disabled by {actor}")
                self._say("plugin.disabled", name, actor)
            return steps

    async def reload(self, name: str, actor: str, *, dry_run: bool = False) -> list[Step]:
        """Read code and settings of plugin *name* again; if any is wrong, the old one goes on.

        A dry run checks the settings, and runs none of the new code. Raises NotFound, Conflict for a
        disabled one, ConfigErrors, PluginError.
        """
        async with self._change():
            record, plug = self.registry.record(name), self.registry.plug(name)
            if record.state == "disabled":
                raise Conflict(
                    f"plugin {name} is disabled: {record.error}", hint=f"labctl plugins enable {name}"
                )
            found = await self._prepare.find(name)
            steps = [*ending(plug), loading(found)]
            if not dry_run:
                await self._load(found, "plugin.reloaded", actor)
            elif plug is not None:
                check_plugin(name, plug.settings_type, await self._read())
            return steps

    # -- asked by a new configuration ------------------------------------------------------------

    @asynccontextmanager
    async def reconfiguring(self, loaded: Loaded) -> AsyncIterator[Plan]:
        """Prepare what *loaded* means for plugins, and carry it out when the body is done.

        Raises ConfigErrors with every mistake of every plugin, and PluginError; then nothing is changed.
        """
        async with self._change():
            plan = await self._planned(loaded)
            yield plan
            self._loaded = loaded
            self._sources.clear()
            self.registry.choice, self.registry.strict = plan.choice, loaded.config.plugins.strict
            await self._carry_out(plan)

    async def _planned(self, loaded: Loaded) -> Plan:
        found = await self._prepare.installed()
        plan = draw_up(self.registry, found, self._loaded, loaded)
        for one in plan.load:
            try:
                plan.ready.append((one, await self._prepare.load(one, loaded)))
            except ConfigErrors as error:
                plan.problems += error.problems
            except Exception as error:
                plan.broken.append((one, error))
        for plug in plan.changed:
            self._prepare.ask(plug)
        if plan.problems:
            raise ConfigErrors(plan.problems)
        return plan

    async def _carry_out(self, plan: Plan) -> None:
        for name, why in plan.withdraw:
            await self._guarded(name, self._withdraw(name, why))
            self._say("plugin.disabled", name, "labd")
        for plug in plan.changed:
            await self._guarded(plug.record.name, self._exchange(plan.found[plug.record.name], plug))
            self._say("plugin.reloaded", plug.record.name, "labd")
        for found, plug in plan.ready:
            await self._guarded(found.name, self._exchange(found, plug))
            self._say("plugin.enabled", found.name, "labd")
        for found, error in plan.broken:
            self.registry.put_failed(found, error.__cause__ or error)
            self._say("plugin.failed", found.name, "labd")
        self.registry.note_missing()

    async def _guarded(self, name: str, change: Awaitable[None]) -> None:
        """One plugin that does not stop keeps no other from its change."""
        try:
            await change
        except LabdError as error:
            log.error("plugin %s: %s", name, error)  # noqa: TRY400 - its record says so too

    # -- steps -----------------------------------------------------------------------------------

    @asynccontextmanager
    async def _change(self) -> AsyncIterator[None]:
        """A turn of one's own; a caller who hangs up meanwhile does not leave a change half done."""
        await self.up.wait()
        async with self._turn:
            if why := self._stopping():
                raise Conflict(f"no plugin is changed any more: {why}")
            with trio.CancelScope(shield=True):
                yield

    async def _load(self, found: Found, event: str, actor: str) -> None:
        loaded = await self._read()
        try:
            plug = await self._prepare.load(found, loaded)
        except LabdError as error:
            if self.registry.plug(found.name) is None:
                self.registry.put_failed(found, error.__cause__ or error)
                self._say("plugin.failed", found.name, actor)
            raise
        await self._exchange(found, plug)
        self._sources[found.name] = loaded
        self._say(event, found.name, actor)

    async def _exchange(self, found: Found, plug: Plug) -> None:
        """End the old one of that name, if there is one, and begin with *plug*. Raises Conflict."""
        old = self.registry.plug(found.name)
        if left := self.wiring.running(plug.offer.services, found.name if old else ""):
            raise Conflict(f"plugin {found.name}: service {', '.join(left)} still runs", hint=RESTART)
        if old:
            await self._end(old, "its plugin is reloaded")
            self.wiring.withdraw(old.offer)  # no await from here to the next offer: nobody finds it missing
        self.wiring.boundary.forget(found.name)
        self.registry.put(found, plug)
        self.wiring.offer(found.name, plug.offer)
        if not self._stopping():
            await self.wiring.start(found.name, plug.offer.services)

    async def _withdraw(self, name: str, why: str) -> None:
        if old := self.registry.plug(name):
            await self._end(old, f"its plugin is {why}")
            self.wiring.withdraw(old.offer)
        self.wiring.boundary.forget(name)
        self.registry.withdraw(name, "disabled", why)
        self._sources.pop(name, None)

    async def _end(self, plug: Plug, reason: str) -> None:
        """Stop its services. What does not stop cannot be begun anew: then the plugin is out of order."""
        name = plug.record.name
        if left := await self.wiring.stop(plug.offer.services, reason):
            error = f"service {', '.join(left)} did not stop in time"
            self.wiring.withdraw(plug.offer)
            self.registry.withdraw(name, "failed", error)
            self._say("plugin.failed", name, "labd")
            raise Conflict(f"plugin {name}: {error}", hint=RESTART)

    def _say(self, event: str, name: str, actor: str) -> None:
        record = self.registry.record(name)
        log.info("%s: %s %s, %s", event, name, record.version, record.error or record.state)
        self._tell(event, {"plugin": name, "release": record.version, "error": record.error}, actor)
