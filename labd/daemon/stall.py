"""Names the task that holds the loop: while one task computes, nothing else of the daemon runs.

A trio instrument (https://trio.readthedocs.io/en/stable/reference-lowlevel.html#instrument-api) that
reads the clock twice per step of a task and does more only when a step was too long.
"""

import time
from collections.abc import Callable
from typing import NamedTuple

import trio

from labd.daemon.owner import LABD, OWNER

LIMIT = 0.1
"""Seconds that one step of a task may take."""


class StallStatistics(NamedTuple):
    """How often the loop was held, and the worst case. Times are seconds."""

    stalls: int
    worst: float
    worst_task: str
    total: float


class StallWatch(trio.abc.Instrument):
    """Calls ``report(task name, seconds, owner)`` after every step that took longer than *limit* seconds.

    The name of a task of a plugin ends with the plugin's name. *report* runs on the loop, between two
    tasks: it must not block or await.
    """

    def __init__(
        self,
        report: Callable[[str, float, str], None],
        limit: float = LIMIT,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self.limit = limit
        self._report = report
        self._clock = clock
        self._began = clock()
        self._statistics = StallStatistics(0, 0.0, "", 0.0)
        self._culprit: tuple[str, str] | None = None

    def held(self, owner: str, what: str, seconds: float) -> None:
        """Say that *what* of *owner* took so long of the present step of whichever task."""
        if seconds > self.limit:
            self._culprit = owner, f"{what} (plugin {owner})"

    def before_task_step(self, task: trio.lowlevel.Task) -> None:
        self._began = self._clock()

    def after_task_step(self, task: trio.lowlevel.Task) -> None:
        took = self._clock() - self._began
        if took > self.limit:
            owner, name = self._culprit or (task.context.get(OWNER, LABD), _name(task))
            self._culprit = None
            self._stalled(name, took, owner)

    def statistics(self) -> StallStatistics:
        """The stalls so far."""
        return self._statistics

    def _stalled(self, name: str, took: float, owner: str) -> None:
        stalls, worst, worst_task, total = self._statistics
        if took > worst:
            worst, worst_task = took, name
        self._statistics = StallStatistics(stalls + 1, worst, worst_task, total + took)
        self._report(name, took, owner)


def _name(task: trio.lowlevel.Task) -> str:
    owner = task.context.get(OWNER, LABD)
    return task.name if owner == LABD else f"{task.name} (plugin {owner})"
