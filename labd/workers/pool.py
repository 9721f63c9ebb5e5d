"""Equal workers, replaced when they end: the real :class:`labd.api.Pool`."""

import random
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any

import trio

from labd.api.backoff import Backoff
from labd.api.services import Restart
from labd.api.workers import PoolStatistics, WorkerState
from labd.errors import LabdError, WorkerLost
from labd.wire.faults import again
from labd.workers.worker import ChildWorker

Begin = Callable[[Callable[[], object]], Awaitable[ChildWorker]]
"""``await begin(changed)``: a ready worker, whose changes of state *changed* hears of. Raises LabdError."""


class _Place:
    """Where a call waits for a worker."""

    def __init__(self) -> None:
        self.worker: ChildWorker | None = None
        self.called = trio.Event()


class WorkerPool:
    """*size* slots, each with one worker at a time. *jitter* gives numbers in [0, 1) for the delays."""

    def __init__(
        self, name: str, size: int, restart: Restart, jitter: Callable[[], float] = random.random
    ) -> None:
        self.name, self.size = name, size
        self._restart, self._jitter = restart, jitter
        self._workers: list[ChildWorker] = []
        self._taken: set[ChildWorker] = set()
        self._line: deque[_Place] = deque()
        self._slots = [WorkerState.STARTING] * size
        self._changed = trio.Event()
        self._fault: LabdError | None = None
        self.restarts = 0
        self.last_error = ""

    @property
    def state(self) -> WorkerState:
        """The best that can be said of it: ready when a call would find a worker."""
        if self._idle() is not None:
            return WorkerState.READY
        if self._workers:
            return WorkerState.BUSY
        order = (WorkerState.STARTING, WorkerState.BACKOFF, WorkerState.FAILED, WorkerState.STOPPED)
        return next((state for state in order if state in self._slots), WorkerState.STARTING)

    async def call(self, method: str, /, *, timeout: float | None = None, **params: Any) -> Any:
        """The answer of the next idle worker; see :class:`labd.api.Pool`."""
        worker = await self._take()
        try:
            return await worker.call(method, timeout=timeout, **params)
        finally:
            self._taken.discard(worker)
            self._look()

    async def wait_for(self, *states: WorkerState) -> WorkerState:
        """The state, once it is one of *states* or an end."""
        while (state := self.state) not in (*states, WorkerState.FAILED, WorkerState.STOPPED):
            await self._changed.wait()
        return state

    def statistics(self) -> PoolStatistics:
        """The pool in numbers, now."""
        idle = sum(w.state is WorkerState.READY and w not in self._taken for w in self._workers)
        busy = len(self._workers) - idle
        return PoolStatistics(self.size, idle, busy, len(self._line), self.restarts, self.last_error)

    async def keep(self, slot: int, begin: Begin) -> None:
        """Have a worker in *slot* until cancelled, or until its policy gives up."""
        backoff = Backoff(self._restart, self._jitter)
        while True:
            self._move(slot, WorkerState.STARTING)
            good_for = await self._once(slot, begin)
            delay = None if self._restart.when == "never" else backoff.delay(trio.current_time(), good_for)
            if delay is None:
                self.fail(slot)
                return
            self._move(slot, WorkerState.BACKOFF)
            await trio.sleep(delay)
            self.restarts += 1

    def fail(self, slot: int, error: LabdError | None = None) -> None:
        """*slot* stays empty, because of *error* or of what went wrong last."""
        text = f"pool {self.name} gave up after {self.restarts} restarts: {self.last_error}"
        self._fault = error or WorkerLost(text, hint="the log has what its workers said")
        self._move(slot, WorkerState.FAILED)

    def stop(self) -> None:
        """Nobody gets a worker any more."""
        self._slots = [WorkerState.STOPPED] * self.size
        self._workers.clear()
        self._look()

    async def _once(self, slot: int, begin: Begin) -> float:
        """Run one worker to its end; for how many seconds it had been ready."""
        try:
            worker = await begin(self._look)
        except LabdError as error:
            self.last_error = error.message
            return 0.0
        began = trio.current_time()
        try:
            self._workers.append(worker)
            self._move(slot, WorkerState.READY)
            self.last_error = (await worker.wait_ended()).reason
        finally:
            if worker in self._workers:
                self._workers.remove(worker)
            await worker.stop()
        return trio.current_time() - began

    async def _take(self) -> ChildWorker:
        place = _Place()
        self._line.append(place)
        self._look()
        try:
            if not place.called.is_set():
                await place.called.wait()
        except trio.Cancelled:
            self._leave(place)
            raise
        if place.worker is None:
            raise again(self._fault or WorkerLost(f"pool {self.name} was stopped"))
        return place.worker

    def _leave(self, place: _Place) -> None:
        if place in self._line:
            self._line.remove(place)
        if place.worker is not None:
            self._taken.discard(place.worker)
            self._look()

    def _look(self) -> None:
        """Something changed: whoever is first in line may have a worker now."""
        while self._line and (worker := self._idle()) is not None:
            self._taken.add(worker)
            self._line[0].worker = worker
            self._line.popleft().called.set()
        if self.state in (WorkerState.FAILED, WorkerState.STOPPED):
            while self._line:
                self._line.popleft().called.set()
        self._changed.set()
        self._changed = trio.Event()

    def _idle(self) -> ChildWorker | None:
        ready = (w for w in self._workers if w.state is WorkerState.READY and w not in self._taken)
        return next(ready, None)

    def _move(self, slot: int, state: WorkerState) -> None:
        self._slots[slot] = state
        self._look()
