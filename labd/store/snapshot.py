"""Copies of the database: taken while it is written, whole or absent, the newest few kept."""

import os
import sqlite3
from contextlib import closing

from labd.errors import StateError
from labd.store import connect, durable, faults


def copy(source: sqlite3.Connection, target: str) -> None:
    """Copy what *source* sees now to *target*, checked and durable; writers go on meanwhile.

    One step of SQLite's backup holds one read transaction, so the copy is of one moment. A copy that
    does not pass the check never takes the name. Raises StoreUnavailable, StateError.
    """
    made = f"{target}.new"
    try:
        durable.create_private(made)
        with closing(sqlite3.connect(made, isolation_level=None)) as connection:
            connection.execute("PRAGMA journal_mode=MEMORY")  # the copy is synced once, when it is whole
            connection.execute("PRAGMA synchronous=OFF")
            source.backup(connection)
        with closing(connect.reader(made, immutable=True)) as connection:
            found = connect.quick_check(connection)
        if found:
            raise StateError(f"{target}: the copy is damaged: {found}", hint="check the disk (dmesg)")
        durable.put_in_place(made, target)
    except (sqlite3.Error, OSError) as error:
        raise faults.unavailable(target, error) from error
    finally:
        durable.remove(made)


def take(path: str, target: str) -> None:
    """Copy the database at *path* to *target* through a connection of its own. Blocks."""
    try:
        with closing(connect.reader(path)) as source:
            copy(source, target)
    except sqlite3.Error as error:
        raise faults.unavailable(path, error) from error


def folder(path: str) -> str:
    """Where the snapshots of the database at *path* lie."""
    return os.path.join(os.path.dirname(path), "snapshots")


def newest_first(path: str) -> list[str]:
    """The snapshots of the database at *path*."""
    try:
        names = os.listdir(folder(path))
    except (FileNotFoundError, NotADirectoryError):
        return []
    stems = [name.removesuffix(".db") for name in names if name.startswith("labd-") and name.endswith(".db")]
    return [os.path.join(folder(path), f"{stem}.db") for stem in sorted(stems, reverse=True)]


def take_dated(path: str, now: float, keep: int) -> str:
    """Take a snapshot named after the time, then remove all but the newest *keep*. Blocks."""
    durable.make_dir(folder(path))
    target = durable.dated(os.path.join(folder(path), "labd-"), now, ".db")
    take(path, target)
    # A name later than this one was given while the clock was ahead: it is older than it says.
    limit = target.removesuffix(".db")
    kept = [copy for copy in newest_first(path) if copy.removesuffix(".db") <= limit][: max(keep, 1)]
    for old in set(newest_first(path)) - set(kept):
        durable.remove(old)
    return target
