"""All workers of a daemon: the real :class:`labd.api.Workers`, one for each plugin."""

import itertools
import logging
import os
import socket
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from functools import partial
from typing import Any, NamedTuple

import trio

from labd.api.node import Resources
from labd.api.services import Restart
from labd.api.workers import ALWAYS, Handler, Listener, WorkerSpec, WorkerState
from labd.errors import Conflict, LabdError, UsageError
from labd.wire.faults import again
from labd.workers import boot, interpreter, plan, probing, sandbox
from labd.workers.endings import LOST
from labd.workers.fork import Forker
from labd.workers.interpreter import Interpreter
from labd.workers.launch import Start
from labd.workers.pool import WorkerPool
from labd.workers.template import Key, Template, key_of
from labd.workers.worker import ChildWorker

MOST_IDLE = 4
"""Templates without a worker that are kept for the next one."""

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
        self._resources, self._report, self._cgroup, self._probe = resources, report, cgroup, probe
        self._forker = Forker()
        self._nursery: trio.Nursery | None = None
        self._levels: sandbox.Levels | None = None
        self._pythons: dict[str, Interpreter] = {}
        self._templates: dict[Key, Template] = {}
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

    def of(self, plugin: str, log: logging.Logger) -> "PluginWorkers":
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
        plan.check(spec)
        if self._levels is None:
            self._levels = await trio.to_thread.run_sync(self._probe)
        user = plan.user(spec)
        self._levels.need(spec, root=user is None and os.getuid() == 0)
        if spec.python not in self._pythons:
            self._pythons[spec.python] = await trio.to_thread.run_sync(interpreter.ask, spec.python)

    @asynccontextmanager
    async def lease(self, spec: WorkerSpec, holder: str) -> AsyncIterator[tuple[int, ...]]:
        """The GPUs of *spec*, once all that it asks for is granted."""
        if not (spec.cpus or spec.memory or spec.gpus):
            yield ()
            return
        async with self._resources.lease(
            cpus=spec.cpus, memory=spec.memory, gpus=spec.gpus, holder=f"worker {holder}"
        ) as lease:
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
        name = f"{spec.name or plugin}-{next(self._count)}"
        template = await self._template(plugin, spec, gpus, log) if spec.warm else None
        fork = partial(self._fork, spec, name, gpus, template)
        walled = template is None and self._by(spec) == "bubblewrap"
        start = Start(spec, name, gpus, fork, methods or {}, listen, log, changed, walled)
        worker = ChildWorker(start)
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
            self._part(template, worker)
        if worker.state is WorkerState.FAILED and worker.ending is not None:
            self._lost += 1
            data = {
                "plugin": plugin,
                "worker": worker.name,
                "pid": worker.pid,
                "reason": worker.ending.reason,
            }
            self._report("worker.lost", data)

    def _part(self, template: Template | None, worker: ChildWorker) -> None:
        if template is None:
            return
        template.users -= 1
        if worker.ending == LOST:
            template.kill()  # its keeper was killed, and not by us: something in there is out of hand
        idle = [each for each in self._templates.values() if not each.users]
        if len(idle) > MOST_IDLE:
            idle[0].kill()

    def _fork(
        self, spec: WorkerSpec, name: str, gpus: tuple[int, ...], template: Template | None, fds: list[int]
    ) -> socket.socket:
        if template is not None:
            return template.request(plan.order(spec, name, (), gpus, self._cgroup(), inner=True), fds)
        python = self._pythons[spec.python]
        argv = boot.worker(python.python, spec.max_message)
        walls = self._walls(spec, python, gpus)
        return self._forker.request(
            plan.order(spec, name, argv, gpus, self._cgroup(), walls, inner=False), fds
        )

    def _walls(self, spec: WorkerSpec, python: Interpreter, gpus: tuple[int, ...]) -> sandbox.Walls:
        assert self._levels is not None
        return sandbox.wrap(self._levels, spec, python, boot.PACKAGES, gpus)

    def _by(self, spec: WorkerSpec) -> str:
        return self._levels.by(spec.sandbox) if self._levels else ""

    async def _template(
        self, plugin: str, spec: WorkerSpec, gpus: tuple[int, ...], log: logging.Logger
    ) -> Template:
        key = key_of(plugin, spec, gpus)
        template = self._templates.get(key)
        if template is None or template.fault is not None:
            template = self._templates[key] = self._make_template(plugin, spec, gpus, log)
            self.nursery.start_soon(self._keep_template, key, template, name=template.name)
        with trio.move_on_after(spec.start_timeout):
            await template.ready.wait()
        if template.fault is not None:
            raise again(template.fault)
        return template

    def _make_template(
        self, plugin: str, spec: WorkerSpec, gpus: tuple[int, ...], log: logging.Logger
    ) -> Template:
        python = self._pythons[spec.python]
        command = boot.template(python.python, spec.path, spec.max_message, spec.warm)
        name = f"template-{plugin}-{next(self._count)}"
        order = plan.template_order(spec, name, command, self._walls(spec, python, gpus))
        return Template(name, partial(self._forker.request, order), log)

    async def _keep_template(self, key: Key, template: Template) -> None:
        try:
            await template.run()
        finally:
            if self._templates.get(key) is template:
                del self._templates[key]

    def gave_up(self, plugin: str, pool: WorkerPool) -> None:
        """No slot of *pool* has a worker any more."""
        data = {"plugin": plugin, "pool": pool.name, "restarts": pool.restarts, "last_error": pool.last_error}
        self._report("worker.failed", data)


