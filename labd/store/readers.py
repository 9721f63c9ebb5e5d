"""Questions to the database, each in one read transaction, on connections that cannot write."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from typing import TypeVar

import trio

from labd.store import connect, faults

T = TypeVar("T")


class Readers:
    """One connection kept for the loop's small reads, and one at a time for slow reads in a thread."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._kept: sqlite3.Connection | None = None
        self._slow = trio.CapacityLimiter(1)

    def read(self, query: Callable[[sqlite3.Connection], T]) -> T:
        """Run *query* at once. Raises StoreUnavailable, and what the query raises."""
        try:
            if self._kept is None:
                self._kept = connect.reader(self._path)
            return _ask(self._kept, query)
        except sqlite3.Error as error:
            raise self._translated(error) from error

    async def read_slow(self, query: Callable[[sqlite3.Connection], T]) -> T:
        """Run *query* in a thread. Raises StoreUnavailable, and what the query raises."""
        return await trio.to_thread.run_sync(self._apart, query, limiter=self._slow)

    def close(self) -> None:
        """Let go of the file; a later read opens it again."""
        if self._kept is not None:
            self._kept.close()
            self._kept = None

    def _apart(self, query: Callable[[sqlite3.Connection], T]) -> T:
        try:
            with closing(connect.reader(self._path)) as connection:
                return _ask(connection, query)
        except sqlite3.Error as error:
            raise self._translated(error) from error

    def _translated(self, error: sqlite3.Error) -> Exception:
        return faults.unavailable(self._path, error) if faults.is_storage(error) else error


def _ask(connection: sqlite3.Connection, query: Callable[[sqlite3.Connection], T]) -> T:
    connection.execute("BEGIN")
    try:
        return query(connection)
    finally:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
