"""Imports plugins, asks each by itself what it offers, and keeps a record of each.

Whatever a plugin does wrong (its import, its hooks' names, what they return) ends in its record as
``failed``, with everything of that plugin withdrawn; the others never notice. Each has a pluggy manager
of its own: in a shared one, a single unhashable plugin or hook wrapper is everybody's problem.
"""

import logging
import os
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

import msgspec
import pluggy

from labd.api import JobKind, JobSpec, Method, Mount, Node, Notifier, Route, Service
from labd.api.hookspecs import LabdHooks
from labd.config.notify import TAKES
from labd.daemon import offers
from labd.daemon.faults import one_line
from labd.daemon.owner import OWNER
from labd.daemon.plugin_check import Incompatible, api_of, check_api, check_name, hooks_of
from labd.daemon.plugin_record import PluginRecord, PluginState
from labd.daemon.plugins import Found
from labd.errors import InternalError, LabdError, NotFound

log = logging.getLogger("labd.plugins")

CheckSettings = Callable[[str, type[msgspec.Struct] | None], Any]
"""``check(plugin, settings class or None)``: the settings instance, or None; raises for wrong values."""


class PluginError(InternalError):
    """A plugin is wrong, and ``LABD_STRICT_PLUGINS`` asks for that to be fatal."""

    title = "a plugin does not load"


class Choice(NamedTuple):
    """Which plugins may load: *enabled* (all, when empty) less *disabled*; *safe* keeps to built-in ones."""

    enabled: frozenset[str] = frozenset()
    disabled: frozenset[str] = frozenset()
    safe: bool = False

    def refusal(self, found: Found) -> str:
        """Why *found* stays out, or an empty string."""
        if self.safe and not found.builtin:
            return "labd runs in safe mode"
        if found.name in self.disabled:
            return "disabled in the configuration"
        if self.enabled and found.name not in self.enabled:
            return "not among plugins.enabled in the configuration"
        return ""


EVERY = Choice()


class RegistryStatistics(NamedTuple):
    """Plugins by state, and what the loaded ones offer."""

    loaded: int
    disabled: int
    failed: int
    incompatible: int
    kinds: int
    methods: int
    services: int
    notifiers: int = 0


