"""Accounts in the store: attempts read as runs, and the sums by day of those that were removed.

The only SQL on the table ``usage_days``.
"""

import json
import sqlite3
from collections.abc import Collection, Iterable, Iterator
from typing import Any

import msgspec

from labd.jobs import usage
from labd.jobs.usage import COUNTS, Run, Sums

BUSY = ("starting", "running", "paused")

_RUNS = """select cast(attempts.record as blob), jobs.name, jobs.user, jobs.state, jobs.submitted,
cast(jobs.record as blob), jobs.array from attempts join jobs on jobs.id = attempts.job"""


class _Spec(msgspec.Struct, frozen=True):
    cpus: float | None = None
    memory: int | None = None
    gpus: float = 0
    group: str = ""
    tags: tuple[str, ...] = ()


class _Number(msgspec.Struct, frozen=True):
    number: int = 0


class _Job(msgspec.Struct, frozen=True):
    """As much of a record as is counted."""

    spec: _Spec = _Spec()
    current: _Number | None = None


class _Attempt(msgspec.Struct, frozen=True):
    number: int
    state: str
    gpu_ids: tuple[int, ...] = ()
    started: float | None = None
    ended: float | None = None
    seconds: float | None = None
    user_seconds: float | None = None
    system_seconds: float | None = None
    peak_memory: int | None = None


_job = msgspec.json.Decoder(_Job).decode
_attempt = msgspec.json.Decoder(_Attempt).decode


def runs(conn: sqlite3.Connection, jobs: Collection[int] | None = None, now: float = 0.0) -> Iterator[Run]:
    """The attempts of *jobs* (None: of all) that have begun; those that run do so until *now*.

    One whose record cannot be read is left out.
    """
    arrays: dict[int, tuple[str, _Spec]] = {}
    query, values = (_RUNS, ()) if jobs is None else (f"{_RUNS} where {_CHOSEN}", (json.dumps(list(jobs)),))
    for attempt, own_name, user, state, submitted, record, array in conn.execute(query, values):
        try:
            tried, job = _attempt(attempt), _job(record)
            if array is not None and array not in arrays:
                arrays[array] = _array(conn, array)
        except msgspec.MsgspecError:
            continue
        name, spec = (own_name, job.spec) if array is None else arrays[array]
        if tried.started is not None:
            yield _run(user, name, state, submitted, job, spec, tried, now)


_CHOSEN = "jobs.id in (select value from json_each(?))"


def _array(conn: sqlite3.Connection, number: int) -> tuple[str, _Spec]:
    row = conn.execute("select name, record from jobs where id = ?", (number,)).fetchone()
    return (row[0], _job(row[1]).spec) if row else ("", _Spec())


def _run(
    user: str, name: str, state: str, submitted: float, job: _Job, spec: _Spec, tried: _Attempt, now: float
) -> Run:
    start = tried.started or 0.0
    busy = tried.state in BUSY
    used = None if tried.user_seconds is None else tried.user_seconds + (tried.system_seconds or 0.0)
    return Run(
        user,
        spec.group,
        name,
        spec.tags,
        _state(state, tried, job, busy),
        start,
        max(start, now if busy else _end(start, tried)),
        spec.cpus or 0.0,
        spec.gpus if 0 < spec.gpus < 1 else len(tried.gpu_ids),
        spec.memory or 0,
        used,
        tried.peak_memory,
        max(0.0, start - submitted) if tried.number == 1 else None,
    )


def _end(start: float, tried: _Attempt) -> float:
    """By the clock that nobody sets, where the shim said so."""
    if tried.seconds is not None:
        return start + tried.seconds
    return start if tried.ended is None else tried.ended


def _state(state: str, tried: _Attempt, job: _Job, busy: bool) -> str:
    if busy:
        return "running"
    newest = job.current is not None and job.current.number == tried.number
    return state if newest and state not in _LIVE else ""


_LIVE = frozenset({"held", "blocked", "queued", *BUSY})


# -- what was removed -----------------------------------------------------------------------------


def keep(conn: sqlite3.Connection, gone: Iterable[Run]) -> None:
    """Add *gone*, runs of jobs that are about to be removed, to the days on which they ran."""
    names = ", ".join(COUNTS)
    marks = ", ".join("?" * len(COUNTS))
    sums = ", ".join(f"{name} = {name} + excluded.{name}" for name in COUNTS)
    conn.executemany(
        f"insert into usage_days(day, user, grp, {names}) values(?, ?, ?, {marks}) "
        f"on conflict(day, user, grp) do update set {sums}",
        [(*key, *found.counts) for key, found in usage.daily(gone).items()],
    )


def add_removed(
    conn: sqlite3.Connection, by: str, since: str, until: str, found: dict[str, Sums], total: Sums
) -> None:
    """Add to *found*, as :func:`usage.add_up` made it, the days from *since* to *until*."""
    key = {"user": "user", "group": "grp", "day": "day"}.get(by, "?1")
    sums = ", ".join(f"sum({name})" for name in COUNTS)
    query = f"select {key}, {sums} from usage_days where day >= ?2 and day <= ?3 group by 1"
    for name, *counts in conn.execute(query, (usage.REMOVED, since, until)):
        found.setdefault(name, Sums()).merge(counts)
        total.merge(counts)


def used(
    conn: sqlite3.Connection, by: str, since: float, until: float, now: float
) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """The sums by *by* from *since* to *until*: the rows with the most core-seconds first, and the total.

    Of jobs that were removed whole days count: those of which a part lies between.
    """
    days = usage.Days()
    found, total = usage.add_up(runs(conn, now=now), by, since, until)
    add_removed(conn, by, days.of(since), days.of(until), found, total)
    order = sorted(found.items(), key=lambda item: (-item[1].core_seconds, item[0]))
    if by == "day":
        order.sort()
    return [{"key": key} | sums.shown() for key, sums in order], total.shown()
