"""Connections: the one that writes, those that only read, and what is asked of them.

Nothing in the daemon may open and close the database file by other means while a connection lives:
closing any descriptor of it drops the POSIX locks that SQLite holds for this process.
"""

import os
import sqlite3
from urllib.parse import quote

from labd.errors import StateError

FILE = "labd.db"
PATIENCE = 5.0
"""Seconds to wait for a lock that somebody outside labd holds."""


def writer(path: str, factory: type[sqlite3.Connection] = sqlite3.Connection) -> sqlite3.Connection:
    """The read-write connection to an existing file: WAL, every commit synced, no hidden checkpoints.

    Raises sqlite3.Error, and StateError where the file system cannot carry a log (shared memory).

    Checkpoints are labd's own statements because SQLite's automatic ones swallow I/O errors.
    """
    connection = _connect(path, "mode=rw", PATIENCE, factory)
    try:
        if connection.execute("PRAGMA journal_mode=WAL").fetchone() != ("wal",):
            raise StateError(f"{path}: SQLite can keep no log there", hint="use a directory on a local disk")
        for pragma in ("synchronous=FULL", "wal_autocheckpoint=0", "trusted_schema=OFF"):
            connection.execute(f"PRAGMA {pragma}").fetchall()
    except BaseException:
        connection.close()
        raise
    return connection


def reader(path: str, *, immutable: bool = False) -> sqlite3.Connection:
    """A connection that cannot write; *immutable* for a file that nobody writes, and leaves no trace."""
    connection = _connect(path, "immutable=1" if immutable else "mode=ro", 1.0, sqlite3.Connection)
    connection.execute("PRAGMA query_only=ON")
    return connection


def _connect(path: str, mode: str, patience: float, factory: type[sqlite3.Connection]) -> sqlite3.Connection:
    uri = f"file:{quote(os.path.abspath(path))}?{mode}"
    return sqlite3.connect(
        uri, uri=True, timeout=patience, isolation_level=None, check_same_thread=False, factory=factory
    )


def quick_check(connection: sqlite3.Connection) -> str | None:
    """What SQLite finds wrong with the file's structure, or None. Raises sqlite3.DatabaseError."""
    try:
        found = [str(row[0]) for row in connection.execute("PRAGMA quick_check(3)")]
    except UnicodeDecodeError:  # Python could not even read SQLite's complaint, which quotes the file
        return "the description of the tables is not text"
    return None if found == ["ok"] else "; ".join(found)


def checkpoint(connection: sqlite3.Connection, mode: str = "PASSIVE") -> None:
    """Carry the log over into the file and sync it. A reader in the way is no error."""
    connection.execute(f"PRAGMA wal_checkpoint({mode})").fetchall()


def frames(connection: sqlite3.Connection) -> int:
    """How many records of the log SQLite takes for good. What can be is carried over into the file."""
    return int(connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()[1])


def version(connection: sqlite3.Connection) -> int:
    """The number of the last migration that the file went through."""
    return int(connection.execute("PRAGMA user_version").fetchone()[0])
