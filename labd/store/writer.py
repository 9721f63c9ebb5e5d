"""The store as the daemon sees it: changes go in and are durable, questions are answered beside them."""

import logging
import os
import sqlite3
import threading
import time
from collections.abc import Callable
from typing import Any, TypeVar

import trio
from outcome import Error, Value

from labd.errors import InternalError, StoreUnavailable
from labd.store import connect, faults, note, opening, snapshot
from labd.store.batch import Done
from labd.store.migrate import Migrations
from labd.store.note import Repair
from labd.store.readers import Readers
from labd.store.schema import MIGRATIONS
from labd.store.tally import State, Statistics, Tally
from labd.store.thread import Item, Report, Writer

T = TypeVar("T")
log = logging.getLogger("labd.store")


class Store:
    """One SQLite file, one thread that writes it. Made by :meth:`open`; every method is for the loop.

    *cause* says why nothing can be stored now.
    """

    def __init__(self, path: str, writer: Writer, repair: Repair | None, now: Callable[[], float]) -> None:
        self.path = path
        self._repair = repair
        self.now = now
        self.cause: StoreUnavailable | None = None
        self._writer = writer
        self._readers = Readers(path)
        self._tally = Tally()
        self._failing = trio.Event()
        self._thread: threading.Thread | None = None
        self._crash: BaseException | None = None
        self._closed = False

    @classmethod
    def open(
        cls,
        path: str,
        *,
        now: Callable[[], float] = time.time,
        migrations: Migrations = MIGRATIONS,
        make: opening.Connect = connect.writer,
        checkpoint_every: int = 500,
        evidence: str = "",
    ) -> "Store":
        """The store in the file at *path*: created, checked, repaired and migrated as needed. Blocks.

        *now* gives Unix seconds for the names of copies, *checkpoint_every* is in changes, *evidence* is
        what says that there was a database, should it be missing. Raises StateError when the file is
        newer or a migration fails, StoreUnavailable when it cannot be read or written.
        """
        path = os.path.abspath(path)
        opened = opening.open_file(path, now(), migrations, make, evidence)
        return cls.over(path, *opened, now=now, make=make, checkpoint_every=checkpoint_every)

    @classmethod
    def over(
        cls,
        path: str,
        connection: sqlite3.Connection,
        repair: Repair | None,
        *,
        now: Callable[[], float] = time.time,
        make: opening.Connect = connect.writer,
        checkpoint_every: int = 500,
    ) -> "Store":
        """The store over a file that :func:`labd.store.opening.open_file` has opened."""
        writer = Writer(path, connection, lambda: opening.reopen_file(path, make), checkpoint_every)
        return cls(path, writer, repair, now)

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """The service: owns the thread. Ends on :meth:`close` or cancellation, after what was queued."""
        token, ended = trio.lowlevel.current_trio_token(), trio.Event()
        self._thread = threading.Thread(target=self._work, args=(token, ended), name="store", daemon=True)
        self._thread.start()
        task_status.started()
        try:
            await ended.wait()
        finally:
            self.close()
            with trio.CancelScope(shield=True):
                await ended.wait()
            self._readers.close()
        if self._crash is not None:
            raise InternalError("the thread that writes the store has died") from self._crash

    # -- changes ---------------------------------------------------------------------------------

    def enqueue(self, change: Callable[[sqlite3.Connection], T], done: Done | None = None) -> None:
        """Hand *change* over and return at once; changes are applied in the order of these calls.

        ``done(value, error)`` is called on the loop, in the same order, after the commit is durable or
        has failed. Raises StoreUnavailable when the store is closed.
        """
        self._put(Item(change, done))

    async def write(self, change: Callable[[sqlite3.Connection], T]) -> T:
        """Apply *change* and return what it returned, durable.

        Cancellation before it is handed over leaves nothing; after that the answer is waited for.
        Raises what the change raises (it alone is rolled back), and StoreUnavailable.
        """
        answer: T = await self._ask(lambda done: self._put(Item(change, done)))
        return answer

    def check(self) -> None:
        """Raise StoreUnavailable when a change would be refused now."""
        if self.cause is not None:
            raise StoreUnavailable(self.cause.message, hint=self.cause.hint)
        if self._closed:
            raise self._closed_error()

    # -- questions -------------------------------------------------------------------------------

    def read(self, query: Callable[[sqlite3.Connection], T]) -> T:
        """Run a small *query* at once; it sees what is durable. Raises StoreUnavailable."""
        return self._readers.read(query)

    async def read_slow(self, query: Callable[[sqlite3.Connection], T]) -> T:
        """Run *query* in a thread, one such at a time. Raises StoreUnavailable."""
        return await self._readers.read_slow(query)

    async def snapshot(self, path: str) -> None:
        """Copy the database to *path*, whole and durable, while it is written. Raises StoreUnavailable."""
        await trio.to_thread.run_sync(snapshot.take, self.path, path)

    @property
    def repair(self) -> Repair | None:
        """What had to be done to a damaged file, until somebody removes the note of it."""
        if self._repair is not None and not os.path.exists(note.path_of(self.path)):
            self._repair = None
        return self._repair

    def note(self, repair: Repair) -> None:
        """Keep *repair* as the note. Raises StoreUnavailable."""
        try:
            note.write(self.path, repair)
        except OSError as error:
            raise faults.unavailable(self.path, error) from error
        self._repair = repair

    def statistics(self) -> Statistics:
        """Where the store stands now."""
        state: State = "closed" if self._closed else "failed" if self.failed else "open"
        cause = self.cause.message if self.cause else ""
        return self._tally.statistics(self.path, state, cause, self._writer.queued())

    # -- failure and end -------------------------------------------------------------------------

    @property
    def failed(self) -> bool:
        """True from the first failed commit until :meth:`reopen` has succeeded."""
        return self._failing.is_set()

    async def wait_failed(self) -> None:
        """Wait until nothing can be stored; returns at once while that is so."""
        await self._failing.wait()

    async def reopen(self) -> None:
        """Try to get out of a failure: rescue, open anew, check, probe. Raises StoreUnavailable."""
        await self._ask(self._queue_reopening)

    def close(self) -> None:
        """No more changes: :meth:`run` stores what is queued and returns; without run, this does."""
        self._readers.close()
        if self._closed:
            return
        self._put(Item(self._writer.stop, None, control=True))
        self._closed = True
        if self._thread is None:
            self._writer.run(self._settle)

    # -- inside ----------------------------------------------------------------------------------

    def _put(self, item: Item) -> None:
        if self._closed:
            raise self._closed_error()
        self._writer.put(item)

    def _queue_reopening(self, done: Done) -> None:
        def opened(value: Any, error: BaseException | None) -> None:
            if error is None and self.failed:
                self._failing, self.cause = trio.Event(), None
            done(value, error)

        self._put(Item(self._writer.reopen, opened, control=True))

    async def _ask(self, put: Callable[[Done], None]) -> Any:
        await trio.lowlevel.checkpoint_if_cancelled()
        if self._thread is None:
            raise InternalError(f"{self.path} is written to before the store's service runs")
        task = trio.lowlevel.current_task()
        put(lambda value, error: _resume(task, value, error))
        return await trio.lowlevel.wait_task_rescheduled(lambda _: trio.lowlevel.Abort.FAILED)

    def _work(self, token: trio.lowlevel.TrioToken, ended: trio.Event) -> None:
        try:
            self._writer.run(lambda report: token.run_sync_soon(self._settle, report))
        except BaseException as error:
            self._crash = error
        finally:
            token.run_sync_soon(self._end, ended)

    def _end(self, ended: trio.Event) -> None:
        self._closed = True
        self._settle(self._writer.abandon(self._closed_error()))
        ended.set()

    def _settle(self, report: Report) -> None:
        if report.seconds is not None:
            self._tally.committed(len(report.settled), report.seconds)
        if report.fault is not None:
            self._tally.failed()
            self.cause = report.fault
            self._failing.set()
        for done, outcome in report.settled:
            if done is not None:
                _tell(done, *outcome)

    def _closed_error(self) -> StoreUnavailable:
        return StoreUnavailable(f"{self.path} is closed", hint="labd is stopping; try again in a moment")


def _tell(done: Done, value: Any, error: BaseException | None) -> None:
    try:
        done(value, error)
    except Exception:
        log.exception("a callback of the store raised")  # the neighbours' answers still go out


def _resume(task: trio.lowlevel.Task, value: Any, error: BaseException | None) -> None:
    trio.lowlevel.reschedule(task, Value(value) if error is None else Error(error))
