"""``node.workers`` in the process of the test: the target's functions are called where they are."""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

import trio

from labd.api.services import Restart
from labd.api.workers import (
    ALWAYS,
    Answered,
    Ending,
    Handler,
    Listener,
    PoolStatistics,
    WorkerSpec,
    WorkerState,
    WorkerStatistics,
)
from labd.errors import UsageError, WorkerError, WorkerLost
from labd.workers import target


class PlayedWorker:
    """Answers as a worker would, a call at a time; ``kill`` ends it. ``calls`` are those that it had."""

    def __init__(self, spec: WorkerSpec) -> None:
        self.name, self.pid, self.state = spec.name or spec.target, 1, WorkerState.READY
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.failed = 0
        self._service = target.find(spec.target, spec.arguments)
        self._reason = ""
        self._ended = trio.Event()

    async def call(self, method: str, /, *, timeout: float | None = None, **params: Any) -> Any:
        await trio.lowlevel.checkpoint()
        self._alive()
        self.calls.append((method, params))
        try:
            return target.pick(self._service, method)(**params)
        except Exception as error:
            self.failed += 1
            data = {"type": type(error).__name__, "traceback": ""}
            raise WorkerError(f"worker {self.name}: {method}: {error!r}", data=data) from None

    def submit(self, done: Answered, method: str, /, **params: Any) -> Callable[[], None]:
        self._alive()
        self.calls.append((method, params))
        answer, fault = None, None
        try:
            answer = target.pick(self._service, method)(**params)
        except Exception as error:
            self.failed += 1
            data = {"type": type(error).__name__, "traceback": ""}
            fault = WorkerError(f"worker {self.name}: {method}: {error!r}", data=data)
        trio.lowlevel.current_trio_token().run_sync_soon(done, answer, fault)
        return lambda: None

    def notify(self, method: str, /, **params: Any) -> None:
        self._alive()
        target.pick(self._service, method)(**params)

    def kill(self, reason: str = "it was killed") -> None:
        if not self._ended.is_set():
            self.state, self._reason = WorkerState.FAILED, reason
            self._ended.set()

    def stop(self) -> None:
        """It is not needed any more."""
        if not self._ended.is_set():
            self.state, self._reason = WorkerState.STOPPED, "it was stopped"
            self._ended.set()

    async def wait_for(self, *states: WorkerState) -> WorkerState:
        await trio.lowlevel.checkpoint()
        if self.state not in states:
            await self._ended.wait()
        return self.state

    async def wait_ended(self) -> Ending:
        await self._ended.wait()
        return Ending(self._reason)

    def statistics(self) -> WorkerStatistics:
        return WorkerStatistics(
            self.name, self.state, self.pid, len(self.calls), self.failed, 0.0, 0, 0, 0, 0, ()
        )

    def _alive(self) -> None:
        if self._ended.is_set():
            raise WorkerLost(f"worker {self.name} ended: {self._reason}")


class PlayedPool:
    """Equal workers; one that is killed is replaced when the next call comes."""

    def __init__(self, size: int, spec: WorkerSpec, made: list[PlayedWorker]) -> None:
        self._size, self._spec, self._made = size, spec, made
        self._workers = [self._new() for _ in range(size)]
        self.restarts = 0

    @property
    def state(self) -> WorkerState:
        return self._workers[0].state

    async def call(self, method: str, /, *, timeout: float | None = None, **params: Any) -> Any:
        if self._workers[0].state is WorkerState.FAILED:
            self._workers[0] = self._new()
            self.restarts += 1
        self._workers.append(worker := self._workers.pop(0))
        return await worker.call(method, timeout=timeout, **params)

    async def wait_for(self, *states: WorkerState) -> WorkerState:
        return await self._workers[0].wait_for(*states)

    def statistics(self) -> PoolStatistics:
        return PoolStatistics(self._size, self._size, 0, 0, self.restarts, "")

    def stop(self) -> None:
        """It is not needed any more."""
        for worker in self._workers:
            worker.stop()

    def _new(self) -> PlayedWorker:
        self._made.append(PlayedWorker(self._spec))
        return self._made[-1]


class PlayedWorkers:
    """Remembers the ``specs`` that it was given, and the workers that it ``made``.

    Nothing is bounded or walled off: what a sandbox keeps from a target is for tests with a real daemon.
    """

    def __init__(self) -> None:
        self.specs: list[WorkerSpec] = []
        self.made: list[PlayedWorker] = []

    @asynccontextmanager
    async def start(
        self,
        spec: WorkerSpec,
        *,
        methods: Mapping[str, Handler] | None = None,
        listen: Listener | None = None,
    ) -> AsyncIterator[PlayedWorker]:
        self.specs.append(spec)
        self.made.append(worker := PlayedWorker(spec))
        try:
            yield worker
        finally:
            worker.stop()

    @asynccontextmanager
    async def keep(
        self,
        size: int,
        spec: WorkerSpec,
        *,
        restart: Restart = ALWAYS,
        methods: Mapping[str, Handler] | None = None,
        listen: Listener | None = None,
    ) -> AsyncIterator[PlayedPool]:
        if size < 1:
            raise UsageError(f"worker {spec.target}: a pool of {size} workers is none")
        self.specs.append(spec)
        pool = PlayedPool(size, spec, self.made)
        try:
            yield pool
        finally:
            pool.stop()
