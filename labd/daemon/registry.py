"""The plugins of one daemon: imports them, asks each by itself what it offers, and keeps a record of each.

Whatever a plugin does wrong (its import, its hooks' names, what they return) ends in its record as
``failed``, with everything of that plugin withdrawn; the others never notice.
"""

import logging
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

import msgspec

from labd.api import JobKind, JobSpec, Loader, Method, Mount, Node, Notifier, Route, Service
from labd.config.notify import TAKES
from labd.daemon import offers
from labd.daemon.boundary import Boundary
from labd.daemon.faults import one_line
from labd.daemon.owner import OWNER
from labd.daemon.plugin_check import Incompatible
from labd.daemon.plugin_choice import EVERY, Choice
from labd.daemon.plugin_load import Plug, import_plugin, record_of
from labd.daemon.plugin_record import PluginRecord, PluginState
from labd.daemon.plugins import Found
from labd.errors import InternalError, LabdError, NotFound

log = logging.getLogger("labd.plugins")

CheckSettings = Callable[[str, type[msgspec.Struct] | None], Any]
"""``check(plugin, settings class or None)``: the settings instance, or None; raises for wrong values."""

NodeOf = Callable[[PluginRecord, Any], Node]
"""``node_of(plugin, its settings)``: what its hooks are given."""


