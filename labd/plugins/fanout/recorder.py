"""Makes what happens durable, in one thread: much that comes at once costs one fsync a file."""

from collections.abc import Callable
from logging import Logger
from operator import attrgetter
from typing import NamedTuple

import trio

from labd.plugins.fanout.files import Growing

PAUSE = 1.0
"""Seconds until a disk that refused is tried again."""


class Write(NamedTuple):
    """Bytes for the end of some files; *done* is called on the loop once they are durable."""

    parts: tuple[tuple[Growing, bytes], ...]
    done: Callable[[], object]


class Recorder:
    """:meth:`run` must be running. What is put first is durable first."""

    def __init__(self, log: Logger) -> None:
        self._log = log
        self._queue: list[Write] = []
        self._news = trio.Event()
        self._turn = trio.CapacityLimiter(1)
        self.trouble = ""

    async def run(self) -> None:
        """Write until cancelled; a disk that refuses is asked again, and nothing counts meanwhile."""
        while True:
            await self._news.wait()
            self._news = trio.Event()
            batch, self._queue = self._queue, []
            if batch:
                await self._write(batch)
                for write in batch:
                    write.done()

    def put(self, *parts: tuple[Growing, bytes], done: Callable[[], object]) -> None:
        """Have *parts* written soon."""
        self._queue.append(Write(tuple((file, data) for file, data in parts if data), done))
        self._news.set()

    async def commit(self, *parts: tuple[Growing, bytes]) -> None:
        """Return when *parts* are durable, with all that was put before."""
        durable = trio.Event()
        self.put(*parts, done=durable.set)
        await durable.wait()

    async def _write(self, batch: list[Write]) -> None:
        joined: dict[Growing, list[bytes]] = {}
        for write in batch:
            for file, data in write.parts:
                joined.setdefault(file, []).append(data)
        while joined:
            try:
                await trio.to_thread.run_sync(_append, joined, limiter=self._turn)
                self.trouble = ""
            except OSError as error:
                if not self.trouble:
                    self._log.warning("cannot record results: %s; trying again", error)
                self.trouble = f"nothing can be recorded: {error.strerror or error}"
                await trio.sleep(PAUSE)


def _append(joined: dict[Growing, list[bytes]]) -> None:
    """Append to one file after the other; what is durable is taken out."""
    for file in sorted(joined, key=attrgetter("late")):
        file.append(b"".join(joined[file]))
        del joined[file]