class Registry:
    """The plugins of one daemon. *strict* makes the first wrong plugin raise :class:`PluginError`."""

    def __init__(self, choice: Choice = EVERY, *, strict: bool | None = None) -> None:
        self._choice = choice
        self._strict = os.environ.get("LABD_STRICT_PLUGINS") == "1" if strict is None else strict
        self._records: list[PluginRecord] = []
        self._managers: dict[str, pluggy.PluginManager] = {}
        self._offers: dict[str, offers.Offer] = {}
        self.settings: dict[str, Any] = {}
        """Of each loaded plugin, what ``node.config`` is to hold."""

    @property
    def records(self) -> tuple[PluginRecord, ...]:
        """Every plugin that was found or asked for, in order of loading."""
        return tuple(self._records)

    def record(self, name: str) -> PluginRecord:
        """The record of one plugin; of several with one name, the one that loaded. Raises NotFound."""
        named = [record for record in self._records if record.name == name]
        if not named:
            raise NotFound(f"there is no plugin {name!r}", hint="labctl plugins")
        return next((record for record in named if record.loaded), named[0])

    def load(self, found: Iterable[Found], check_settings: CheckSettings) -> None:
        """Import the plugins that may load, and check their settings.

        Imports can take seconds: call it before the loop runs, or in a thread.
        """
        for plugin in found:
            self._load(plugin, check_settings)
        self._miss_enabled()

    def collect(self, node_of: Callable[[str], Node]) -> None:
        """Ask every loaded plugin for all that it offers, giving it its own node."""
        for record in self._records:
            if record.loaded:
                self._collect(record, node_of(record.name))

    def withdraw(self, name: str, state: PluginState = "disabled", error: str = "") -> offers.Offer:
        """Take back all that plugin *name* contributed, and return it. Raises NotFound."""
        record = self.record(name)
        offer = self._offers.get(name, offers.Offer())
        if record.loaded:
            self._forget(record)
        record.state, record.error = state, error
        return offer

    @property
    def kinds(self) -> tuple[tuple[str, JobKind], ...]:
        """``(plugin, job kind)`` of every loaded plugin."""
        return tuple((name, kind) for name, offer in self._offers.items() for kind in offer.kinds)

    @property
    def methods(self) -> tuple[tuple[str, Method], ...]:
        """``(plugin, method)`` of every loaded plugin."""
        return tuple((name, method) for name, offer in self._offers.items() for method in offer.methods)

    @property
    def services(self) -> tuple[tuple[str, Service], ...]:
        """``(plugin, service)`` of every loaded plugin."""
        return tuple((name, service) for name, offer in self._offers.items() for service in offer.services)

    @property
    def notifiers(self) -> tuple[tuple[str, Notifier], ...]:
        """``(plugin, notifier)`` of every loaded plugin."""
        return tuple((name, one) for name, offer in self._offers.items() for one in offer.notifiers)

    @property
    def routes(self) -> tuple[tuple[str, Route | Mount], ...]:
        """``(plugin, route or mount)`` of every loaded plugin."""
        return tuple((name, route) for name, offer in self._offers.items() for route in offer.routes)

    def statistics(self) -> RegistryStatistics:
        """The plugins in numbers."""
        states = Counter(record.state for record in self._records)
        return RegistryStatistics(
            loaded=states["loaded"],
            disabled=states["disabled"],
            failed=states["failed"],
            incompatible=states["incompatible"],
            kinds=len(self.kinds),
            methods=len(self.methods),
            services=len(self.services),
            notifiers=len(self.notifiers),
        )

    def _load(self, found: Found, check_settings: CheckSettings) -> None:
        record = PluginRecord(
            name=found.name, version=found.version, distribution=found.distribution, module=found.module
        )
        self._records.append(record)
        if refusal := self._choice.refusal(found):
            record.state, record.error = "disabled", refusal
            return
        self._guard(record, lambda: self._admit(found, record, check_settings))

    def _admit(self, found: Found, record: PluginRecord, check_settings: CheckSettings) -> None:
        check_name(found.name)
        self._refuse_twin(record)
        plugin = found.load()
        record.api = api_of(plugin, found.module)
        check_api(record.api)
        self._managers[found.name] = manager = pluggy.PluginManager("labd")
        manager.add_hookspecs(LabdHooks)
        manager.register(plugin, name=found.name)
        record.hooks = hooks_of(manager, plugin)
        settings = offers.settings_type(self._ask(found.name, "labd_settings"))
        self.settings[found.name] = check_settings(found.name, settings)
        record.state = "loaded"

    def _collect(self, record: PluginRecord, node: Node) -> None:
        def ask() -> None:
            offer = offers.Offer(
                offers.kinds(record.name, self._ask(record.name, "labd_job_kinds", node=node)),
                offers.methods(record.name, self._ask(record.name, "labd_methods", node=node)),
                offers.services(record.name, self._ask(record.name, "labd_services", node=node)),
                offers.notifiers(record.name, self._ask(record.name, "labd_notifiers", node=node)),
                offers.routes(record.name, self._ask(record.name, "labd_http_routes", node=node)),
            )
            self._refuse_taken(offer)
            self._offers[record.name] = offer

        self._guard(record, ask)

    def _ask(self, name: str, hook: str, **arguments: Any) -> Any:
        """What plugin *name* alone answers to *hook*."""
        return getattr(self._managers[name].hook, hook)(**arguments)

    def _guard(self, record: PluginRecord, step: Callable[[], None]) -> None:
        """Run one step of a plugin's life; if it raises anything, the plugin leaves and is recorded."""
        token = OWNER.set(record.name)
        try:
            step()
        except KeyboardInterrupt:  # somebody at the keyboard
            raise
        except BaseException as error:  # a plugin may raise anything, SystemExit too
            self._fail(record, error)
        finally:
            OWNER.reset(token)

    def _fail(self, record: PluginRecord, error: BaseException) -> None:
        self._forget(record)
        record.state = "incompatible" if isinstance(error, Incompatible) else "failed"
        # what is said to people (a wrong setting, a newer API) needs neither its class nor a traceback
        said = isinstance(error, LabdError | Incompatible)
        record.error = " ".join(str(error).split()) if said else one_line(error)
        trace = None if said else error
        log.error("plugin %s %s: %s", record.name, record.state, record.error, exc_info=trace)
        if self._strict:
            raise PluginError(f"plugin {record.name} is {record.state}: {record.error}") from error

    def _forget(self, record: PluginRecord) -> None:
        if self._twin(record):
            return  # what is kept under the name belongs to the other
        self._managers.pop(record.name, None)
        self.settings.pop(record.name, None)
        self._offers.pop(record.name, None)

    def _refuse_twin(self, record: PluginRecord) -> None:
        if twin := self._twin(record):
            raise ValueError(f"the name is taken by the plugin of {twin.distribution} {twin.version}")

    def _twin(self, record: PluginRecord) -> PluginRecord | None:
        """Another plugin of the same name, which was there first."""
        same = (other for other in self._records if other.name == record.name and other is not record)
        return next((other for other in same if other.loaded), None)

    def _refuse_taken(self, offer: offers.Offer) -> None:
        taken = {JobSpec().kind: "labd"} | {kind.name: plugin for plugin, kind in self.kinds}
        taken_services = {service.name: plugin for plugin, service in self.services}
        taken_notifiers = dict.fromkeys(TAKES, "labd") | {one.name: plugin for plugin, one in self.notifiers}
        taken_pages = dict.fromkeys(offers.PAGES, "labd") | {
            offers.page(route): plugin for plugin, route in self.routes
        }
        _refuse_repeats("page", [offers.page(route) for route in offer.routes], taken_pages)
        _refuse_repeats("job kind", [kind.name for kind in offer.kinds], taken)
        _refuse_repeats("method", [method.name for method in offer.methods], {})
        _refuse_repeats("service", [service.name for service in offer.services], taken_services)
        _refuse_repeats("notifier", [notifier.name for notifier in offer.notifiers], taken_notifiers)

    def _miss_enabled(self) -> None:
        names = {record.name for record in self._records}
        installed = ", ".join(sorted(names)) or "none"
        for name in sorted(self._choice.enabled - names):
            error = f"in plugins.enabled, but not installed; installed: {installed}"
            self._records.append(PluginRecord(name=name, state="failed", error=error))
            log.error("plugin %s: %s", name, error)


def _refuse_repeats(what: str, names: Sequence[str], taken: dict[str, str]) -> None:
    seen = dict(taken)
    for name in names:
        if name in seen:
            raise ValueError(f"{what} {name!r} is already offered by {seen[name]}")
        seen[name] = "itself"
