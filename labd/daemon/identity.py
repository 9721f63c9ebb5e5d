"""What the daemon says of itself to every client."""

import os
import secrets
import sqlite3
from typing import Any

from labd.daemon import installed
from labd.store.writer import Store


def version() -> str:
    return installed.version("labd")


def epoch_of(store: Store) -> str:
    """The name of this life of the event log: as old as the file, and new after a repair.

    It is handed to the store before anything else, so that no event is older than its epoch.
    """
    found: str | None = store.read(_epoch)
    if found is not None and store.repair is None:
        return found
    fresh = secrets.token_hex(8)
    store.enqueue(lambda conn: _put_epoch(conn, fresh))
    return fresh


def _epoch(conn: sqlite3.Connection) -> str | None:
    row = conn.execute("select value from meta where key = 'epoch'").fetchone()
    return str(row[0]) if row else None


def _put_epoch(conn: sqlite3.Connection, epoch: str) -> None:
    conn.execute("insert or replace into meta(key, value) values('epoch', ?)", (epoch,))


_VERSION = version()


def identity(epoch: str) -> dict[str, Any]:
    """The daemon's part of the answer to ``hello``."""
    return {"labd": _VERSION, "epoch": epoch, "pid": os.getpid()}
