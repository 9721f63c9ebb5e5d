"""All workers of a daemon, whatever plugin they are of."""

import itertools
import logging
import socket
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from functools import partial
from typing import Any, NamedTuple

import trio

from labd.api.node import Resources
from labd.api.workers import Handler, Listener, WorkerSpec, WorkerState
from labd.errors import Conflict
from labd.workers import boot, plan, probing, sandbox
from labd.workers.endings import LOST
from labd.workers.fork import Forker
from labd.workers.ground import Ground
from labd.workers.launch import Start
from labd.workers.plugin import PluginWorkers
from labd.workers.pool import WorkerPool
from labd.workers.template import Template
from labd.workers.templates import Templates
from labd.workers.worker import ChildWorker

Report = Callable[[str, dict[str, Any]], object]
"""``report(kind, data)`` records an event."""


class WorkersStatistics(NamedTuple):
    """Workers and templates that live, and how many workers were started."""

    workers: int
    templates: int
    started: int
    lost: int


class WorkerHouse:
    """Starts workers for all plugins. :meth:`run` must be running: they live in its nursery.

    *cgroup* gives a folder of cgroup v2 that is ours, or nothing. *probe* says which sandboxes there are.
    """

    def __init__(
        self,
        resources: Resources,
        report: Report = lambda kind, data: None,
        cgroup: Callable[[], str] = lambda: "",
        probe: Callable[[], sandbox.Levels] = probing.probe,
    ) -> None:
        self._resources, self._report, self._cgroup = resources, report, cgroup
        self._ground, self._forker = Ground(probe), Forker()
        self._templates = Templates(self._ground, self._forker, self._name, lambda: self.nursery)
        self._nursery: trio.Nursery | None = None
        self._count = itertools.count(1)
        self._live: set[ChildWorker] = set()
        self._started = self._lost = 0

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Be there for workers until cancelled; ends those that are left."""
        try:
            async with trio.open_nursery() as nursery:
                self._nursery = nursery
                task_status.started()
                await trio.sleep_forever()
        finally:
            self._nursery = None
            self._forker.close()

    def of(self, plugin: str, log: logging.Logger) -> PluginWorkers:
        """What the plugin *plugin* is given."""
        return PluginWorkers(self, plugin, log)

    def statistics(self) -> WorkersStatistics:
        """Everything in numbers, now."""
        return WorkersStatistics(len(self._live), len(self._templates), self._started, self._lost)

    @property
    def nursery(self) -> trio.Nursery:
        """Where workers live. Raises Conflict when labd is not running, or stopping."""
        if self._nursery is None:
            raise Conflict("there are no workers now: labd is starting or stopping")
        return self._nursery

    async def check(self, spec: WorkerSpec) -> None:
        """Raises UsageError for a wrong spec, Refused for what this machine cannot do."""
        await self._ground.check(spec)

    @asynccontextmanager
    async def lease(self, spec: WorkerSpec, holder: str) -> AsyncIterator[tuple[int, ...]]:
        """The GPUs of *spec*, once all that it asks for is granted."""
        if not (spec.cpus or spec.memory or spec.gpus or spec.gpu_ids or spec.vram):
            yield ()
            return
        async with self._resources.lease(
            cpus=spec.cpus, memory=spec.memory, gpus=spec.gpus, gpu_ids=spec.gpu_ids, vram=spec.vram,
            holder=f"worker {holder}",
        ) as lease:  # fmt: skip
            yield lease.gpu_ids

    async def begin(
        self,
        plugin: str,
        spec: WorkerSpec,
        gpus: tuple[int, ...],
        methods: Mapping[str, Handler] | None,
        listen: Listener | None,
        log: logging.Logger,
        changed: Callable[[], object] = lambda: None,
    ) -> ChildWorker:
        """A ready worker, for a *spec* that was checked. Raises LabdError."""
        name = self._name(spec.name or plugin)
        template = await self._templates.find(plugin, spec, gpus, log) if spec.warm else None
        fork = partial(self._fork, spec, name, gpus, template)
        wrapped = template is None and self._ground.wrapped(spec)
        worker = ChildWorker(Start(spec, name, gpus, fork, methods or {}, listen, log, changed, wrapped))
        self.nursery.start_soon(self._live_through, plugin, worker, template, name=f"worker {name}")
        try:
            state = await worker.wait_for(WorkerState.READY)
        except trio.Cancelled:
            await worker.stop()
            raise
        if state is not WorkerState.READY:
            worker.raise_fault()
        self._started += 1
        return worker

    async def _live_through(self, plugin: str, worker: ChildWorker, template: Template | None) -> None:
        self._live.add(worker)
        if template is not None:
            template.users += 1
        try:
            await worker.run()
        finally:
            self._live.discard(worker)
            if template is not None:
                self._templates.part(template, out_of_hand=worker.ending == LOST)
        if worker.state is WorkerState.FAILED and worker.ending is not None:
            self._lost += 1
            data = {"plugin": plugin, "worker": worker.name, "pid": worker.pid}
            self._report("worker.lost", data | {"reason": worker.ending.reason})

    def _fork(
        self, spec: WorkerSpec, name: str, gpus: tuple[int, ...], template: Template | None, fds: list[int]
    ) -> socket.socket:
        if template is not None:
            return template.request(plan.order(spec, name, (), gpus, self._cgroup(), inner=True), fds)
        argv = boot.worker(self._ground.python(spec), spec.max_message)
        walls = self._ground.walls(spec, gpus)
        return self._forker.request(
            plan.order(spec, name, argv, gpus, self._cgroup(), walls, inner=False), fds
        )

    def _name(self, base: str) -> str:
        return f"{base}-{next(self._count)}"

    def gave_up(self, plugin: str, pool: WorkerPool) -> None:
        """No slot of *pool* has a worker any more."""
        data = {"plugin": plugin, "pool": pool.name, "restarts": pool.restarts, "last_error": pool.last_error}
        self._report("worker.failed", data)
