"""The daemon's own parts over what is nowhere but in memory: what the parts of a node stand on."""

import os
from typing import Any, cast

import trio

from labd.api.jobs import JobKind
from labd.api.methods import Peer, Role
from labd.api.node import Event
from labd.daemon.desk import Desk
from labd.daemon.events import Bus
from labd.daemon.leases import Leases
from labd.jobs.decide import Draft
from labd.jobs.queue import Queue
from labd.jobs.trees import Trees
from labd.jobs.watch import Watcher
from labd.resources.devices import Device
from labd.resources.ledger import Ledger
from labd.store import eventlog
from labd.testing.attempts import Reported, ScriptedFollower, ScriptedRunner
from labd.testing.clock import Clock
from labd.testing.devices import Devices
from labd.testing.memory import Disk, MemoryStore
from labd.testing.outcomes import Script


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
        self.leases.serve()
