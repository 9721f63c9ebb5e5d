"""Where a worker stands, and how it ended: said once, and to whoever waits for it."""

from collections.abc import Callable, Sequence

import trio

from labd.api.workers import Ending, WorkerState
from labd.errors import LabdError, WorkerLost
from labd.wire.faults import again
from labd.workers import endings

ENDED = (WorkerState.FAILED, WorkerState.STOPPED)


class Standing:
    """The state of the worker *name*; *changed* hears of each new one."""

    def __init__(self, name: str, changed: Callable[[], object]) -> None:
        self._name, self._tell = name, changed
        self._changed, self._over = trio.Event(), trio.Event()
        self.state = WorkerState.STARTING
        self.ending: Ending | None = None
        self.fault: LabdError | None = None
        self.stopping = False
        """Whether its end was asked for."""

    @property
    def ended(self) -> bool:
        return self.state in ENDED

    async def wait_for(self, *states: WorkerState) -> WorkerState:
        """The state, once it is one of *states* or an end."""
        while self.state not in states and not self.ended:
            await self._changed.wait()
        return self.state

    async def wait_ended(self) -> Ending:
        """How it ended, once it has."""
        await self._over.wait()  # not for each call that begins and ends before
        return self.ending or endings.LOST

    def move(self, state: WorkerState) -> None:
        """It is in *state* now, unless it has ended."""
        if not self.ended and state is not self.state:
            self.state = state
            self._changed.set()
            self._changed = trio.Event()
            if state in ENDED:
                self._over.set()
            self._tell()

    def end(self, ending: Ending, fault: LabdError | None, last: Sequence[str]) -> WorkerLost:
        """It has ended, for *fault* if that is known; what its calls get. *last* is what it printed."""
        hint = f"it said: {last[-1]}" if last else "see the log"
        lost = WorkerLost(f"worker {self._name} ended: {ending.reason}", hint=hint)
        self.ending = ending
        self.fault = self.fault or fault or lost
        self.move(WorkerState.STOPPED if self.stopping else WorkerState.FAILED)
        return lost

    def raise_fault(self) -> None:
        """Raise why it did not come up, or ended."""
        raise again(self.fault or WorkerLost(f"worker {self._name} has ended"))
