"""Everything that can go wrong with a plugin, before anything of it counts: import, settings, hooks."""

import logging
from collections.abc import Callable

import trio

from labd.config import Loaded, check_plugin
from labd.daemon.faults import PASSING
from labd.daemon.owner import OWNER
from labd.daemon.plugin_load import Plug
from labd.daemon.plugin_modules import imported_anew
from labd.daemon.plugins import Found
from labd.daemon.registry import NodeOf, PluginError, Registry, is_said, said_of
from labd.errors import Conflict, LabdError, NotFound

log = logging.getLogger("labd.plugins")


class Preparation:
    """Makes plugins that are yet to be plugged in. *find* looks for installed ones, in a thread."""

    def __init__(self, registry: Registry, node_of: NodeOf, find: Callable[[], list[Found]]) -> None:
        self._registry = registry
        self._node_of = node_of
        self._find = find

    async def installed(self) -> list[Found]:
        """Every plugin that is installed now."""
        return await trio.to_thread.run_sync(self._find)

    async def find(self, name: str) -> Found:
        """The plugin *name*; of several, that of a distribution which we know.

        Raises NotFound, and Conflict where labd is in safe mode.
        """
        found = [one for one in await self.installed() if one.name == name]
        if not found:
            known = ", ".join(sorted(one.name for one in self._registry.found)) or "none"
            raise NotFound(
                f"no plugin {name!r} is installed", hint=f"pip install it where labd is; there are: {known}"
            )
        if self._registry.choice.safe and not found[0].builtin:
            raise Conflict(f"plugin {name} is not loaded: labd runs in safe mode", hint="restart labd")
        known_ones = [record.distribution for record in self._registry.records if record.name == name]
        return next((one for one in found if one.distribution in known_ones), found[0])

    async def load(self, found: Found, loaded: Loaded) -> Plug:
        """*found*, newly imported, its settings checked and its hooks asked.

        Raises ConfigErrors, PluginError.
        """
        try:
            with imported_anew(found):
                plug = await trio.to_thread.run_sync(self._imported, found, loaded)
                self.ask(plug)
        except (LabdError, *PASSING):
            raise
        except BaseException as error:  # a plugin may raise anything, SystemExit too
            raise self._error(found.name, error) from error
        return plug

    def ask(self, plug: Plug) -> None:
        """Let *plug* say what it offers. Raises PluginError."""
        try:
            self._registry.ask(plug, self._node_of)
        except PASSING:
            raise
        except BaseException as error:
            raise self._error(plug.record.name, error) from error

    def _imported(self, found: Found, loaded: Loaded) -> Plug:
        OWNER.set(found.name)
        return self._registry.fresh(found, lambda name, struct: check_plugin(name, struct, loaded))

    def _error(self, name: str, error: BaseException) -> PluginError:
        said = said_of(error)
        log.error("plugin %s does not load: %s", name, said, exc_info=None if is_said(error) else error)
        kept = "; what ran before still runs" if self._registry.plug(name) else ""
        return PluginError(f"plugin {name} does not load: {said}{kept}", hint="the daemon's log has more")
