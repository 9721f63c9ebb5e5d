"""Ended jobs as rows that go: the only SQL that removes jobs, attempts, environments and events.

What is found by reading may have changed when it is removed. So :func:`remove` looks again, in the
transaction that removes: at the rows themselves, and at the jobs that are newer than the reading.
"""

import json
import sqlite3
from collections import Counter
from collections.abc import Collection, Iterable
from typing import NamedTuple

from labd.jobs import accounts, table
from labd.store import eventlog

PAGE = 2000
"""Jobs in one reading: no other reader waits long for its turn."""


_RECORD = "case when json_valid(jobs.record) then jobs.record end"
"""A record that cannot be read names nothing."""


class Row(NamedTuple):
    """An ended job, or an ended array as one: when labd last heard of it, and how many jobs it is."""

    id: int
    ended: float
    rows: int


class Named(NamedTuple):
    """What jobs above a number name: ids of jobs (arrays for their tasks) that unfinished ones depend on,
    environments, and the newest of the jobs themselves."""

    last: int
    wanted: frozenset[int]
    environments: frozenset[str]


class Removed(NamedTuple):
    """What went: how many jobs and events, the ended states of those that are no tasks, and :func:`named`
    of what was submitted since the reading."""

    jobs: int
    events: int
    states: Counter[str]
    since: Named


# -- reading --------------------------------------------------------------------------------------


def ended_units(conn: sqlite3.Connection, above: int) -> list[Row]:
    """Ended jobs and arrays with ids above *above*, a page."""
    query = """select id,
        coalesce((select time from events where job = jobs.id order by seq desc limit 1), submitted),
        1 + case when tasks is null then 0 else (select count(*) from jobs as t where t.array = jobs.id) end
    from jobs where array is null and live = 0 and id > ? order by id limit ?"""
    return [Row(*row) for row in conn.execute(query, (above, PAGE))]


def tasks(conn: sqlite3.Connection, array: int) -> list[int]:
    """The tasks of *array* that have rows."""
    query = "select id from jobs where array = ? order by id"
    return [number for (number,) in conn.execute(query, (array,))]


def units_above(conn: sqlite3.Connection, above: int, limit: int = 50_000) -> list[tuple[int, int]]:
    """(id, unit) of jobs with ids above *above*: the unit of a task is its array."""
    query = "select id, coalesce(array, id) from jobs where id > ? order by id limit ?"
    return conn.execute(query, (above, limit)).fetchall()


def named(conn: sqlite3.Connection, above: int) -> Named:
    """What jobs with ids above *above* name. Tasks name what their arrays do."""
    own = "from jobs where array is null and id > ?"
    (last,) = conn.execute("select coalesce(max(id), 0) from jobs where array is null").fetchone()
    environments = conn.execute(f"select json_extract({_RECORD}, '$.environment') {own}", (above,))
    return Named(
        max(last, above),
        _wanted(conn, above),
        frozenset(digest for (digest,) in environments if digest is not None),
    )


def _wanted(conn: sqlite3.Connection, above: int) -> frozenset[int]:
    query = f"""select distinct json_extract(one.value, '$.job')
    from jobs, json_each({_RECORD}, '$.spec.after') as one
    where jobs.live = 1 and jobs.array is null and jobs.id > ?"""
    found = [_unit(conn, number) for (number,) in conn.execute(query, (above,))]
    return frozenset(number for number in found if number is not None)


def _unit(conn: sqlite3.Connection, number: int) -> int | None:
    row = conn.execute("select coalesce(array, id) from jobs where id = ?", (number,)).fetchone()
    if row is None:  # a task without a row, or a job that is gone
        row = conn.execute(
            "select max(id) from jobs where tasks is not null and id < ? and id + tasks >= ?",
            (number, number),
        ).fetchone()
    return None if row[0] is None else int(row[0])


def environments_of(conn: sqlite3.Connection, above: int) -> list[tuple[int, str]]:
    """(id, environment) of jobs that are no tasks, with ids above *above*, a page."""
    query = f"""select id, json_extract({_RECORD}, '$.environment') from jobs
    where array is null and id > ? order by id limit ?"""
    return conn.execute(query, (above, PAGE)).fetchall()


def environments(conn: sqlite3.Connection) -> list[str]:
    return [digest for (digest,) in conn.execute("select digest from environments")]


def records(conn: sqlite3.Connection, above: int) -> list[tuple[int, int, str]]:
    """(id, whether unfinished, record) of jobs that are no tasks, with ids above *above*, a page."""
    query = "select id, live, record from jobs where array is null and id > ? order by id limit ?"
    return conn.execute(query, (above, PAGE)).fetchall()


def exists(conn: sqlite3.Connection, number: int) -> bool:
    return conn.execute("select 1 from jobs where id = ?", (number,)).fetchone() is not None


def events_about(conn: sqlite3.Connection, numbers: Collection[int]) -> int:
    """How many events are about these jobs."""
    query = "select count(*) from events where job in (select value from json_each(?))"
    return int(conn.execute(query, (_array(numbers),)).fetchone()[0])


def last_job(conn: sqlite3.Connection) -> int:
    """The highest id that a job which is gone had, or one before it; 0 before any went."""
    row = conn.execute("select value from meta where key = 'last_job'").fetchone()
    return int(row[0]) if row else 0


# -- removing -------------------------------------------------------------------------------------


def remove(conn: sqlite3.Connection, numbers: Collection[int], above: int) -> Removed:
    """Remove those of *numbers* that may go, with their attempts and events, and account for them.

    They may not when they are unfinished again, or when a job above *above*, which is newer than the
    reading, depends on them. An array stays while tasks of it do. Their ids are never used again.
    """
    since = named(conn, above)
    doomed = _doomed(conn, numbers, since.wanted)
    ids = _array(doomed)
    accounts.keep(conn, accounts.runs(conn, doomed))
    conn.execute(
        "insert into meta(key, value) values('last_job', ?) on conflict(key) "
        "do update set value = max(value, excluded.value)", (table.last_job(conn),),
    )  # fmt: skip
    events = eventlog.remove_about(conn, doomed)
    conn.execute("delete from attempts where job in (select value from json_each(?))", (ids,))
    conn.execute("delete from jobs where id in (select value from json_each(?))", (ids,))
    return Removed(len(doomed), events, Counter(state for state in doomed.values() if state), since)


def _doomed(
    conn: sqlite3.Connection, numbers: Collection[int], wanted: Collection[int]
) -> dict[int, str | None]:
    """Those that may go, with the states of those that are no tasks."""
    query = """select id, state, array, coalesce(array, id) from jobs
    where id in (select value from json_each(:ids)) and live = 0
    and not exists (select 1 from jobs as a where a.id = jobs.array and a.live = 1)
    and not exists (select 1 from jobs as t where t.array = jobs.id
        and (t.live = 1 or t.id not in (select value from json_each(:ids))))"""
    rows = conn.execute(query, {"ids": _array(numbers)}).fetchall()
    return {
        number: None if array is not None else state
        for number, state, array, unit in rows
        if unit not in wanted
    }


def remove_environments(conn: sqlite3.Connection, digests: Iterable[str], above: int) -> int:
    """Remove those of *digests*, which no job up to *above* names, that none above it names either."""
    free = set(digests) - named(conn, above).environments
    conn.execute("delete from environments where digest in (select value from json_each(?))", (_array(free),))
    return len(free)


def _array(values: Iterable[object]) -> str:
    return json.dumps(list(values))
