"""A database that cannot be trusted: find out, set it aside, put the newest good snapshot in its place."""

import glob
import os
import sqlite3
from contextlib import closing

from labd.errors import StateError, StoreUnavailable
from labd.store import connect, durable, faults, migrate, note, snapshot
from labd.store.migrate import Migrations
from labd.store.note import Repair

_MAGIC = b"SQLite format 3\0"
_COMPANIONS = ("-wal", "-shm", "-journal")


def diagnose(path: str, migrations: Migrations, *, immutable: bool = False) -> str | None:
    """What is wrong with the file at *path*, None when it is good. Changes nothing.

    Noise in the log is not seen: it ends where a checksum fails, as it does after a power cut. That is
    the part of :mod:`labd.store.walindex`.
    Raises StateError when it is newer than *migrations*, StoreUnavailable when it cannot be read.
    """
    try:
        if cause := _header(path):
            return cause
        with closing(connect.reader(path, immutable=immutable)) as connection:
            return connect.quick_check(connection) or _content(connection, path, migrations)
    except (sqlite3.DatabaseError, OSError) as error:
        if isinstance(error, OSError) or faults.is_environment(error):
            raise faults.unavailable(path, error) from error
        return str(error)


def repair(path: str, migrations: Migrations, now: float, cause: str) -> Repair:
    """Set the database aside under a dated name, and restore the newest snapshot that is good."""
    aside = set_aside(path, now)
    restored = next((copy for copy in snapshot.newest_first(path) if _is_good(copy, migrations)), None)
    done = Repair(aside, restored, cause)
    # Noted before there is a good file again: after a cut the next start finds the note or the damage.
    note.write(path, done)
    if restored:
        durable.copy_file(restored, path)
    else:
        migrate.create(path, migrations)
    return done


def keep_without_log(path: str, now: float, cause: str) -> Repair:
    """Put a copy of the damaged log aside; the database is used as it is, with what its log still tells."""
    copy = durable.dated(f"{path}.damaged-", now) + "-wal"
    if os.path.exists(f"{path}-wal"):
        durable.copy_file(f"{path}-wal", copy)
    done = Repair((copy,) if os.path.exists(copy) else (), path, cause)
    note.write(path, done)
    return done


def set_aside(path: str, now: float) -> tuple[str, ...]:
    """Rename the database and its companions, so that SQLite still finds them together."""
    target = durable.dated(f"{path}.damaged-", now)
    moved = []
    # The companions go first: a cut in between leaves a file that is still found to be damaged, while
    # a log left behind could be replayed into the database that is restored.
    for suffix in (*_COMPANIONS, ""):
        if os.path.lexists(path + suffix):
            os.rename(path + suffix, target + suffix)
            moved.append(target + suffix)
    durable.fsync_dir(os.path.dirname(path))
    return tuple(reversed(moved))


def lost(path: str, evidence: str = "") -> str | None:
    """Why the absence of the file at *path* is a loss; None when it simply was never there. *evidence* is
    what the caller knows that can only be there after a database was."""
    if os.path.lexists(f"{path}-wal"):
        return f"{path} is missing while its log is there"
    if snapshot.newest_first(path):
        return f"{path} is missing while snapshots of it are there"
    if glob.glob(f"{glob.escape(path)}.damaged-*"):
        return f"{path} is missing since a damaged one was set aside"
    if evidence:
        return f"{path} is missing while {evidence}"
    return None


def _header(path: str) -> str | None:
    with open(path, "rb") as file:
        head = file.read(100)
    if len(head) < 100:
        return f"the file is {len(head)} bytes long"
    if head[:16] != _MAGIC:
        return "the file is not a SQLite database"
    # A write version that SQLite does not know opens read-only, and says so only at the first change.
    return "the header of the file is damaged" if head[18] not in (1, 2) else None


def _content(connection: sqlite3.Connection, path: str, migrations: Migrations) -> str | None:
    found = connect.version(connection)
    migrate.refuse_newer(path, found, migrations)
    if found < 0:
        return f"the file says format {found}"
    gone = migrate.missing(connection, migrations[:found])
    return f"the file has no {', '.join(gone[:3])}" if gone else None


def _is_good(copy: str, migrations: Migrations) -> bool:
    try:
        return diagnose(copy, migrations, immutable=True) is None
    except (StateError, StoreUnavailable):
        return False
