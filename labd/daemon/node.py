"""The daemon as one plugin sees it: the real :class:`labd.api.Node`."""

import logging
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any

import msgspec
import trio

from labd.api.engines import LOCAL, Engine
from labd.api.jobs import JobSpec, JobView
from labd.api.methods import Call, Peer
from labd.api.node import Clock, Event
from labd.api.workers import Workers
from labd.daemon.desk import Desk
from labd.daemon.dispatch import Dispatcher
from labd.daemon.events import Bus
from labd.daemon.leases import Leases
from labd.daemon.models import ModelDesk
from labd.errors import NotFound, UsageError
from labd.jobs.clock import SystemClock
from labd.jobs.decide import Draft
from labd.jobs.queue import Queue
from labd.jobs.runner import Runner
from labd.resources.ledger import Lease
from labd.store.blobs import Blobs
from labd.store.durable import make_dir

READ = 64


class NodeJobs:
    """The queue, on behalf of a plugin: its jobs belong to the daemon's user."""

    def __init__(self, desk: Desk, owner: Peer) -> None:
        self._desk = desk
        self._owner = owner

    async def submit(self, spec: JobSpec, *, key: str | None = None) -> JobView:
        job, _ = await self._desk.queue.submit(self._desk.intake.checked(_sound(spec)), self._owner, key)
        return self._desk.view(job)

    async def show(self, job: int) -> JobView:
        return self._desk.view(self._desk.queue.find(job))

    async def wait(self, job: int) -> JobView:
        return self._desk.view(await self._desk.queue.wait_ended(job))

    async def cancel(self, job: int, *, reason: str = "") -> JobView:
        ended = await self._desk.runner.cancel(
            job, self._owner.name, reason or f"cancelled by {self._owner.name}"
        )
        return self._desk.view(ended)


def _sound(spec: JobSpec) -> JobSpec:
    """*spec* as it will be read back: a plugin can put anything into its fields. Raises UsageError."""
    try:
        return msgspec.convert(msgspec.to_builtins(spec), JobSpec)
    except (msgspec.MsgspecError, TypeError, RecursionError) as error:
        raise UsageError(
            f"this is no job: {error}", hint="labd.api.JobSpec says what each field takes"
        ) from None


class NodeEvents:
    """The bus, on behalf of a plugin: it publishes under its own name."""

    def __init__(
        self, plugin: str, queue: Queue, bus: Bus, clock: Clock | None = None, names: Sequence[str] = ()
    ) -> None:
        self._plugin = plugin
        self._names = (plugin, *names)
        self._clock = clock or SystemClock()
        self._queue = queue
        self._bus = bus

    async def publish(self, kind: str, data: dict[str, Any], *, cause: str = "") -> Event:
        self._check(kind)
        plain = msgspec.to_builtins(data, str_keys=True)
        [event] = await self._queue.commit([Draft(kind, plain, actor=f"plugin {self._plugin}", cause=cause)])
        return event

    def tell(self, kind: str, data: dict[str, Any]) -> None:
        self._check(kind)
        plain = msgspec.to_builtins(data, str_keys=True)
        self._bus.publish_transient(Event(0, self._clock.wall(), kind, f"plugin {self._plugin}", "", plain))

    def _check(self, kind: str) -> None:
        if kind.partition(".")[0] not in self._names:
            raise UsageError(
                f"plugin {self._plugin} cannot publish {kind!r}", hint=f"name it {self._plugin}.{kind}"
            )

    async def subscribe(self, *topics: str) -> AsyncGenerator[Event, None]:
        with self._bus.listen(topics) as listener:
            while True:
                await trio.lowlevel.checkpoint()
                await listener.wait_readable()
                if listener.behind:
                    listener.skip()
                for event in listener.read_nowait(READ):
                    yield event


class NodeResources:
    """The ledger, on behalf of a plugin."""

    def __init__(self, leases: Leases, runner: Runner | None = None) -> None:
        self._leases, self._runner = leases, runner

    def wanted(self) -> bool:
        if self._runner is None:
            return False
        line = self._runner.line
        return line.head is not None and line.head in line

    def lease(
        self,
        *,
        cpus: float = 0,
        memory: int = 0,
        gpus: float = 0,
        gpu_ids: tuple[int, ...] = (),
        vram: int = 0,
        holder: str,
    ) -> AbstractAsyncContextManager[Lease]:
        return self._leases.lease(
            cpus=cpus, memory=memory, gpus=gpus, gpu_ids=gpu_ids, vram=vram, holder=holder
        )


class NodeBlobs:
    """The blob store; one at a time touches the disk, in a thread."""

    def __init__(self, blobs: Blobs, turn: trio.CapacityLimiter) -> None:
        self._blobs = blobs
        self._turn = turn

    async def put(self, data: bytes) -> str:
        return await trio.to_thread.run_sync(self._blobs.put, data, limiter=self._turn)

    async def get(self, digest: str) -> bytes:
        return await trio.to_thread.run_sync(self._blobs.get, digest, limiter=self._turn)


class NodeMethods:
    """Every method of the daemon, on behalf of a plugin that speaks for somebody."""

    def __init__(self, dispatcher: Dispatcher) -> None:
        self._dispatcher = dispatcher

    async def call(self, method: str, params: dict[str, Any], peer: Peer) -> Any:
        return await self._dispatcher.answer(Call(peer, method, _nowhere), params)


async def _nowhere(method: str, params: dict[str, Any]) -> None:
    """A plugin that asks gets the answer; notices on the way to it are for clients."""


class NodeEngines:
    """The engines of all plugins, as they are now."""

    def __init__(self, engines: Mapping[str, Engine]) -> None:
        self._engines = engines

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self._engines)

    def find(self, name: str) -> Engine:
        if name not in self._engines:
            known = ", ".join([LOCAL, *sorted(self._engines)])
            raise NotFound(f"there is no engine {name!r}", hint=f"there are: {known}")
        return self._engines[name]


class PluginNode:
    """Everything that one plugin is given."""

    def __init__(
        self,
        name: str,
        config: Any,
        jobs: NodeJobs,
        resources: NodeResources,
        events: NodeEvents,
        blobs: NodeBlobs,
        workers: Workers,
        methods: NodeMethods,
        clock: Clock,
        folder: str,
        engines: Mapping[str, Engine],
        serving: ModelDesk,
    ) -> None:
        self.name = name
        self.config = config
        self.log = logging.getLogger(f"labd.plugin.{name}")
        self.jobs = jobs
        self.resources = resources
        self.events = events
        self.blobs = blobs
        self.workers = workers
        self.methods = methods
        self.clock = clock
        self.engines = NodeEngines(engines)
        self.serving = serving
        self._folder = folder

    @property
    def folder(self) -> str:
        make_dir(self._folder)
        return self._folder
