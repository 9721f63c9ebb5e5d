"""The writer thread's side: take what is queued, commit it together, report; hold still after a fault.

After a failed commit the connection is kept, unused, until :meth:`Writer.reopen`. Its index of the log
ends at the last commit that was synced; whatever a failed commit left behind lies after that end. So
reopening lets this connection carry the log over into the file (fresh writes, fresh fsync), which drops
the rest, and only then opens another. To open at once would read the log from the page cache, where
frames look whole that the disk never got, and build upon them.
"""

import queue
import sqlite3
import time
from collections.abc import Callable, Sequence
from itertools import groupby
from typing import Any, NamedTuple

from labd.errors import StoreUnavailable
from labd.store import connect, faults
from labd.store.batch import Done, Outcome, commit, presentable

MAX_BATCH = 1024
"""Changes in one commit; more would hold the loop too long when their outcomes are delivered."""


class Item(NamedTuple):
    """Something queued; a *control* (reopen, stop) is obeyed alone and gets no connection."""

    change: Callable[..., Any]
    done: Done | None
    control: bool = False


class Report(NamedTuple):
    """What became of some items. *seconds* is set when they were committed, *fault* when that failed."""

    settled: list[tuple[Done | None, Outcome]]
    seconds: float | None = None
    fault: StoreUnavailable | None = None


class Writer:
    """Owns the write connection. Everything but :meth:`put` runs in one thread."""

    def __init__(
        self,
        path: str,
        connection: sqlite3.Connection,
        reopen: Callable[[], sqlite3.Connection],
        checkpoint_every: int,
    ) -> None:
        self._path = path
        self._connection: sqlite3.Connection | None = connection
        self._reopen = reopen
        self._checkpoint_every = checkpoint_every
        self._queue: queue.SimpleQueue[Item] = queue.SimpleQueue()
        self._fault: StoreUnavailable | None = None
        self._unsaved = 0
        self._stopping = False

    def put(self, item: Item) -> None:
        """Queue *item*; order is kept. Cheap, from any thread."""
        self._queue.put(item)

    def queued(self) -> int:
        """How many items wait."""
        return self._queue.qsize()

    def run(self, deliver: Callable[[Report], None]) -> None:
        """Work until told to stop; every item put before that is answered through *deliver*."""
        while not self._stopping:
            for control, items in groupby(self._take(), key=lambda item: item.control):
                act = self._obey if control else self._write
                act(list(items), deliver)
        self._close()

    def abandon(self, error: StoreUnavailable) -> Report:
        """Answer everything that is still queued with *error*, for when the thread is no more."""
        return _refusal([self._queue.get() for _ in range(self.queued())], error)

    def stop(self) -> None:
        """Control: let :meth:`run` finish after the items before this one."""
        self._stopping = True

    def reopen(self) -> None:
        """Control: replace the connection after a fault. Raises StoreUnavailable while it persists."""
        if self._fault is None:
            return
        try:
            self._retire()
            self._connection = self._reopen()
        except sqlite3.Error as error:
            self._fault = faults.unavailable(self._path, error)
            raise self._fault from error
        self._fault = None

    def _take(self) -> list[Item]:
        items = [self._queue.get()]
        try:
            while len(items) < MAX_BATCH:
                items.append(self._queue.get_nowait())
        except queue.Empty:
            pass
        return items

    def _obey(self, items: Sequence[Item], deliver: Callable[[Report], None]) -> None:
        for item in items:
            try:
                item.change()
                outcome = Outcome(None, None)
            except BaseException as error:
                outcome = Outcome(None, presentable(error))
            deliver(Report([(item.done, outcome)]))

    def _write(self, items: list[Item], deliver: Callable[[Report], None]) -> None:
        if self._fault is not None or self._connection is None:
            deliver(_refusal(items, self._fault or StoreUnavailable(f"{self._path} is closed")))
            return
        began = time.perf_counter()
        try:
            outcomes = commit(self._connection, [item.change for item in items])
        except BaseException as error:
            deliver(_refusal(items, self._fail(error))._replace(fault=self._fault))
            return
        taken = time.perf_counter() - began
        deliver(Report([(item.done, outcome) for item, outcome in zip(items, outcomes, strict=True)], taken))
        self._checkpoint(len(items), deliver)

    def _checkpoint(self, changes: int, deliver: Callable[[Report], None]) -> None:
        """Now and then, after the answers went out, so that hardly anybody waits for it."""
        self._unsaved += changes
        if self._unsaved < self._checkpoint_every or self._connection is None:
            return
        self._unsaved = 0
        try:
            connect.checkpoint(self._connection)
        except BaseException as error:
            deliver(Report([], fault=self._fail(error)))

    def _fail(self, error: BaseException) -> StoreUnavailable:
        self._fault = faults.unavailable(self._path, error)
        self._fault.__cause__ = error
        try:
            self._roll_back()
        except sqlite3.Error:
            pass  # SQLite has rolled back by itself, or reopening will find out
        return self._fault

    def _roll_back(self) -> None:
        if self._connection is not None and self._connection.in_transaction:
            self._connection.execute("ROLLBACK")

    def _retire(self) -> None:
        if self._connection is None:
            return
        self._roll_back()
        connect.checkpoint(self._connection, "TRUNCATE")
        self._connection.close()
        self._connection = None

    def _close(self) -> None:
        try:
            self._retire()
        except sqlite3.Error:
            pass  # the log stays as it is, and is carried over at the next start
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def _refusal(items: Sequence[Item], error: StoreUnavailable) -> Report:
    """Each caller gets an error of its own: one that is raised twice collects foreign tracebacks."""
    return Report([(item.done, Outcome(None, _twin(error))) for item in items])


def _twin(error: StoreUnavailable) -> StoreUnavailable:
    twin = StoreUnavailable(error.message, hint=error.hint, data=error.data)
    twin.__cause__ = error.__cause__
    return twin
