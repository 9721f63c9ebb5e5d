"""Jobs as rows: the only SQL on the tables ``jobs``, ``attempts`` and ``environments``."""

import hashlib
import logging
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple, TypeVar

import msgspec

from labd.api.jobs import JobSpec
from labd.jobs.model import Attempt, Job

T = TypeVar("T")
log = logging.getLogger("labd.jobs")

_PUT_JOB = """insert into jobs(id, key, uid, user, name, state, live, submitted, array, tasks, record)
values(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
on conflict(id) do update set state = excluded.state, live = excluded.live, record = excluded.record"""
_PUT_ATTEMPT = """insert into attempts(job, number, state, record) values(?, ?, ?, ?)
on conflict(job, number) do update set state = excluded.state, record = excluded.record"""

_JOBS = """select jobs.id, jobs.record, arrays.record
from jobs left join jobs as arrays on arrays.id = jobs.array"""
"""Rows of jobs; the last column holds the array of a task, from which it has its spec."""

_OF_ITS_ARRAY = JobSpec()
"""What stands in the record of a task for its spec."""

_job_decoder = msgspec.json.Decoder(Job)
_attempt_decoder = msgspec.json.Decoder(Attempt)
_encode = msgspec.json.Encoder().encode


def environment_digest(env: dict[str, str]) -> tuple[str, bytes]:
    """The name under which an environment is kept, and its bytes: equal ones are kept once."""
    data = msgspec.json.encode(dict(sorted(env.items())))
    return hashlib.sha256(data).hexdigest(), data


def put_environment(conn: sqlite3.Connection, digest: str, data: bytes) -> None:
    conn.execute("insert or ignore into environments(digest, data) values(?, ?)", (digest, data))


def environment(conn: sqlite3.Connection, digest: str) -> dict[str, str]:
    row = conn.execute("select data from environments where digest = ?", (digest,)).fetchone()
    found: dict[str, str] = msgspec.json.decode(row[0]) if row else {}
    return found


def put_jobs(conn: sqlite3.Connection, jobs: Iterable[Job]) -> None:
    """Write the present record of each job, and of its current attempt."""
    for job in jobs:
        conn.execute(_PUT_JOB, _row(job))
        if job.current is not None:
            put_attempt(conn, job.id, job.current)


def _row(job: Job) -> tuple[Any, ...]:
    size = job.tasks.count if job.tasks else None
    common = (job.id, job.key, job.uid, job.user)
    state = (job.state, int(job.live), job.submitted)
    if not job.array:
        return *common, job.spec.name, *state, None, size, _encode(job).decode()
    # a task is not found by its name, and has the spec of its array: there may be a million
    slim = msgspec.structs.replace(job, spec=_OF_ITS_ARRAY)
    return *common, "", *state, job.array, None, _encode(slim).decode()


def put_attempt(conn: sqlite3.Connection, job: int, attempt: Attempt) -> None:
    conn.execute(_PUT_ATTEMPT, (job, attempt.number, attempt.state, _encode(attempt).decode()))


def live_jobs(conn: sqlite3.Connection) -> tuple[list[Job], list[int]]:
    """Every unfinished job, oldest first, and the ids of those whose records cannot be read."""
    rows = conn.execute(f"{_JOBS} where jobs.live = 1 order by jobs.id").fetchall()
    jobs = _jobs(rows)
    return jobs, sorted({row[0] for row in rows} - {job.id for job in jobs})


def job(conn: sqlite3.Connection, job_id: int) -> Job | None:
    found = _jobs(conn.execute(f"{_JOBS} where jobs.id = ?", (job_id,)))
    return found[0] if found else None


def array_before(conn: sqlite3.Connection, number: int) -> Job | None:
    """The newest array with an id below *number*: if that is the id of a task, then of one of its tasks."""
    query = f"{_JOBS} where jobs.tasks is not null and jobs.id < ? order by jobs.id desc limit 1"
    found = _jobs(conn.execute(query, (number,)))
    return found[0] if found else None


def next_in_state(conn: sqlite3.Connection, array: int, states: Sequence[str], above: int) -> int | None:
    """The first task of *array* with an id above *above* that is in one of *states*."""
    query = "select min(id) from jobs where array = ? and state = ? and id > ?"
    found = [conn.execute(query, (array, state, above)).fetchone()[0] for state in states]
    return min((number for number in found if number is not None), default=None)


