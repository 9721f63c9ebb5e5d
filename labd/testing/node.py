"""The twin of :class:`labd.daemon.node.PluginNode`: the same code over what is nowhere but in memory."""

import os
from collections.abc import Mapping
from typing import Any, cast

import trio

from labd.api.jobs import JobKind, JobSpec, JobView
from labd.api.methods import Peer, Role
from labd.api.node import Event
from labd.daemon.desk import Desk
from labd.daemon.events import Bus
from labd.daemon.leases import Leases
from labd.daemon.node import NodeEvents, NodeJobs, NodeResources, PluginNode
from labd.errors import Conflict
from labd.jobs import steer
from labd.jobs.decide import Draft
from labd.jobs.model import Job
from labd.jobs.queue import Queue
from labd.jobs.reports import Latest
from labd.jobs.trees import Trees
from labd.jobs.watch import Watcher
from labd.resources.devices import Device
from labd.resources.ledger import Ledger
from labd.store import eventlog
from labd.testing.attempts import Reported, ScriptedFollower, ScriptedRunner
from labd.testing.clock import Clock
from labd.testing.devices import Devices
from labd.testing.memory import Disk, MemoryBlobs, MemoryStore
from labd.testing.outcomes import Outcome, Script

ALL = 1_000_000
"""Events; no test has more."""


class House:
    """What the nodes of a daemon share, with made-up jobs, disk, clock and GPUs."""

    def __init__(self, clock: Clock, devices: Devices) -> None:
        self.clock = clock
        self.disk = Disk()
        self.store = MemoryStore(self.disk)
        self.bus = Bus(0, self.older)
        self.queue = Queue(self.store, self.bus, clock)
        self.queue.load()
        self.ledger = Ledger(devices.capacity)
        self.script, self.reported = Script(), Reported()
        self.follower = ScriptedFollower(self.queue, clock, self.script, self.disk, self.reported)
        nowhere = cast(Any, None)  # folders, environments and code are for attempts that are launched
        self.runner = ScriptedRunner(
            self.queue, self.ledger, nowhere, self.follower, clock, nowhere, nowhere, cast(Trees, None)
        )
        self.leases = Leases(self.ledger, self.runner.kick)
        self.kinds: dict[str, JobKind] = {}
        self.desk = Desk(
            self.store, self.queue, self.runner, self.ledger, self.reported, cast(Watcher, None), clock, "",
            self.kinds, nowhere,
        )  # fmt: skip
        self.owner = Peer(os.getpid(), os.getuid(), os.getgid(), name="labd", role=Role.ADMIN)
        self._devices = devices
        self._token: trio.lowlevel.TrioToken | None = None
        devices.told = self._supply
        self.disk.on_room = lambda: self.runner.recover(self.queue.load())

    def wake(self) -> None:
        """Let jobs go on from now: the runner lives as long as the loop of the test."""
        token = trio.lowlevel.current_trio_token()
        if self._token is not token:
            self._token = token
            trio.lowlevel.spawn_system_task(self.runner.run, name="labd.testing jobs")

    async def older(self, seq: int, limit: int) -> list[Event]:
        return await self.store.read_slow(lambda conn: eventlog.after(conn, seq, limit))

    def _supply(self, kind: str, device: Device) -> None:
        self.ledger.capacity = self._devices.capacity
        held = self.ledger.statistics().gpus_held.get(str(device.index), "")
        data = {"gpu": device.index, "name": device.name, "uuid": device.uuid, "held_by": held}
        self.queue.record([Draft(kind, data, cause=device.why)])
        self.runner.kick()


class ScriptedJobs(NodeJobs):
    """The queue, the schedule and the ledger are the daemon's; how an attempt goes is the test's."""

    def __init__(self, house: House) -> None:
        super().__init__(house.desk, house.owner)
        self._house = house

    async def submit(self, spec: JobSpec, *, key: str | None = None) -> JobView:
        self._house.wake()
        return await super().submit(spec, key=key)

    def script(self, *outcomes: Outcome, name: str = "") -> None:
        """Say how the next attempts go, one each: of jobs called *name*, or of any."""
        self._house.script.write(outcomes, name)

    def otherwise(self, outcome: Outcome, name: str = "") -> None:
        """Say how all other attempts go. Unless you do, they succeed at once."""
        self._house.script.write_otherwise(outcome, name)

    def refuse(self, why: str) -> None:
        """Take no new jobs, as when the disk is nearly full; an empty *why* takes them again."""
        self._house.desk.intake.refusal = why

    async def finish(self, job: int, outcome: Outcome | None = None) -> JobView:
        """End the running attempt now (well, unless *outcome* says how). Raises NotFound, Conflict."""
        found = self._house.queue.find(job)
        if not self._house.follower.plays(job):
            raise Conflict(
                f"job {job} is {found.state}, it does not run", hint="give it an Outcome(seconds=...)"
            )
        self._house.follower.finish(job, outcome or Outcome())
        while (found := self._house.queue.find(job)).busy:
            await self._house.queue.wait_changed(job)
        return self._house.desk.view(found)

    async def release(self, job: int) -> JobView:
        """Release a held job, as an operator would. Raises NotFound, Conflict."""
        self._house.wake()
        return self._house.desk.view(await self._house.runner.steer(job, self._release))

    def _release(self, job: Job) -> list[Draft]:
        return steer.release(job, "operator", self._house.queue.dependents.waits(job))

    def report(self, job: int, progress: float | None = None, **metrics: float) -> None:
        """Let a running job have reported *progress* (0 to 1) and numbers."""
        attempt = self._house.queue.find(job).attempt
        self._house.reported.say(job, Latest(attempt, progress, dict(metrics)))


class RecordedEvents(NodeEvents):
    """The bus, and all that was ever said on it."""

    def __init__(self, plugin: str, house: House) -> None:
        super().__init__(plugin, house.queue, house.bus)
        self._house = house
        self._who = f"plugin {plugin}"

    @property
    def history(self) -> tuple[Event, ...]:
        """Every event since the beginning, those of jobs too."""
        return tuple(self._house.store.read(lambda conn: eventlog.after(conn, 0, ALL)))

    @property
    def published(self) -> tuple[tuple[str, dict[str, Any]], ...]:
        """``(kind, data)`` of the events that the plugin itself has published."""
        return tuple((event.kind, event.data) for event in self.history if event.actor == self._who)

    async def happen(self, kind: str, *, actor: str = "labd", cause: str = "", **data: Any) -> Event:
        """Let something happen elsewhere. What is with jobs, let happen by ``node.jobs``."""
        [event] = await self._house.queue.commit([Draft(kind, data, actor, cause)])
        return event


class Node(PluginNode):
    """A :class:`labd.api.Node` for tests of the plugin *name*, whose settings are *config*.

    Beyond what the API has: ``jobs.script``, ``otherwise``, ``finish``, ``refuse``, ``release`` and
    ``report``; ``events.history``, ``published`` and ``happen``; ``blobs.damage``; ``clock.advance``,
    ``suspend`` and ``set_wall``; ``devices.lose``, ``spoil`` and ``mend``; ``disk.fill`` and ``free``.
    """

    jobs: ScriptedJobs
    events: RecordedEvents
    blobs: MemoryBlobs
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
            clock,
        )
        self.disk = house.disk
        self.bus = house.bus
        self.kinds = house.kinds
        self.ledger = house.ledger

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
