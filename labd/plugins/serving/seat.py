"""One place for a worker of a model: started, loaded, warmed up, put to work, and replaced when it ends."""

from __future__ import annotations

import random
from collections.abc import Callable
from functools import partial
from typing import Any, Protocol

import trio

from labd.api import LabdError, Node, Restart, Worker, WorkerSpec
from labd.api.backoff import Backoff
from labd.plugins.serving.batcher import Batch

AGAIN = Restart(when="always", first_delay=0.1, max_delay=5.0, burst=1_000_000, interval=300.0)
"""How a worker that ended is replaced: soon, and ever later when the next one ends at once."""


class Employer(Protocol):
    """Whose workers these are; see :class:`labd.plugins.serving.version.Version`."""

    def spec_of(self, seat: Seat) -> WorkerSpec: ...
    async def introduce(self, seat: Seat, worker: Worker) -> None: ...
    def employ(self, seat: Seat) -> None: ...
    def dismiss(self, seat: Seat, error: LabdError | None, *, was_good: bool) -> None: ...
    def heard(self, seat: Seat, method: str, params: dict[str, Any]) -> None: ...


class Seat:
    """Place *number*. While ``worker`` is there it answers batches; ``batch`` is the one that it has."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.worker: Worker | None = None
        self.batch: Batch | None = None
        self.give_up: Callable[[], None] = _nothing
        self.overdue_at = 0.0
        self.batches = self.items = self.restarts = 0
        self.busy_seconds = 0.0
        self.retired = False
        self.gone = trio.Event()
        self._leave = trio.Event()
        self._scope = trio.CancelScope()

    @property
    def device(self) -> int:
        """The GPU that it holds, -1 for none."""
        held = self.worker.statistics().gpu_ids if self.worker else ()
        return held[0] if held else -1

    @property
    def state(self) -> str:
        """In a word."""
        if self.worker is None:
            return "starting"
        return "busy" if self.batch else "ready"

    async def run(self, employer: Employer, node: Node) -> None:
        """Have a worker until this place is closed."""
        backoff = Backoff(AGAIN, random.random)
        try:
            with self._scope:
                while self._wanted():
                    good_for = await self._once(employer, node)
                    if self._wanted():
                        await trio.sleep(backoff.delay(trio.current_time(), good_for) or 0.0)
                        self.restarts += 1
        finally:
            self.gone.set()

    def retire(self) -> None:
        """Let its worker go, as soon as it has answered what it has."""
        self.retired = True
        if self.worker is None:
            self._scope.cancel(reason="this place for a worker is closed")
        elif self.batch is None:
            self._leave.set()

    def rest(self, seconds: float) -> None:
        """The batch is over, after so long."""
        batch, self.batch, self.give_up = self.batch, None, _nothing
        if batch is not None:
            self.batches, self.items = self.batches + 1, self.items + len(batch.items)
            self.busy_seconds += seconds
        if self.retired:
            self._leave.set()

    def _wanted(self) -> bool:
        return not self.retired

    async def _once(self, employer: Employer, node: Node) -> float:
        """One worker, to its end; for how many seconds it was good."""
        began, error = trio.current_time(), None
        try:
            spec = employer.spec_of(self)
            with trio.move_on_after(spec.start_timeout) as limit:
                async with node.workers.start(spec, listen=partial(employer.heard, self)) as worker:
                    await employer.introduce(self, worker)
                    limit.deadline = float("inf")
                    self.worker, began = worker, trio.current_time()
                    employer.employ(self)
                    error = await self._until_over(worker)
            if limit.cancelled_caught:
                error = _late(spec)
        except LabdError as raised:
            error = raised
        finally:
            good = self.worker is not None
            self.worker = None
            employer.dismiss(self, error, was_good=good)
        return trio.current_time() - began if good else 0.0

    async def _until_over(self, worker: Worker) -> LabdError | None:
        """Until the worker has ended, which is an error, or is not needed any more."""
        error: LabdError | None = None

        async def watch() -> None:
            nonlocal error
            ending = await worker.wait_ended()
            error = LabdError(f"worker {worker.name} ended: {ending.reason}")
            nursery.cancel_scope.cancel(reason="the worker has ended")

        async with trio.open_nursery() as nursery:
            nursery.start_soon(watch)
            await self._leave.wait()
            nursery.cancel_scope.cancel(reason="the worker is not needed any more")
        return error


def _late(spec: WorkerSpec) -> LabdError:
    return LabdError(
        f"the model was not ready within {spec.start_timeout:g} s: it waited for what it leases, or loaded",
        hint="labctl status shows what is free; load_timeout gives more time",
    )


def _nothing() -> None:
    pass
