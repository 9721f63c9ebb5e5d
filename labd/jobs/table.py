"""Jobs as rows: the only SQL on the tables ``jobs``, ``attempts`` and ``environments``."""

import hashlib
import logging
import sqlite3
from collections.abc import Iterable, Sequence
from typing import Any, TypeVar

import msgspec

from labd.jobs.model import Attempt, Job

T = TypeVar("T")
log = logging.getLogger("labd.jobs")

_PUT_JOB = """insert into jobs(id, key, uid, user, name, state, live, submitted, record)
values(?, ?, ?, ?, ?, ?, ?, ?, ?)
on conflict(id) do update set state = excluded.state, live = excluded.live, record = excluded.record"""
_PUT_ATTEMPT = """insert into attempts(job, number, state, record) values(?, ?, ?, ?)
on conflict(job, number) do update set state = excluded.state, record = excluded.record"""

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
        row = (job.id, job.key, job.uid, job.user, job.spec.name, job.state, int(job.live), job.submitted)
        conn.execute(_PUT_JOB, (*row, _encode(job).decode()))
        if job.current is not None:
            put_attempt(conn, job.id, job.current)


def put_attempt(conn: sqlite3.Connection, job: int, attempt: Attempt) -> None:
    conn.execute(_PUT_ATTEMPT, (job, attempt.number, attempt.state, _encode(attempt).decode()))


def live_jobs(conn: sqlite3.Connection) -> tuple[list[Job], list[int]]:
    """Every unfinished job, oldest first, and the ids of those whose records cannot be read."""
    rows = conn.execute("select id, record from jobs where live = 1 order by id").fetchall()
    jobs = _jobs(rows)
    return jobs, sorted({number for number, _ in rows} - {job.id for job in jobs})


def job(conn: sqlite3.Connection, job_id: int) -> Job | None:
    found = _jobs(conn.execute("select id, record from jobs where id = ?", (job_id,)))
    return found[0] if found else None


def job_with_key(conn: sqlite3.Connection, uid: int, key: str) -> Job | None:
    found = _jobs(conn.execute("select id, record from jobs where uid = ? and key = ?", (uid, key)))
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


def past_attempts(conn: sqlite3.Connection, limit: int) -> list[tuple[Job, Attempt]]:
    """The newest attempts that have ended, with their jobs, oldest first."""
    query = """select jobs.id, jobs.record, attempts.record
    from attempts join jobs on jobs.id = attempts.job
    where attempts.state not in ('starting', 'running', 'paused')
    order by attempts.job desc, attempts.number desc limit ?"""
    rows = conn.execute(query, (limit,)).fetchall()
    found = [
        (_jobs([(number, job)]), _attempts([(number, attempt)])) for number, job, attempt in reversed(rows)
    ]
    return [(jobs[0], tries[0]) for jobs, tries in found if jobs and tries]


def ids_named(conn: sqlite3.Connection, name: str) -> list[tuple[int, str]]:
    """Ids and names of the jobs whose name is or starts with *name*: unfinished ones first, then the newest;
    20 at most."""
    end = name[:-1] + chr(ord(name[-1]) + 1) if ord(name[-1]) < 0x10FFFF else name
    query = "select id, name from jobs where name >= ? and name < ? order by live desc, id desc limit 20"
    return conn.execute(query, (name, end)).fetchall()


def listed(conn: sqlite3.Connection, where: "Filter", limit: int) -> list[Job]:
    """Jobs that match *where*, newest first."""
    condition, values = where.sql()
    return _jobs(
        conn.execute(f"select id, record from jobs {condition} order by id desc limit ?", (*values, limit))
    )


class Filter(msgspec.Struct, frozen=True):
    """Which jobs somebody wants to see; None means any."""

    states: tuple[str, ...] | None = None
    user: str | None = None
    name: str | None = None
    before: int | None = None

    def sql(self) -> tuple[str, list[Any]]:
        marks = ", ".join("?" * len(self.states or ()))
        parts: list[tuple[str, Sequence[Any]]] = []
        if self.states is not None:
            parts.append((f"state in ({marks})", self.states))
        if self.user is not None:
            parts.append(("user = ?", (self.user,)))
        if self.name is not None:
            parts.append(("name glob ?", (self.name,)))
        if self.before is not None:
            parts.append(("id < ?", (self.before,)))
        condition = " and ".join(text for text, _ in parts)
        return (f"where {condition}" if parts else ""), [v for _, values in parts for v in values]


def count_ended(conn: sqlite3.Connection) -> dict[str, int]:
    """How many jobs have ended in each way."""
    return dict(conn.execute("select state, count(*) from jobs where live = 0 group by state").fetchall())


def last_job(conn: sqlite3.Connection) -> int:
    row = conn.execute("select max(id) from jobs").fetchone()
    return int(row[0] or 0)


def _jobs(rows: Iterable[tuple[int, str]]) -> list[Job]:
    return _readable(_job_decoder, rows)


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
