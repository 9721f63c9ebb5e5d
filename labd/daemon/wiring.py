"""Where what a plugin offers is plugged in, and pulled out: no other code holds on to any of it."""

from collections.abc import Callable, Iterator
from typing import Any

from labd.api import Family, JobKind, Loader, Metrics, Mount, Notifier, Route, Service
from labd.daemon.boundary import Boundary
from labd.daemon.dispatch import Dispatcher
from labd.daemon.layers import wait_up
from labd.daemon.offers import Offer
from labd.daemon.supervisor import Supervisor

LAYER = 2
"""The layer of the services of plugins: they start after labd's own, and before clients are let in."""


class Wiring:
    """Methods, kinds of jobs and notifiers of plugins, behind the *boundary*, and their services."""

    def __init__(self, boundary: Boundary, dispatcher: Dispatcher) -> None:
        self.boundary = boundary
        self.kinds: dict[str, JobKind] = {}
        self.notifiers: dict[str, Notifier] = {}
        self.loaders: dict[str, Loader] = {}
        self._metrics: dict[int, list[Metrics]] = {}
        self._pages: dict[int, list[Route | Mount]] = {}
        self.on_routes: Callable[[list[Route | Mount]], None] = lambda routes: None
        self.supervisor: Supervisor | None = None
        self._dispatcher = dispatcher

    def offer(self, plugin: str, offer: Offer) -> None:
        """Let clients have what *plugin* offers; its services are started by :meth:`start`."""
        for method in offer.methods:
            self._dispatcher.add(self.boundary.method(plugin, method))
        self.kinds |= {kind.name: self.boundary.kind(plugin, kind) for kind in offer.kinds}
        self.notifiers |= {one.name: self.boundary.notifier(plugin, one) for one in offer.notifiers}
        self.loaders |= {one.name: one for one in offer.loaders}
        self._metrics[id(offer)] = [self.boundary.metrics(plugin, one) for one in offer.metrics]
        self._pages[id(offer)] = [self.boundary.route(plugin, one) for one in offer.routes]
        self._tell_routes()

    def withdraw(self, offer: Offer) -> None:
        """Undo :meth:`offer`. Jobs of a withdrawn kind were built when they were submitted: they run."""
        for method in offer.methods:
            self._dispatcher.remove(method.name)
        for kind in offer.kinds:
            del self.kinds[kind.name]
        for notifier in offer.notifiers:
            del self.notifiers[notifier.name]
        for loader in offer.loaders:
            del self.loaders[loader.name]
        self._metrics.pop(id(offer), None)
        self._pages.pop(id(offer), None)
        self._tell_routes()

    def families(self) -> Iterator[Family]:
        """What plugins add to the metrics, each name once."""
        seen: set[str] = set()
        for family in (f for found in self._metrics.values() for one in found for f in one.collect()):
            if family.name not in seen:
                seen.add(family.name)
                yield family

    def _tell_routes(self) -> None:
        self.on_routes([route for routes in self._pages.values() for route in routes])

    async def start(self, plugin: str, services: tuple[Service, ...]) -> None:
        """Start *services*, and give them a while to be ready."""
        if self.supervisor is not None:
            await wait_up([self.supervisor.start(one, plugin, layer=LAYER) for one in services])

    async def stop(self, services: tuple[Service, ...], reason: str) -> tuple[str, ...]:
        """Stop *services*, each within its deadline; the names of those that still run."""
        if self.supervisor is None:
            return ()
        known = {record.name for record in self.supervisor.records}
        names = [service.name for service in services if service.name in known]
        left = await self.supervisor.stop(*names, reason=reason)
        self.supervisor.forget(*names)
        return left

    def running(self, services: tuple[Service, ...], besides: str) -> list[str]:
        """Which of these names still run as services that plugin *besides* does not own."""
        names = {service.name for service in services}
        records = self.supervisor.records if self.supervisor else ()
        return [one.name for one in records if one.name in names and one.live and one.owner != besides]

    def services(self, plugin: str) -> list[dict[str, Any]]:
        """How the services of *plugin* fare."""
        records = self.supervisor.records if self.supervisor else ()
        return [record.describe() for record in records if record.owner == plugin]
