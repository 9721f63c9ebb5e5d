"""From a path to a connection that can be trusted: create, check, repair, migrate."""

import os
import sqlite3
from collections.abc import Callable
from contextlib import closing

from labd.store import connect, durable, faults, migrate, note, walindex
from labd.store.migrate import Migrations
from labd.store.note import Repair
from labd.store.repair import diagnose, keep_without_log, lost, repair

Connect = Callable[[str], sqlite3.Connection]


def open_file(
    path: str, now: float, migrations: Migrations, make: Connect, evidence: str = ""
) -> tuple[sqlite3.Connection, Repair | None]:
    """The write connection to the database at *path*, and what had to be repaired, now or earlier: an old
    note counts until somebody removes it. *evidence* as for :func:`labd.store.repair.lost`.

    Raises StateError (newer, or a migration failed) and StoreUnavailable (no room, no access).
    """
    try:
        promised = walindex.promised(path)
        _prepare(path)
        repaired = _make_good(path, now, migrations, promised, evidence) or note.read(path)
        return _ready(path, now, migrations, make), repaired
    except (sqlite3.Error, OSError) as error:
        raise faults.unavailable(path, error) from error


def reopen_file(path: str, make: Connect) -> sqlite3.Connection:
    """A fresh write connection after a failure, once the file passes the check and takes a change."""
    connection = make(path)
    try:
        if found := connect.quick_check(connection):
            raise faults.damage(found)
        connection.execute("INSERT OR REPLACE INTO meta (key, value) VALUES ('probe', random())")
    except BaseException:
        connection.close()
        raise
    return connection


def _prepare(path: str) -> None:
    durable.make_dir(os.path.dirname(path))
    for suffix in ("", "-wal", "-shm", "-journal"):
        durable.remove(f"{path}.new{suffix}")
    durable.remove(f"{path}-wal.new")
    _secure_log(f"{path}-wal")


def _secure_log(log: str) -> None:
    """Put the log of a labd that was killed on fresh blocks before anything is built upon it.

    After a failed fsync the kernel may show pages that never reached the disk. A log that is read from
    there, and carried over or continued, could be torn by a power cut in places that were promised.
    """
    if os.path.exists(log) and os.path.getsize(log):
        durable.write_anew(log)


def _make_good(
    path: str, now: float, migrations: Migrations, promised: walindex.Promised | None, evidence: str
) -> Repair | None:
    if not os.path.exists(path):
        if cause := lost(path, evidence):
            return repair(path, migrations, now, cause)
        migrate.create(path, migrations)
    elif cause := diagnose(path, migrations):
        return repair(path, migrations, now, cause)
    elif promised is not None:
        return _compare_log(path, now, migrations, promised)
    return None


def _compare_log(path: str, now: float, migrations: Migrations, promised: walindex.Promised) -> Repair | None:
    with closing(connect.writer(path)) as connection:
        found = connect.frames(connection)
        if found >= promised.frames:
            return None
        cause = f"of {promised.frames} records in the log {found} can be read"
        if found >= promised.carried_over:
            return keep_without_log(path, now, cause)
    # The file is newer than what the log still tells: together they are no state that ever was.
    return repair(path, migrations, now, cause)


def _ready(path: str, now: float, migrations: Migrations, make: Connect) -> sqlite3.Connection:
    connection = make(path)
    try:
        migrate.migrate(connection, path, migrations, now)
        connect.checkpoint(connection, "TRUNCATE")
    except BaseException:
        connection.close()
        raise
    return connection
