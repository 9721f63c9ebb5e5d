"""The log of everything that happened: the only SQL on the table ``events``."""

import sqlite3
from collections.abc import Iterable, Sequence

import msgspec

from labd.api.node import Event

_PUT = "insert into events(seq, time, kind, actor, cause, job, data) values(?, ?, ?, ?, ?, ?, ?)"
_encode = msgspec.json.Encoder().encode


def put(conn: sqlite3.Connection, events: Iterable[Event]) -> None:
    rows = [
        (e.seq, e.time, e.kind, e.actor, e.cause, e.data.get("job"), _encode(e.data).decode()) for e in events
    ]
    conn.executemany(_PUT, rows)


def after(
    conn: sqlite3.Connection, seq: int, limit: int, job: int | None = None, kinds: Sequence[str] = ()
) -> list[Event]:
    """Events with a number above *seq*, in order, *limit* at most; *kinds* are patterns like ``job.*``."""
    conditions, values = ["seq > ?"], [seq]
    if job is not None:
        conditions, values = [*conditions, "job = ?"], [*values, job]
    if kinds:
        conditions.append(f"({' or '.join(['kind glob ?'] * len(kinds))})")
    where = " and ".join(conditions)
    query = f"select seq, time, kind, actor, cause, data from events where {where} order by seq limit ?"
    rows = conn.execute(query, (*values, *kinds, limit))
    return [Event(s, t, k, a, c, msgspec.json.decode(d)) for s, t, k, a, c, d in rows]


def bounds(conn: sqlite3.Connection) -> tuple[int, int]:
    """The first and the last number in the log; (0, 0) when it is empty."""
    # two queries in one: SQLite finds either end of the table at once, but not both in one sweep
    query = "select (select min(seq) from events), (select max(seq) from events)"
    first, last = conn.execute(query).fetchone()
    return int(first or 0), int(last or 0)
