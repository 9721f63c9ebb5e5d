"""From the log of events to the tables: what is not the same (promise R36)."""

import sqlite3
from contextlib import closing

import msgspec

from labd.jobs import arrays, model, table
from labd.jobs.model import Job
from labd.store import eventlog


def differences(state: str) -> list[str]:
    """What in the tables ``jobs`` and ``attempts`` is not what the events make of them."""
    with closing(sqlite3.connect(f"file:{state}/labd.db?mode=ro", uri=True)) as connection:
        connection.execute("begin")
        return [*_gaps(connection), *_compare(connection, _fold(connection))]


def _gaps(connection: sqlite3.Connection) -> list[str]:
    """From the first number on that the log says it is whole; below it are only events of jobs that are."""
    first, last = eventlog.bounds(connection)
    [(count,)] = connection.execute("select count(*) from events where seq >= ?", (first,))
    [(removed,)] = connection.execute("select count(*) from meta where key = 'events_from'")
    if count == last - first + 1 and (first == 1 or removed):
        return []
    return [f"{count} events from {first} to {last}"]


def _fold(connection: sqlite3.Connection) -> dict[int, list[Job]]:
    """Every record that each job went through."""
    lives: dict[int, list[Job]] = {}
    for event in eventlog.after(connection, 0, 10**9):
        if event.kind in model.KINDS:
            number = event.data["job"]
            before = lives[number][-1] if number in lives else _unborn(lives, number)
            after = model.apply(before, event)
            lives.setdefault(number, []).append(after)
            if before is not None and after.array:
                array = lives[after.array]
                array[-1] = arrays.changed(array[-1], before, after, event)
    return lives


def _unborn(lives: dict[int, list[Job]], number: int) -> Job | None:
    """The task that an event is the first of, else nothing."""
    found = [life[-1] for life in lives.values() if arrays.holds(life[-1], number)]
    return arrays.born(found[0], number) if found else None


def _compare(connection: sqlite3.Connection, lives: dict[int, list[Job]]) -> list[str]:
    ids = {job for (job,) in connection.execute("select id from jobs")}
    wrong = [] if ids == set(lives) else [f"jobs {ids ^ set(lives)} are not in both"]
    for number, life in lives.items():
        kept, made = table.job(connection, number), life[-1]
        if made.array:  # a task has the spec of its array, also when that got another priority
            made = msgspec.structs.replace(made, spec=lives[made.array][-1].spec)
        if kept != made:
            wrong.append(f"job {number} is {kept}, its events make {made}")
        last = {record.attempt: record.current for record in life if record.current}
        if table.attempts(connection, number) != list(last.values()):
            wrong.append(f"the attempts of job {number} are not those of its events")
    return wrong
