"""The service that collects now and then."""

import logging

import trio

from labd.errors import LabdError
from labd.jobs.collect import Collector
from labd.jobs.decide import Clocks

log = logging.getLogger("labd.jobs")

FIRST = 60.0
"""Seconds after the start before the first run, at most."""

JUMP = 3600.0
"""Seconds: a wall clock that was set by more than this gets until the next run to be set right."""


class Sweeper:
    """Has *collector* collect every *interval* seconds."""

    def __init__(self, collector: Collector, clock: Clocks) -> None:
        self._collector = collector
        self._clock = clock
        self._changed = trio.Event()
        self._interval = FIRST

    @property
    def interval(self) -> float:
        return self._interval

    @interval.setter
    def interval(self, seconds: float) -> None:
        self._interval = seconds
        self._changed.set()

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        task_status.started()
        shift = self._shift()
        await trio.sleep(min(FIRST, self._interval))
        while True:
            if abs(self._shift() - shift) > JUMP:
                log.warning("the clock was set: what is old by it is not removed before the next time")
            else:
                await self._collect()
            shift = self._shift()
            await self._wait()

    async def _collect(self) -> None:
        try:
            left = 1
            while left:
                left = (await self._collector.collect()).left
        except (LabdError, OSError) as error:
            log.warning("what is old could not be removed: %s", error)

    async def _wait(self) -> None:
        """Until the interval is over, also one that is set meanwhile."""
        began = trio.current_time()
        while (left := began + self._interval - trio.current_time()) > 0:
            self._changed = trio.Event()
            with trio.move_on_after(left):
                await self._changed.wait()

    def _shift(self) -> float:
        return self._clock.wall() - self._clock.boot()
