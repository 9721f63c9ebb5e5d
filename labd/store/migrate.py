"""Bring a file to the present version: one transaction, a copy first, never backwards."""

import glob
import os
import re
import sqlite3
from contextlib import closing

from labd.errors import StateError
from labd.store import connect, durable, faults, snapshot
from labd.store.schema import Migration

Migrations = tuple[Migration, ...]

_COPY = re.compile(r".*\.v(\d+)-[^/]*").fullmatch


def create(path: str, migrations: Migrations) -> None:
    """A new database, made under another name: a file called *path* was complete from the start."""
    made = f"{path}.new"
    durable.create_private(made)
    with closing(connect.writer(made)) as connection:
        _apply(connection, 0, migrations)
    durable.put_in_place(made, path)


def migrate(connection: sqlite3.Connection, path: str, migrations: Migrations, now: float) -> str | None:
    """Apply what is missing; return the path of the copy made first, None when nothing was to do.

    Raises StateError when the file is newer than *migrations*, or when a migration fails: the file is
    then as it was. Raises StoreUnavailable when there is no room.
    """
    found = connect.version(connection)
    refuse_newer(path, found, migrations)
    if found == len(migrations):
        return None
    copy = durable.dated(f"{path}.v{found}-", now)
    snapshot.copy(connection, copy)
    try:
        _apply(connection, found, migrations)
    except sqlite3.Error as error:
        if faults.is_storage(error):
            raise faults.unavailable(path, error) from error
        raise _failed(path, found, len(migrations), copy, error) from error
    return copy


def refuse_newer(path: str, found: int, migrations: Migrations) -> None:
    """Raise StateError when the file is of a later labd."""
    if found > len(migrations):
        raise StateError(
            f"{path} has format {found}; this labd knows formats up to {len(migrations)}",
            hint=_way_back(path, len(migrations)),
            data={"found": found, "known": len(migrations)},
        )


def _way_back(path: str, known: int) -> str:
    """What to do with a file that is too new: the copy made before its upgrade fits, if there is one."""
    copies = [
        (int(match[1]), copy) for copy in glob.glob(f"{glob.escape(path)}.v*") if (match := _COPY(copy))
    ]
    fitting = [one for one in copies if one[0] <= known]
    if not fitting:
        return "start the labd that wrote it, or move the file away to begin anew"
    name = os.path.basename(max(fitting)[1])
    return (
        f"start the labd that wrote it; or go back to {name}, the copy made before the upgrade, which "
        "does not have what came later: docs/howto/upgrade.md"
    )


def missing(connection: sqlite3.Connection, migrations: Migrations) -> list[str]:
    """The columns (``table.column``) that the migrations make and the file has not."""
    with closing(in_memory(migrations)) as model:
        return sorted(_columns(model) - _columns(connection))


def in_memory(migrations: Migrations) -> sqlite3.Connection:
    """An empty database of the present version that is nowhere on disk."""
    connection = sqlite3.connect(":memory:", isolation_level=None)
    _apply(connection, 0, migrations)
    return connection


def _apply(connection: sqlite3.Connection, found: int, migrations: Migrations) -> None:
    connection.execute("BEGIN IMMEDIATE")
    try:
        for migration in migrations[found:]:
            for statement in migration:
                connection.execute(statement)
        connection.execute(f"PRAGMA user_version={len(migrations)}")
        connection.execute("COMMIT")
    except sqlite3.Error:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def _columns(connection: sqlite3.Connection) -> set[str]:
    rows = connection.execute(
        "SELECT m.name, c.name FROM sqlite_master m, pragma_table_info(m.name) c WHERE m.type = 'table'"
    )
    return {f"{table}.{column}" for table, column in rows}


def _failed(path: str, found: int, wanted: int, copy: str, error: sqlite3.Error) -> StateError:
    return StateError(
        f"{path} could not be brought from format {found} to {wanted}: {error}",
        hint=f"the file is unchanged and {os.path.basename(copy)} is a copy of it; report this, and start "
        "the labd that wrote it meanwhile",
    )
