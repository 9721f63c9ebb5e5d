"""Group commit: many changes, one transaction, one fsync; a change that raises rolls back alone."""

import sqlite3
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from labd.errors import InternalError
from labd.store import faults

Change = Callable[[sqlite3.Connection], Any]
Done = Callable[[Any, BaseException | None], None]


class Outcome(NamedTuple):
    """What a change returned, or the error that it raised."""

    value: Any
    error: BaseException | None


def commit(connection: sqlite3.Connection, changes: Sequence[Change]) -> list[Outcome]:
    """Apply *changes* in order and make them durable together; their outcomes, in order.

    Raises sqlite3.Error when the storage fails: then none of them counts.
    """
    connection.execute("BEGIN IMMEDIATE")
    outcomes = [_apply(connection, change) for change in changes]
    connection.execute("COMMIT")
    return outcomes


def _apply(connection: sqlite3.Connection, change: Change) -> Outcome:
    connection.execute("SAVEPOINT change")
    try:
        outcome = Outcome(change(connection), None)
    except BaseException as error:
        if faults.is_storage(error):
            raise
        connection.execute("ROLLBACK TO change")
        outcome = Outcome(None, presentable(error))
    # Fails when the change ended the transaction by itself, and with it fails the whole batch.
    connection.execute("RELEASE change")
    return outcome


def presentable(error: BaseException) -> Exception:
    """Exit and interrupt, raised in a task by mistake, would stop the daemon: they become a defect."""
    if isinstance(error, Exception):
        return error
    defect = InternalError(f"a change to the store raised {type(error).__name__}")
    defect.__cause__ = error
    return defect
