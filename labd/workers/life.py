"""The life of a worker, from its start to its end."""

from collections.abc import Callable

import trio

from labd.api.workers import Ending, WorkerState
from labd.errors import LabdError, WorkerLost
from labd.workers import endings
from labd.workers.launch import Parts, Start
from labd.workers.link import Link
from labd.workers.pending import Pending
from labd.workers.standing import Standing

FAREWELL = 0.5
"""Seconds between the end of its socket and its own, and for what it printed last."""


class Life:
    """One worker by *start*, whose descriptors *open* makes. *standing* tells how it goes."""

    def __init__(self, start: Start, open: Callable[[Start], Parts]) -> None:
        self._start, self._open = start, open
        self._name, self._spec = start.name, start.spec
        self.standing = Standing(start.name, start.changed)
        self.link: Link | None = None
        self.since = trio.current_time()
        self._killed = ""
        self._parts: Parts | None = None
        self._nursery: trio.Nursery | None = None

    @property
    def pid(self) -> int:
        """Of its main process; 0 before it began."""
        return self._parts.control.pid if self._parts else 0

    @property
    def gpus(self) -> tuple[int, ...]:
        return self._start.gpus

    @property
    def shared_held(self) -> int:
        """Bytes of arrays that its code still holds."""
        return self._parts.sender.arena.held if self._parts else 0

    @property
    def lines_left_out(self) -> int:
        return sum(output.left_out for output in self._parts.outputs) if self._parts else 0

    def kill(self, reason: str) -> None:
        """End it and all that it started, now."""
        self._killed = self._killed or reason
        if self._parts is not None:
            self._parts.control.kill()

    def give_up(self, pending: Pending) -> None:
        """Nobody waits for *pending*: it is told, and killed when it goes on after its grace."""
        if self._nursery is not None:
            self._nursery.start_soon(self._give_grace, pending)

    async def run(self) -> None:
        """Start it, serve it, and return when it has ended and nothing of it is left."""
        try:
            self._parts = parts = self._open(self._start)
        except (LabdError, OSError) as error:
            lost = error if isinstance(error, LabdError) else WorkerLost(f"worker {self._name}: {error}")
            self._end(Ending(lost.message), lost)
            return
        try:
            await self._live(parts)
        except trio.Cancelled:
            self.standing.stopping = True
            raise
        finally:
            parts.close()
            self._end(self.standing.ending or endings.LOST, None)

    async def _live(self, parts: Parts) -> None:
        start = self._start
        self.link = link = Link(
            self._name, parts.transport, parts.sender, parts.receiver, self._spec.max_message,
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
            nursery.cancel_scope.cancel(reason=f"worker {self._name} has ended")

    async def _hear(self, link: Link) -> None:
        mistake = await link.run()
        if not mistake:
            await trio.sleep(FAREWELL)  # that it has ended is on its way
        self.kill(mistake or "it closed its socket")

    async def _come_up(self, link: Link) -> None:
        setup = {
            "target": self._spec.target,
            "arguments": self._spec.arguments,
            "path": list(self._spec.path),
        }
        try:
            with trio.move_on_after(self._spec.start_timeout):
                await link.start("_start", setup, lambda: None).wait()
                self.standing.move(WorkerState.READY)
                return
            fault: LabdError = WorkerLost(
                f"worker {self._name} was not ready within {self._spec.start_timeout:g} s",
                hint="raise its start_timeout, or look what its import does",
            )
        except WorkerLost:
            return  # whoever tells why is on the way
        except LabdError as error:
            fault = error
        self.standing.fault = self.standing.fault or fault
        self.kill("it did not come up")

    async def _give_grace(self, pending: Pending) -> None:
        if self.link is not None:
            self.link.give_up(pending)
        await trio.sleep(self._spec.grace)
        if not pending.done:
            self.kill(f"nobody waited for {pending.method} any more, and it went on")

    def _end(self, ending: Ending, fault: LabdError | None) -> None:
        if self.standing.ended:
            return
        last = [line for output in (self._parts.outputs if self._parts else ()) for line in output.last]
        lost = self.standing.end(ending, fault, last)
        if self.link is not None:
            self.link.fail(lost.message, lost.hint)


async def _printed(parts: Parts) -> None:
    """Until what it printed last is read, for a moment: somebody else may hold its pipe."""
    with trio.move_on_after(FAREWELL):
        for output in parts.outputs:
            await output.ended.wait()
