"""One worker, from its start to its end: the real :class:`labd.api.Worker`."""

import math
from collections.abc import Callable
from typing import Any

import trio

from labd.api.workers import Ending, WorkerState, WorkerStatistics
from labd.errors import DeadlineExceeded, LabdError, WorkerLost
from labd.wire.faults import again
from labd.workers import endings
from labd.workers.launch import Parts, Start, launch
from labd.workers.link import Link
from labd.workers.pending import Pending

ENDED = (WorkerState.FAILED, WorkerState.STOPPED)
PATIENCE = 10.0
"""Seconds for the processes of a killed worker to be gone, before nobody waits for them any more."""

FAREWELL = 0.5
"""Seconds between the end of its socket and its own, and for what it printed last."""


class ChildWorker:
    """A child process that serves calls. :meth:`run` is its life; nothing that it does ends anybody else.

    *open* makes its descriptors and asks for it.
    """

    def __init__(self, start: Start, open: Callable[[Start], Parts] = launch) -> None:
        self.spec, self.name = start.spec, start.name
        self.state = WorkerState.STARTING
        self.ending: Ending | None = None
        self._start, self._open = start, open
        self._turn = trio.Semaphore(1)
        self._changed = trio.Event()
        self._calls = self._failed = 0
        self._killed = ""
        self._stopping = False
        self._fault: LabdError | None = None
        self._parts: Parts | None = None
        self._link: Link | None = None
        self._nursery: trio.Nursery | None = None
        self._since = trio.current_time()

    # -- what a plugin does with it --------------------------------------------------------------

    @property
    def pid(self) -> int:
        """Of its main process; 0 before it began."""
        return self._parts.control.pid if self._parts else 0

    async def call(self, method: str, /, *, timeout: float | None = None, **params: Any) -> Any:
        """The answer of *method*; see :class:`labd.api.Worker`."""
        try:
            self._turn.acquire_nowait()
        except trio.WouldBlock:
            await self._turn.acquire()
        pending = self._begin(method, params)
        limit = self.spec.call_timeout if timeout is None else timeout
        try:
            with trio.move_on_after(math.inf if limit is None else limit):
                return await pending.wait()
            raise self._late(method, limit)
        except LabdError:
            self._failed += 1
            raise
        finally:
            if not pending.done and self._nursery is not None:
                self._nursery.start_soon(self._give_grace, pending)

    def notify(self, method: str, /, **params: Any) -> None:
        """Tell *method*, without an answer."""
        self._talk().notify(method, params)

    async def wait_for(self, *states: WorkerState) -> WorkerState:
        """The state, once it is one of *states* or an end."""
        while self.state not in states and self.state not in ENDED:
            await self._changed.wait()
        return self.state

    async def wait_ended(self) -> Ending:
        """How it ended, once it has."""
        await self.wait_for()
        return self.ending or endings.LOST

    def kill(self, reason: str = "") -> None:
        """End it and all that it started, now."""
        self._killed = self._killed or reason or "it was killed"
        if self._parts is not None:
            self._parts.control.kill()

    async def stop(self) -> Ending:
        """End it: it is asked, and killed after its grace. Waits also when we are cancelled."""
        self._stopping = True
        if self._link is not None and self.state is WorkerState.READY:
            self._link.end()
            with trio.move_on_after(self.spec.grace, shield=True):
                return await self.wait_ended()
        self.kill("it was stopped")
        with trio.move_on_after(PATIENCE, shield=True):
            await self.wait_ended()
        return self.ending or endings.LOST

    def raise_fault(self) -> None:
        """Raise why it did not come up, or ended."""
        raise again(self._fault or WorkerLost(f"worker {self.name} has ended"))

    def statistics(self) -> WorkerStatistics:
        """The worker in numbers, now."""
        link, parts = self._link, self._parts
        return WorkerStatistics(
            self.name,
            self.state,
            self.pid,
            self._calls,
            self._failed,
            trio.current_time() - self._since,
            link.sent if link else 0,
            link.received if link else 0,
            parts.sender.arena.held if parts else 0,
            sum(output.left_out for output in parts.outputs) if parts else 0,
            self._start.gpus,
        )

    # -- life ------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Start it, serve it, and return when it has ended and nothing of it is left."""
        try:
            self._parts = parts = self._open(self._start)
        except (LabdError, OSError) as error:
            lost = error if isinstance(error, LabdError) else WorkerLost(f"worker {self.name}: {error}")
            self._end(Ending(lost.message), lost)
            return
        try:
            await self._live(parts)
        except trio.Cancelled:
            self._stopping = True
            raise
        finally:
            parts.close()
            self._end(self.ending or endings.LOST, None)

    async def _live(self, parts: Parts) -> None:
        start = self._start
        self._link = link = Link(
            self.name, parts.transport, parts.sender, parts.receiver, self.spec.max_message,
            start.methods, start.listen, start.log,
        )  # fmt: skip
        async with trio.open_nursery() as nursery:
            self._nursery = nursery
            for output in parts.outputs:
                nursery.start_soon(output.run)
            nursery.start_soon(self._hear, link)
            nursery.start_soon(self._come_up, link)
            said = await parts.control.wait()
            await _printed(parts)
            ending = endings.LOST
            if said is not None:
                ending = endings.ending(said, self._killed, walled=self._start.wrapped)
            self._end(ending, None)
            self._nursery = None
            nursery.cancel_scope.cancel(reason=f"worker {self.name} has ended")

    async def _hear(self, link: Link) -> None:
        mistake = await link.run()
        if not mistake:
            await trio.sleep(FAREWELL)  # that it has ended is on its way
        self.kill(mistake or "it closed its socket")

    async def _come_up(self, link: Link) -> None:
        setup = {"target": self.spec.target, "arguments": self.spec.arguments, "path": list(self.spec.path)}
        try:
            with trio.move_on_after(self.spec.start_timeout):
                await link.start("_start", setup, lambda: None).wait()
                self._move(WorkerState.READY)
                return
            fault: LabdError = WorkerLost(
                f"worker {self.name} was not ready within {self.spec.start_timeout:g} s",
                hint="raise its start_timeout, or look what its import does",
            )
        except WorkerLost:
            return  # whoever tells why is on the way
        except LabdError as error:
            fault = error
        self._fault = self._fault or fault
        self.kill("it did not come up")

    async def _give_grace(self, pending: Pending) -> None:
        if self._link is not None:
            self._link.give_up(pending)
        await trio.sleep(self.spec.grace)
        if not pending.done:
            self.kill(f"nobody waited for {pending.method} any more, and it went on")

    def _begin(self, method: str, params: dict[str, Any]) -> Pending:
        try:
            pending = self._talk().start(method, params, self._settled)
        except BaseException:
            self._turn.release()
            raise
        self._calls += 1
        self._move(WorkerState.BUSY)
        return pending

    def _settled(self) -> None:
        self._turn.release()
        if self.state is WorkerState.BUSY:
            self._move(WorkerState.READY)

    def _talk(self) -> Link:
        if self._link is None or self.state in ENDED or self.state is WorkerState.STARTING:
            self.raise_fault()
            raise AssertionError
        return self._link

    def _late(self, method: str, limit: float | None) -> DeadlineExceeded:
        return DeadlineExceeded(
            f"worker {self.name} did not answer {method} within {limit:g} s",
            hint=f"it is killed if it goes on for another {self.spec.grace:g} s",
        )

    def _end(self, ending: Ending, fault: LabdError | None) -> None:
        if self.state in ENDED:
            return
        self.ending = ending
        last = [line for output in (self._parts.outputs if self._parts else ()) for line in output.last]
        hint = f"it said: {last[-1]}" if last else "see the log"
        text = f"worker {self.name} ended: {ending.reason}"
        self._fault = self._fault or fault or WorkerLost(text, hint=hint)
        self._move(WorkerState.STOPPED if self._stopping else WorkerState.FAILED)
        if self._link is not None:
            self._link.fail(text, hint)

    def _move(self, state: WorkerState) -> None:
        if self.state not in ENDED and state is not self.state:
            self.state = state
            self._changed.set()
            self._changed = trio.Event()
            self._start.changed()


async def _printed(parts: Parts) -> None:
    """Until what it printed last is read, for a moment: somebody else may hold its pipe."""
    with trio.move_on_after(FAREWELL):
        for output in parts.outputs:
            await output.ended.wait()
