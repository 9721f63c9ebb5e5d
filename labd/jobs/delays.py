"""Jobs that wait for a time: one task for all of them, however many there are."""

import heapq
import math
from collections.abc import Callable

import trio


class Delays:
    """Calls *due* with a job and its attempt when their time has come."""

    def __init__(self, due: Callable[[int, int], None]) -> None:
        self._due = due
        self._heap: list[tuple[float, int, int]] = []
        self._news = trio.Event()

    def add(self, job: int, attempt: int, seconds: float) -> None:
        """Let *job* wait for so many *seconds* from now."""
        heapq.heappush(self._heap, (trio.current_time() + seconds, job, attempt))
        if self._heap[0][1] == job:
            self._news.set()

    def clear(self) -> None:
        """Forget all that wait."""
        self._heap = []

    async def run(self) -> None:
        """The service."""
        while True:
            self._news = trio.Event()
            with trio.move_on_at(self._heap[0][0] if self._heap else math.inf):
                await self._news.wait()
            while self._heap and self._heap[0][0] <= trio.current_time():
                _, job, attempt = heapq.heappop(self._heap)
                self._due(job, attempt)
