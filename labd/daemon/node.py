"""The daemon as one plugin sees it: the real :class:`labd.api.Node`."""

import logging
from collections.abc import AsyncGenerator, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any

import msgspec
import trio

from labd.api.jobs import JobSpec, JobView
from labd.api.methods import Peer
from labd.api.node import Clock, Event
from labd.api.workers import Workers
from labd.daemon.desk import Desk
from labd.daemon.events import Bus
from labd.daemon.leases import Leases
from labd.daemon.models import ModelDesk
from labd.errors import UsageError
from labd.jobs.clock import SystemClock
from labd.jobs.decide import Draft
from labd.jobs.queue import Queue
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

    def __init__(self, leases: Leases) -> None:
        self._leases = leases

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
        clock: Clock,
        folder: str,
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
        self.clock = clock
        self.serving = serving
        self._folder = folder

    @property
    def folder(self) -> str:
        make_dir(self._folder)
        return self._folder