class PluginError(InternalError):
    """A plugin is wrong, and somebody asked for it, or for strictness."""

    title = "a plugin is wrong"


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

    def __init__(
        self, choice: Choice = EVERY, *, strict: bool = False, boundary: Boundary | None = None
    ) -> None:
        self.choice = choice
        self.strict = strict
        self.boundary = boundary or Boundary()
        self._records: list[PluginRecord] = []
        self._found: dict[str, Found] = {}
        self._plugs: dict[str, Plug] = {}

    @property
    def records(self) -> tuple[PluginRecord, ...]:
        """Every plugin that was found or asked for, in order of loading."""
        return tuple(self._records)

    @property
    def found(self) -> tuple[Found, ...]:
        """Every plugin that is installed, as far as anybody has looked."""
        return tuple(self._found.values())

    @property
    def plugs(self) -> tuple[Plug, ...]:
        """The plugins that are loaded."""
        return tuple(self._plugs.values())

    @property
    def settings(self) -> dict[str, Any]:
        """Of each loaded plugin, what ``node.config`` holds."""
        return {name: plug.settings for name, plug in self._plugs.items()}

    def record(self, name: str) -> PluginRecord:
        """The record of one plugin; of several with one name, the one that loaded. Raises NotFound."""
        named = [record for record in self._records if record.name == name]
        if not named:
            raise NotFound(f"there is no plugin {name!r}", hint="labctl plugins")
        return next((record for record in named if record.loaded), named[0])

    def plug(self, name: str) -> Plug | None:
        """The plugin *name*, if it is loaded."""
        return self._plugs.get(name)

    # -- at the start ----------------------------------------------------------------------------

    def load(self, found: Iterable[Found], check_settings: CheckSettings) -> None:
        """Import the plugins that may load, and check their settings.

        Imports can take seconds: call it before the loop runs, or in a thread.
        """
        for plugin in found:
            self._load(plugin, check_settings)
        self.note_missing()

    def collect(self, node_of: NodeOf) -> None:
        """Ask every loaded plugin for all that it offers, giving it its own node."""
        for plug in self.plugs:
            self._guard(plug.record, lambda plug=plug: self.ask(plug, node_of))  # type: ignore[misc]

    def note_missing(self) -> None:
        """Keep a record of each plugin that is enabled by its name and is not installed."""
        self._records = [record for record in self._records if record.name in self._found]
        installed = ", ".join(sorted(self._found)) or "none"
        for name in self.choice.missing(self._found):
            error = f"in plugins.enabled, but not installed; installed: {installed}"
            self._records.append(PluginRecord(name=name, state="failed", error=error))
            log.error("plugin %s: %s", name, error)

    # -- one plugin ------------------------------------------------------------------------------

    def fresh(self, found: Found, check_settings: CheckSettings, record: PluginRecord | None = None) -> Plug:
        """*found*, imported and with checked settings, and not one of ours yet. Raises anything."""
        record = record or record_of(found)
        plug = import_plugin(found, record, self.boundary, strict=self.strict)
        plug.settings = check_settings(found.name, plug.settings_type)
        self._refuse_taken_names(plug.record)
        return plug

    def ask(self, plug: Plug, node_of: NodeOf) -> None:
        """Let *plug* say what it offers, none of which may be another plugin's. Raises anything."""
        offer = plug.ask_offer(node_of(plug.record, plug.settings))
        self._refuse_taken(offer, plug.record.name)
        plug.offer = offer

    def put(self, found: Found, plug: Plug) -> None:
        """Make *plug* one of ours, in place of what had its name."""
        self._note(found, plug.record)
        plug.record.state = "loaded"
        self._plugs[found.name] = plug

    def put_failed(self, found: Found, error: BaseException) -> None:
        """Note that *found* is not loaded, as it raised *error*."""
        record = record_of(found)
        self._note(found, record)
        record.state, record.error = _state_after(error), said_of(error)

    def withdraw(self, name: str, state: PluginState = "disabled", error: str = "") -> offers.Offer:
        """Take back all that plugin *name* contributed, and return it. Raises NotFound."""
        record = self.record(name)
        plug = self._plugs.pop(name, None)
        record.state, record.error = state, error
        return plug.offer if plug else offers.Offer()

    @property
    def kinds(self) -> tuple[tuple[str, JobKind], ...]:
        """``(plugin, job kind)`` of every loaded plugin."""
        return tuple((name, kind) for name, offer in self._offers for kind in offer.kinds)

    @property
    def loaders(self) -> tuple[tuple[str, Loader], ...]:
        """``(plugin, model loader)`` of every loaded plugin."""
        return tuple((name, loader) for name, offer in self._offers for loader in offer.loaders)

    @property
    def methods(self) -> tuple[tuple[str, Method], ...]:
        """``(plugin, method)`` of every loaded plugin."""
        return tuple((name, method) for name, offer in self._offers for method in offer.methods)

    @property
    def services(self) -> tuple[tuple[str, Service], ...]:
        """``(plugin, service)`` of every loaded plugin."""
        return tuple((name, service) for name, offer in self._offers for service in offer.services)

    @property
    def notifiers(self) -> tuple[tuple[str, Notifier], ...]:
        """``(plugin, notifier)`` of every loaded plugin."""
        return tuple((name, one) for name, offer in self._offers for one in offer.notifiers)

    @property
    def routes(self) -> tuple[tuple[str, Route | Mount], ...]:
        """``(plugin, route or mount)`` of every loaded plugin."""
        return tuple((name, route) for name, offer in self._offers for route in offer.routes)

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

    @property
    def _offers(self) -> list[tuple[str, offers.Offer]]:
        return [(name, plug.offer) for name, plug in self._plugs.items()]

    def _load(self, found: Found, check_settings: CheckSettings) -> None:
        record = record_of(found)
        self._records.append(record)
        self._found.setdefault(found.name, found)
        if refusal := self.choice.refusal(found):
            record.state, record.error = "disabled", refusal
            return
        self._guard(record, lambda: self._admit(found, record, check_settings))

    def _admit(self, found: Found, record: PluginRecord, check_settings: CheckSettings) -> None:
        if twin := self._plugs.get(found.name):
            what = f"{twin.record.distribution} {twin.record.version}"
            raise ValueError(f"the name is taken by the plugin of {what}")
        self._plugs[found.name] = self.fresh(found, check_settings, record)
        self._found[found.name] = found
        record.state = "loaded"

    def _note(self, found: Found, record: PluginRecord) -> None:
        """Let *record* stand where that of the same name stood."""
        if any(old.name == found.name for old in self._records):
            self._records[self._records.index(self.record(found.name))] = record
        else:
            self._records.append(record)
        self._found[found.name] = found

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
        if (plug := self._plugs.get(record.name)) and plug.record is record:
            del self._plugs[record.name]
        record.state, record.error = _state_after(error), said_of(error)
        trace = None if is_said(error) else error
        log.error("plugin %s %s: %s", record.name, record.state, record.error, exc_info=trace)
        if self.strict:
            raise PluginError(f"plugin {record.name} is {record.state}: {record.error}") from error

    def _refuse_taken_names(self, record: PluginRecord) -> None:
        """A name is one plugin's: its own, or one that it states."""
        others = [plug.record for plug in self.plugs if plug.record.name != record.name]
        for other in others:
            if taken := {record.name, *record.names} & {other.name, *other.names}:
                raise ValueError(f"the name {min(taken)!r} is taken by the plugin {other.name}")

    def _refuse_taken(self, offer: offers.Offer, name: str) -> None:
        others = [(plugin, one) for plugin, one in self._offers if plugin != name]
        kinds = {kind.name: plugin for plugin, one in others for kind in one.kinds}
        services = {service.name: plugin for plugin, one in others for service in one.services}
        notifiers = {notifier.name: plugin for plugin, one in others for notifier in one.notifiers}
        loaders = {loader.name: plugin for plugin, one in others for loader in one.loaders}
        pages = {offers.page(route): plugin for plugin, one in others for route in one.routes}
        pages |= dict.fromkeys(offers.PAGES, "labd")
        _refuse_repeats("page", [offers.page(one) for one in offer.routes], pages)
        _refuse_repeats("job kind", [kind.name for kind in offer.kinds], {JobSpec().kind: "labd"} | kinds)
        _refuse_repeats("method", [method.name for method in offer.methods], {})
        _refuse_repeats("service", [service.name for service in offer.services], services)
        _refuse_repeats("model loader", [loader.name for loader in offer.loaders], loaders)
        _refuse_repeats(
            "notifier", [one.name for one in offer.notifiers], dict.fromkeys(TAKES, "labd") | notifiers
        )


def _state_after(error: BaseException) -> PluginState:
    return "incompatible" if isinstance(error, Incompatible) else "failed"


def is_said(error: BaseException) -> bool:
    """Whether *error* is a word to people (a wrong setting, a newer API) and no defect with a traceback."""
    return isinstance(error, LabdError | Incompatible)


def said_of(error: BaseException) -> str:
    """*error* in one line."""
    return " ".join(str(error).split()) if is_said(error) else one_line(error)


def _refuse_repeats(what: str, names: Sequence[str], taken: dict[str, str]) -> None:
    seen = dict(taken)
    for name in names:
        if name in seen:
            raise ValueError(f"{what} {name!r} is already offered by {seen[name]}")
        seen[name] = "itself"
