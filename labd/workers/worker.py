"""One worker, as a plugin uses it: the real :class:`labd.api.Worker`."""

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import trio

from labd.api.workers import Answered, Ending, WorkerState, WorkerStatistics
from labd.errors import Conflict, DeadlineExceeded, LabdError
from labd.workers import endings
from labd.workers.launch import Parts, Start, launch
from labd.workers.life import Life
from labd.workers.link import Link
from labd.workers.pending import Pending

PATIENCE = 10.0
"""Seconds for the processes of a killed worker to be gone, before nobody waits for them any more."""


class ChildWorker:
    """A child process that serves calls. :meth:`run` is its life; nothing that it does ends anybody else.

    *open* makes its descriptors and asks for it.
    """

    def __init__(self, start: Start, open: Callable[[Start], Parts] = launch) -> None:
        self.spec, self.name = start.spec, start.name
        self._life = Life(start, open)
        self._standing = self._life.standing
        self._turn = trio.Semaphore(1)
        self._calls = self._failed = 0

    @property
    def state(self) -> WorkerState:
        return self._standing.state

    @property
    def ending(self) -> Ending | None:
        """How it ended, if it has."""
        return self._standing.ending

    @property
    def pid(self) -> int:
        """Of its main process; 0 before it began."""
        return self._life.pid

    async def run(self) -> None:
        """Start it, serve it, and return when it has ended and nothing of it is left."""
        await self._life.run()

    async def call(self, method: str, /, *, timeout: float | None = None, **params: Any) -> Any:
        """The answer of *method*; see :class:`labd.api.Worker`."""
        try:
            self._turn.acquire_nowait()
        except trio.WouldBlock:
            await self._turn.acquire()
        pending = self._begin(method, params, self._settled)
        limit = self.spec.call_timeout if timeout is None else timeout
        try:
            with trio.move_on_after(math.inf if limit is None else limit):
                return await pending.wait()
            raise self._late(method, limit)
        except LabdError:
            self._failed += 1
            raise
        finally:
            if not pending.done:
                self._life.give_up(pending)

    def submit(self, done: Answered, method: str, /, **params: Any) -> Callable[[], None]:
        """Call *method* without waiting; see :class:`labd.api.Worker`."""
        try:
            self._turn.acquire_nowait()
        except trio.WouldBlock:
            raise Conflict(f"worker {self.name} makes another call") from None

        def settled() -> None:
            self._settled()
            self._failed += pending.error is not None
            done(pending.result, pending.error)

        pending = self._begin(method, params, settled)
        return partial(self._life.give_up, pending)

    def notify(self, method: str, /, **params: Any) -> None:
        """Tell *method*, without an answer."""
        self._talk().notify(method, params)

    async def wait_for(self, *states: WorkerState) -> WorkerState:
        """The state, once it is one of *states* or an end."""
        return await self._standing.wait_for(*states)

    async def wait_ended(self) -> Ending:
        """How it ended, once it has."""
        return await self._standing.wait_ended()

    def kill(self, reason: str = "") -> None:
        """End it and all that it started, now."""
        self._life.kill(reason or "it was killed")

    async def stop(self) -> Ending:
        """End it: it is asked, and killed after its grace. Waits also when we are cancelled."""
        self._standing.stopping = True
        if self._life.link is not None and self.state is WorkerState.READY:
            self._life.link.end()
            with trio.move_on_after(self.spec.grace, shield=True):
                return await self.wait_ended()
        self.kill("it was stopped")
        with trio.move_on_after(PATIENCE, shield=True):
            await self.wait_ended()
        return self.ending or endings.LOST

    def raise_fault(self) -> None:
        """Raise why it did not come up, or ended."""
        self._standing.raise_fault()

    def statistics(self) -> WorkerStatistics:
        """The worker in numbers, now."""
        life, link = self._life, self._life.link
        return WorkerStatistics(
            self.name,
            self.state,
            self.pid,
            self._calls,
            self._failed,
            trio.current_time() - life.since,
            link.sent if link else 0,
            link.received if link else 0,
            life.shared_held,
            life.lines_left_out,
            life.gpus,
        )

    def _begin(self, method: str, params: dict[str, Any], settled: Callable[[], None]) -> Pending:
        try:
            pending = self._talk().start(method, params, settled)
        except BaseException:
            self._turn.release()
            raise
        self._calls += 1
        self._standing.move(WorkerState.BUSY)
        return pending

    def _settled(self) -> None:
        self._turn.release()
        if self.state is WorkerState.BUSY:
            self._standing.move(WorkerState.READY)

    def _talk(self) -> Link:
        link = self._life.link
        if link is None or self._standing.ended or self.state is WorkerState.STARTING:
            self.raise_fault()
            raise AssertionError
        return link

    def _late(self, method: str, limit: float | None) -> DeadlineExceeded:
        return DeadlineExceeded(
            f"worker {self.name} did not answer {method} within {limit:g} s",
            hint=f"it is killed if it goes on for another {self.spec.grace:g} s",
        )
