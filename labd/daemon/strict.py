"""Strictness for authors of plugins: the first thing that a plugin does wrong ends the daemon."""

import trio

from labd.api import ServiceState
from labd.daemon.owner import LABD
from labd.daemon.registry import PluginError, Registry
from labd.daemon.service_record import ServiceRecord

FAILED = (ServiceState.BACKOFF, ServiceState.FAILED)


class Strictness:
    """Listens to what goes wrong; :meth:`run` raises it, where *registry* is strict."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._wrong = trio.Event()
        self._said = ""

    async def run(self) -> None:
        """Wait for something to go wrong. Raises PluginError."""
        await self._wrong.wait()
        raise PluginError(self._said, hint="the traceback is above; without plugins.strict labd would go on")

    def failed(self, plugin: str, said: str) -> None:
        """A handler, a job kind or a notifier raised something."""
        if self._registry.strict:
            self._said = self._said or f"plugin {plugin}: {said}"
            self._wrong.set()

    def service_changed(self, record: ServiceRecord) -> None:
        """A service is in another state."""
        if record.owner != LABD and record.state in FAILED and record.last_error:
            self.failed(record.owner, f"service {record.name} failed: {record.last_error}")
