"""From a path to a connection that can be trusted: create, check, repair, migrate."""

import os
import sqlite3
from collections.abc import Callable

from labd.store import connect, durable, faults, migrate
from labd.store.migrate import Migrations
from labd.store.repair import Repair, diagnose, lost, repair

Connect = Callable[[str], sqlite3.Connection]


def open_file(
    path: str, now: float, migrations: Migrations, make: Connect
) -> tuple[sqlite3.Connection, Repair | None]:
    """The write connection to the database at *path*, and what had to be repaired.

    Raises StateError (newer, or a migration failed) and StoreUnavailable (no room, no access).
    """
    try:
        _prepare(path)
        repaired = _make_good(path, now, migrations)
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


def _make_good(path: str, now: float, migrations: Migrations) -> Repair | None:
    cause = diagnose(path, migrations) if os.path.exists(path) else lost(path)
    if cause:
        return repair(path, migrations, now, cause)
    if not os.path.exists(path):
        migrate.create(path, migrations)
    return None


def _ready(path: str, now: float, migrations: Migrations, make: Connect) -> sqlite3.Connection:
    connection = make(path)
    try:
        migrate.migrate(connection, path, migrations, now)
        connect.checkpoint(connection, "TRUNCATE")
    except BaseException:
        connection.close()
        raise
    return connection