def notifying(conn: sqlite3.Connection, ids: Sequence[int]) -> list[Job]:
    """Those of the jobs *ids* of which somebody wants to be told."""
    marks = ", ".join("?" * len(ids))
    query = f"""{_JOBS} where jobs.id in ({marks}) and instr(jobs.record, '"notify":')"""
    return [job for job in _jobs(conn.execute(query, tuple(ids))) if job.spec.notify]


def jobs(conn: sqlite3.Connection, ids: Sequence[int]) -> list[Job]:
    """Those of the jobs *ids* that there are."""
    marks = ", ".join("?" * len(ids))
    return _jobs(conn.execute(f"{_JOBS} where jobs.id in ({marks})", tuple(ids)))


def exactly_named(conn: sqlite3.Connection, names: Sequence[str]) -> dict[str, int]:
    """For each of *names* that a job has: the newest that has not ended, else the newest."""
    marks = ", ".join("?" * len(names))
    query = f"""select name, coalesce(max(id) filter (where live = 1), max(id))
    from jobs where name in ({marks}) group by name"""
    return dict(conn.execute(query, tuple(names)).fetchall())


def job_with_key(conn: sqlite3.Connection, uid: int, key: str) -> Job | None:
    found = _jobs(conn.execute(f"{_JOBS} where jobs.uid = ? and jobs.key = ?", (uid, key)))
    return found[0] if found else None


def attempts(conn: sqlite3.Connection, job_id: int) -> list[Attempt]:
    return _attempts(
        conn.execute("select job, record from attempts where job = ? order by number", (job_id,))
    )


def newest_attempts(conn: sqlite3.Connection) -> dict[int, int]:
    """The number of the newest attempt of every job, 0 for a job that had none."""
    query = """select jobs.id, ifnull(max(number), 0)
    from jobs left join attempts on attempts.job = jobs.id group by jobs.id"""
    return dict(conn.execute(query).fetchall())


def has_environment(conn: sqlite3.Connection, digest: str) -> bool:
    return conn.execute("select 1 from environments where digest = ?", (digest,)).fetchone() is not None


class Past(NamedTuple):
    """An attempt that has ended: whose it was, what it asked for, for how many seconds, until when."""

    uid: int
    spec: JobSpec
    seconds: float
    ended: float


def past_attempts(conn: sqlite3.Connection, limit: int) -> list[Past]:
    """The newest attempts that have ended, oldest first."""
    query = """select jobs.id, jobs.uid, coalesce(arrays.record, jobs.record), attempts.record
    from attempts join jobs on jobs.id = attempts.job left join jobs as arrays on arrays.id = jobs.array
    where attempts.state not in ('starting', 'running', 'paused')
    order by attempts.job desc, attempts.number desc limit ?"""
    rows = conn.execute(query, (limit,)).fetchall()
    return [
        Past(uid, having.spec, used.seconds or 0.0, used.ended or 0.0)
        for job_id, uid, record, attempt in reversed(rows)
        for having in _readable(_spec_decoder, [(job_id, record)])
        for used in _readable(_used_decoder, [(job_id, attempt)])
    ]


def ids_named(conn: sqlite3.Connection, name: str) -> list[tuple[int, str]]:
    """Ids and names of the jobs whose name is or starts with *name*: unfinished ones first, then the newest;
    20 at most."""
    end = name[:-1] + chr(ord(name[-1]) + 1) if ord(name[-1]) < 0x10FFFF else name
    query = "select id, name from jobs where name >= ? and name < ? order by live desc, id desc limit 20"
    return conn.execute(query, (name, end)).fetchall()


ORDERS = {
    "newest": "jobs.id desc",
    "oldest": "jobs.id",
    "start": "case jobs.state when 'queued' then 1 when 'blocked' then 2 when 'held' then 3 else 0 end, "
    "coalesce(json_extract(jobs.record, '$.spec.priority'), 0) desc, jobs.id",
}
"""How a list may be sorted: by age, or with those first that start first, as long as users are even."""


def listed(conn: sqlite3.Connection, where: "Filter", limit: int, order: str = "newest") -> list[Job]:
    """The first *limit* jobs that match *where*, in one of :data:`ORDERS`."""
    condition, values = where.sql()
    query = f"{_JOBS} where {condition} order by {ORDERS[order]} limit ?"
    return _jobs(conn.execute(query, (*values, limit)))


