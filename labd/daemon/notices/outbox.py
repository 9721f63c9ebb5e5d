"""Notices that are owed: the only SQL on the table ``outbox``, and on how far the log was looked through."""

import sqlite3
from collections.abc import Sequence
from typing import Any

import msgspec

from labd.daemon.notices.owed import Notice

SEEN = "notices"
"""The key in ``meta`` of the last event that was looked at."""


class Owed(msgspec.Struct, frozen=True):
    """A notice that is not yet delivered, with when it may be tried again."""

    number: int
    id: str
    target: str
    tries: int
    ready_wall: float
    ready_boot: float
    ready_boot_id: str
    message: dict[str, Any] = {}


_FIELDS = "number, id, target, tries, ready_wall, ready_boot, ready_boot_id"


def seen(conn: sqlite3.Connection) -> int:
    """The number of the last event that was looked at."""
    row = conn.execute("select value from meta where key = ?", (SEEN,)).fetchone()
    return int(row[0]) if row else 0


def put(conn: sqlite3.Connection, notices: Sequence[Notice], cursor: int) -> list[int]:
    """Owe *notices*, all that there is up to the event *cursor*; their numbers."""
    conn.execute("insert or replace into meta(key, value) values(?, ?)", (SEEN, cursor))
    query = "insert into outbox(id, target, message) values(?, ?, ?)"
    rows = [(n.id, n.target, msgspec.json.encode(n.message).decode()) for n in notices]
    return [int(conn.execute(query, row).lastrowid or 0) for row in rows]


def waiting(conn: sqlite3.Connection) -> list[Owed]:
    """All that is owed, oldest first, without the messages."""
    return [Owed(*row) for row in conn.execute(f"select {_FIELDS} from outbox order by number")]


def get(conn: sqlite3.Connection, number: int) -> Owed | None:
    """One that is owed, with its message."""
    query = f"select {_FIELDS}, message from outbox where number = ?"
    row = conn.execute(query, (number,)).fetchone()
    if row is None:
        return None
    *fields, message = row
    return msgspec.structs.replace(Owed(*fields), message=msgspec.json.decode(message))


def put_off(conn: sqlite3.Connection, number: int, tries: int, ready: dict[str, Any]) -> None:
    """Note that it was tried, and when it may be tried again."""
    when = (ready["ready_wall"], ready["ready_boot"], ready["ready_boot_id"])
    query = "update outbox set tries = ?, ready_wall = ?, ready_boot = ?, ready_boot_id = ? where number = ?"
    conn.execute(query, (tries, *when, number))


def drop(conn: sqlite3.Connection, number: int) -> None:
    """It is owed no more."""
    conn.execute("delete from outbox where number = ?", (number,))


def counts(conn: sqlite3.Connection) -> dict[str, int]:
    """How many are owed to each target that is owed any."""
    return dict(conn.execute("select target, count(*) from outbox group by target").fetchall())
