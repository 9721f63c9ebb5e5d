"""The log of everything that happened: the only SQL on the table ``events``.

Old events are removed, those of a job only with the job. Numbers are never used again. Below the first
number of :func:`bounds` the log has gaps; what is left there are the events of jobs that are.
"""

import json
import sqlite3
from collections.abc import Collection, Iterable, Sequence

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
    """The numbers from which on and up to which the log has every event; (0, 0) before the first one."""
    # one query for each end: SQLite finds either at once, but not both in one sweep
    query = """select (select min(seq) from events), (select max(seq) from events),
    (select value from meta where key = 'events_from'), (select value from meta where key = 'last_event')"""
    first, last, kept_from, given = conn.execute(query).fetchone()
    return max(int(first or 0), int(kept_from or 0)), max(int(last or 0), int(given or 0))


def loose(conn: sqlite3.Connection, above: int, limit: int) -> list[tuple[int, float]]:
    """(number, time) of events above *above* that are about no job that is there."""
    query = """select seq, time from events
    where seq > ? and not exists (select 1 from jobs where jobs.id = events.job) order by seq limit ?"""
    return conn.execute(query, (above, limit)).fetchall()


def remove_about(conn: sqlite3.Connection, jobs: Collection[int]) -> int:
    """Remove the events about *jobs*; how many there were."""
    return _remove(conn, "job in (select value from json_each(?))", jobs)


def remove(conn: sqlite3.Connection, numbers: Collection[int]) -> int:
    """Remove the events with these numbers; how many there were."""
    return _remove(conn, "seq in (select value from json_each(?))", numbers)


def _remove(conn: sqlite3.Connection, condition: str, values: Collection[int]) -> int:
    chosen = (json.dumps(list(values)),)
    last = conn.execute(f"select max(seq) from events where {condition}", chosen).fetchone()[0]
    if last is None:
        return 0
    _raise(conn, "last_event", bounds(conn)[1])
    _raise(conn, "events_from", last + 1)
    return conn.execute(f"delete from events where {condition}", chosen).rowcount


def _raise(conn: sqlite3.Connection, key: str, value: int) -> None:
    conn.execute(
        "insert into meta(key, value) values(?, ?) on conflict(key) "
        "do update set value = max(value, excluded.value)", (key, value),
    )  # fmt: skip