class Filter(msgspec.Struct, frozen=True):
    """Which jobs somebody wants to see; None means any. Tasks are only seen with those of their ``array``."""

    states: tuple[str, ...] | None = None
    user: str | None = None
    name: str | None = None
    before: int | None = None
    tag: str | None = None
    group: str | None = None
    array: int | None = None
    above: int | None = None

    def sql(self) -> tuple[str, list[Any]]:
        marks = ", ".join("?" * len(self.states or ()))
        # "is null" word for word: only so it is found in the index of what is no task
        parts: list[tuple[str, Sequence[Any]]] = [
            ("jobs.array is null", []) if self.array is None else ("jobs.array = ?", [self.array])
        ]
        if self.states is not None:
            parts.append((f"jobs.state in ({marks})", self.states))
        if self.user is not None:
            parts.append(("jobs.user = ?", (self.user,)))
        if self.name is not None:
            parts.append(("jobs.name glob ?", (self.name,)))
        if self.before is not None:
            parts.append(("jobs.id < ?", (self.before,)))
        if self.above is not None:
            parts.append(("jobs.id > ?", (self.above,)))
        if self.tag is not None:
            parts.append(("? in (select value from json_each(jobs.record, '$.spec.tags'))", (self.tag,)))
        if self.group is not None:
            parts.append(("coalesce(json_extract(jobs.record, '$.spec.group'), '') = ?", (self.group,)))
        return " and ".join(text for text, _ in parts), [v for _, values in parts for v in values]


def task_ids(conn: sqlite3.Connection) -> list[range]:
    """The ids of the tasks of each array."""
    rows = conn.execute("select id, tasks from jobs where tasks is not null order by id")
    return [range(array + 1, array + tasks + 1) for array, tasks in rows]


def count_ended(conn: sqlite3.Connection) -> dict[str, int]:
    """How many jobs have ended in each way; an array is one."""
    query = "select state, count(*) from jobs where live = 0 and array is null group by state"
    return dict(conn.execute(query).fetchall())


def newest(conn: sqlite3.Connection) -> int:
    """The id of the newest job that is no task; 0 where there is none."""
    return conn.execute("select max(id) from jobs where array is null").fetchone()[0] or 0


def last_job(conn: sqlite3.Connection) -> int:
    """The highest id that is given away; the tasks of an array have ids whether they have rows or not."""
    last = conn.execute("select max(id) from jobs").fetchone()[0] or 0
    array = conn.execute("select max(id) from jobs where tasks is not null").fetchone()[0] or 0
    size = conn.execute("select tasks from jobs where id = ?", (array,)).fetchone()
    return max(int(last), int(array) + int(size[0] if size else 0))


def _jobs(rows: Iterable[tuple[int, str, str | None]]) -> list[Job]:
    found = list(rows)
    jobs = _readable(_job_decoder, [(number, record) for number, record, _ in found])
    specs = dict(_readable_specs((number, array) for number, _, array in found if array is not None))
    return [
        msgspec.structs.replace(job, spec=specs[job.id]) if job.array else job
        for job in jobs
        if not job.array or job.id in specs
    ]


def _readable_specs(rows: Iterable[tuple[int, str]]) -> Iterator[tuple[int, JobSpec]]:
    """The specs of tasks, from the records of their arrays; rows of one array share one."""
    known: dict[str, list[_HasSpec]] = {}
    for number, record in rows:
        if record not in known:
            known[record] = _readable(_spec_decoder, [(number, record)])
        for found in known[record]:
            yield number, found.spec


class _HasSpec(msgspec.Struct):
    spec: JobSpec


class _Used(msgspec.Struct):
    seconds: float | None = None
    ended: float | None = None


_spec_decoder = msgspec.json.Decoder(_HasSpec)
_used_decoder = msgspec.json.Decoder(_Used)


def _attempts(rows: Iterable[tuple[int, str]]) -> list[Attempt]:
    return _readable(_attempt_decoder, rows)


def _readable(decoder: "msgspec.json.Decoder[T]", rows: Iterable[tuple[int, str]]) -> list[T]:
    """The records in *rows*; one that cannot be read is left out, and the log names its job."""
    found = []
    for number, record in rows:
        try:
            found.append(decoder.decode(record))
        except msgspec.MsgspecError as error:
            log.warning("the record of job %d cannot be read, it is left alone: %s", number, error)
    return found
