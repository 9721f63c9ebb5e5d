"""``node.workers`` for tests of plugins: the target runs in the process of the test, a call at a time."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import trio

from labd.api.services import Restart
from labd.api.workers import ALWAYS, Handler, Listener, WorkerSpec, WorkerState
from labd.errors import WorkerError, WorkerLost
from labd.workers import target


class FakeWorker:
    """Answers as a worker would; ``kill`` makes every later call fail."""

    def __init__(self, spec: WorkerSpec) -> None:
        self.name, self.pid, self.state = spec.name or spec.target, 1, WorkerState.READY
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self._service = target.find(spec.target, spec.arguments)

    async def call(self, method: str, /, *, timeout: float | None = None, **params: Any) -> Any:
        await trio.lowlevel.checkpoint()
        if self.state is WorkerState.FAILED:
            raise WorkerLost(f"worker {self.name} ended: it was killed")
        self.calls.append((method, params))
        try:
            return target.pick(self._service, method)(**params)
        except Exception as error:
            data = {"type": type(error).__name__, "traceback": ""}
            raise WorkerError(f"worker {self.name}: {method}: {error!r}", data=data) from None

    def notify(self, method: str, /, **params: Any) -> None:
        target.pick(self._service, method)(**params)

    def kill(self, reason: str = "") -> None:
        self.state = WorkerState.FAILED

    async def wait_for(self, *states: WorkerState) -> WorkerState:
        await trio.lowlevel.checkpoint()
        return self.state


class FakeWorkers:
    """Remembers the specs that it was given, and the workers that it made."""

    def __init__(self) -> None:
        self.specs: list[WorkerSpec] = []
        self.made: list[FakeWorker] = []

    @asynccontextmanager
    async def start(
        self,
        spec: WorkerSpec,
        *,
        methods: Mapping[str, Handler] | None = None,
        listen: Listener | None = None,
    ) -> AsyncIterator[FakeWorker]:
        self.specs.append(spec)
        self.made.append(FakeWorker(spec))
        yield self.made[-1]

    @asynccontextmanager
    async def keep(
        self, size: int, spec: WorkerSpec, *, restart: Restart = ALWAYS, **more: Any
    ) -> AsyncIterator[FakeWorker]:
        async with self.start(spec, **more) as worker:
            yield worker