class PluginWorkers:
    """Workers on behalf of one plugin."""

    def __init__(self, house: WorkerHouse, plugin: str, log: logging.Logger) -> None:
        self._house, self._plugin, self._log = house, plugin, log

    @asynccontextmanager
    async def start(
        self,
        spec: WorkerSpec,
        *,
        methods: Mapping[str, Handler] | None = None,
        listen: Listener | None = None,
    ) -> AsyncIterator[ChildWorker]:
        """See :class:`labd.api.Workers`."""
        house = self._house
        await house.check(spec)
        async with house.lease(spec, spec.name or self._plugin) as gpus:
            worker = await house.begin(self._plugin, spec, gpus, methods, listen, self._log)
            try:
                yield worker
            finally:
                await worker.stop()

    @asynccontextmanager
    async def keep(
        self,
        size: int,
        spec: WorkerSpec,
        *,
        restart: Restart = ALWAYS,
        methods: Mapping[str, Handler] | None = None,
        listen: Listener | None = None,
    ) -> AsyncIterator[WorkerPool]:
        """See :class:`labd.api.Workers`."""
        if size < 1:
            raise UsageError(f"worker {spec.target}: a pool of {size} workers is none")
        await self._house.check(spec)
        pool = WorkerPool(spec.name or self._plugin, size, restart)
        scopes = [trio.CancelScope() for _ in range(size)]
        ended = [trio.Event() for _ in range(size)]

        async def slot(number: int) -> None:
            with scopes[number]:
                try:
                    await self._slot(pool, number, spec, methods, listen)
                finally:
                    ended[number].set()

        for number in range(size):
            self._house.nursery.start_soon(slot, number, name=f"pool {pool.name} slot {number}")
        try:
            yield pool
        finally:
            pool.stop()
            for scope in scopes:
                scope.cancel(reason=f"pool {pool.name} is not needed any more")
            with trio.CancelScope(shield=True):
                for event in ended:
                    await event.wait()

    async def _slot(
        self,
        pool: WorkerPool,
        number: int,
        spec: WorkerSpec,
        methods: Mapping[str, Handler] | None,
        listen: Listener | None,
    ) -> None:
        try:
            async with self._house.lease(spec, pool.name) as gpus:

                async def begin(changed: Callable[[], object]) -> ChildWorker:
                    return await self._house.begin(
                        self._plugin, spec, gpus, methods, listen, self._log, changed
                    )

                await pool.keep(number, begin)
        except LabdError as error:
            pool.fail(number, error)
        if pool.state is WorkerState.FAILED:
            self._house.gave_up(self._plugin, pool)
