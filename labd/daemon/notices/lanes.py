"""One lane for each target: notices wait there for their time, and a target that hangs delays no other."""

from collections.abc import Awaitable, Callable, Iterable
from heapq import heapify, heappop, heappush

import trio

Deliver = Callable[[int], Awaitable[float | None]]
"""Tries the notice of a number once; seconds until it may be tried again, None when it is owed no more."""


class Lane:
    """Notices of one target by the time of their next try; one is tried at a time."""

    def __init__(self, deliver: Deliver, now: Callable[[], float]) -> None:
        self._deliver = deliver
        self._now = now
        self._due: list[tuple[float, int]] = []
        self._news = trio.Event()

    def add(self, number: int, delay: float) -> None:
        """Try the notice *number* in so many seconds."""
        heappush(self._due, (self._now() + delay, number))
        self._news.set()

    def hurry(self) -> None:
        """Try all of them now."""
        self._due = [(self._now(), number) for _, number in self._due]
        heapify(self._due)
        self._news.set()

    async def run(self) -> None:
        """Deliver until nothing is owed."""
        while self._due:
            self._news = trio.Event()
            due, number = self._due[0]
            if (delay := due - self._now()) > 0:
                with trio.move_on_after(delay):
                    await self._news.wait()
                continue
            heappop(self._due)
            again = await self._deliver(number)
            if again is not None:
                self.add(number, again)


class Lanes:
    """The lanes of all targets that are owed anything. *now* is the clock of delays."""

    def __init__(self, deliver: Deliver, now: Callable[[], float]) -> None:
        self._deliver = deliver
        self._now = now
        self._lanes: dict[str, Lane] = {}

    def add(self, nursery: trio.Nursery, owed: Iterable[tuple[str, int, float]]) -> None:
        """Deliver each (target, number) after its delay, in tasks of *nursery*."""
        for target, number, delay in owed:
            if (lane := self._lanes.get(target)) is None:
                lane = self._lanes[target] = Lane(self._deliver, self._now)
                nursery.start_soon(self._run, target, lane)
            lane.add(number, delay)

    def hurry(self) -> None:
        """Try everything now."""
        for lane in self._lanes.values():
            lane.hurry()

    async def _run(self, target: str, lane: Lane) -> None:
        try:
            await lane.run()
        finally:
            del self._lanes[target]
