"""The twin of :class:`labd.daemon.node.PluginNode`, which stands on the same code."""

import shutil
import weakref
from collections.abc import Mapping
from tempfile import mkdtemp
from typing import Any

from labd.daemon.models import ModelDesk
from labd.daemon.node import NodeResources, PluginNode
from labd.testing.clock import Clock
from labd.testing.devices import Devices
from labd.testing.house import House
from labd.testing.memory import MemoryBlobs
from labd.testing.parts import RecordedEvents, ScriptedJobs
from labd.testing.workers import PlayedWorkers


class Node(PluginNode):
    """A :class:`labd.api.Node` for tests of the plugin *name*, whose settings are *config*.

    Beyond what the API has: ``jobs.script``, ``otherwise``, ``finish``, ``refuse``, ``release`` and
    ``report``; ``events.history``, ``published`` and ``happen``; ``blobs.damage``; ``clock.advance``,
    ``suspend`` and ``set_wall``; ``devices.lose``, ``spoil`` and ``mend``; ``disk.fill`` and ``free``;
    ``workers.specs`` and ``made``. ``serving`` is empty: ``with node.serving.serve(FakeModels("m")):``.
    """

    jobs: ScriptedJobs
    events: RecordedEvents
    blobs: MemoryBlobs
    workers: PlayedWorkers
    clock: Clock

    def __init__(
        self,
        name: str = "plugin",
        config: Any = None,
        *,
        clock: Clock | None = None,
        devices: Devices | None = None,
    ) -> None:
        self.devices = devices or Devices()
        clock = clock or Clock()
        house = House(clock, self.devices)
        super().__init__(
            name,
            config,
            ScriptedJobs(house),
            NodeResources(house.leases),
            RecordedEvents(name, house),
            MemoryBlobs(house.disk),
            PlayedWorkers(),
            clock,
            "",
            ModelDesk({}),
        )
        self._made = ""
        self.disk = house.disk
        self.bus = house.bus
        self.kinds = house.kinds
        self.ledger = house.ledger

    @property
    def folder(self) -> str:
        """A folder that goes with the node."""
        if not self._made:
            self._made = mkdtemp(prefix="labd-plugin-")
            weakref.finalize(self, shutil.rmtree, self._made, ignore_errors=True)
        return self._made

    @classmethod
    def of(
        cls,
        plugin: object,
        name: str = "",
        *,
        settings: Mapping[str, Any] | None = None,
        clock: Clock | None = None,
        devices: Devices | None = None,
    ) -> "Node":
        """A node for a whole plugin (its module, or the object that its entry point names).

        *settings* are checked like ``[plugins.NAME]`` and become ``node.config``; the plugin's kinds of
        jobs can be submitted. *name* is found by itself: see :func:`labd.testing.check_plugin`, which
        says what is raised for a plugin that labd would not load.
        """
        from labd.testing import plugged

        def make(found: str, config: Any) -> "Node":
            return cls(found, config, clock=clock, devices=devices)

        return plugged.plug_in(plugin, name, plugged.from_table(settings or {}), make).node
