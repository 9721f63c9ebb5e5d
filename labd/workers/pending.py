"""A call on its way to a worker."""

from collections.abc import Callable
from typing import Any

import trio

from labd.errors import LabdError


class Pending:
    """One call on its way. *settled* is called when nothing more is to come of it."""

    def __init__(self, number: int, method: str, settled: Callable[[], None]) -> None:
        self.number, self.method = number, method
        self.error: LabdError | None = None
        self.result: Any = None
        self.done = False
        self._task: trio.lowlevel.Task | None = None
        self._settled = settled

    async def wait(self) -> Any:
        """The answer; raises what came instead of one."""
        if self.done:
            await trio.lowlevel.checkpoint()
        else:
            self._task = trio.lowlevel.current_task()
            await trio.lowlevel.wait_task_rescheduled(self._forget)
        if self.error is not None:
            raise self.error
        return self.result

    def settle(self, error: LabdError | None, result: Any) -> None:
        self.done, self.error, self.result = True, error, result
        if self._task is not None:
            trio.lowlevel.reschedule(self._task)
            self._task = None
        self._settled()

    def _forget(self, _: object) -> trio.lowlevel.Abort:
        self._task = None
        return trio.lowlevel.Abort.SUCCEEDED
