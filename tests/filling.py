"""A state directory full of jobs that ended long ago, put there without running any."""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from typing import Any

from labd.api.node import Event
from labd.jobs import attempts, model, table
from labd.jobs.model import Job
from labd.store import Store, eventlog

SPEC = {"argv": ["true"], "cwd": "/", "cpus": 2.0, "memory": 2**30, "grace": 1.0, "name": "old"}
RAN = 60.0
"""Seconds that each attempt took."""


def fill(state: str, count: int, newest: float, apart: float, folders: int = 0, **spec: Any) -> None:
    """Put *count* jobs in the empty *state*, *apart* seconds from one end to the next, the last at *newest*;
    every job whose id *folders* divides has a folder."""
    Store.open(f"{state}/labd.db").close()
    with closing(sqlite3.connect(f"{state}/labd.db", isolation_level=None)) as connection:
        connection.execute("begin")
        for number in range(1, count + 1):
            events, job = life(number, newest - (count - number) * apart, spec)
            eventlog.put(connection, events)
            digest = f"{number % 1000:064x}"
            table.put_environment(connection, digest, b"{}")
            table.put_jobs(connection, [job])
            if folders and number % folders == 0:
                make_folder(state, number)
        connection.execute("commit")


def life(number: int, end: float, spec: dict[str, Any]) -> tuple[list[Event], Job]:
    """The events of a job that succeeded, and its record."""
    events, job = list(_events(number, end, spec)), None
    for event in events:
        job = model.apply(job, event)
    assert job is not None
    return events, job


def _events(number: int, end: float, spec: dict[str, Any]) -> Iterator[Event]:
    start, seq = end - RAN, 4 * (number - 1)
    who = {"uid": os.getuid(), "gid": os.getgid(), "user": f"user{number % 3}", "key": f"key-{number}"}
    data = {"job": number, **who, "environment": f"{number % 1000:064x}", "spec": SPEC | spec}
    yield Event(seq + 1, start - 10, "job.submitted", who["user"], "", data)
    begun = {"job": number, "attempt": 1, "token": "t" * 16, "gpu_ids": []}
    yield Event(seq + 2, start, "job.starting", "labd", "submitted", begun)
    yield Event(seq + 3, start, "job.started", "labd", "", {"job": number, "attempt": 1, "started": start})
    used = {"seconds": RAN, "user_seconds": 30.0, "system_seconds": 0.0, "exit_code": 0}
    ended = {"job": number, "attempt": 1, "started": start, "ended": end, **used}
    yield Event(seq + 4, end, "job.succeeded", "labd", "exit code 0", ended)


def make_folder(state: str, number: int) -> None:
    folder = attempts.folder(state, number, 1)
    os.makedirs(f"{folder}/run")
    for name in ("out.log", "exit", "lock"):
        with open(f"{folder}/{name}", "w") as file:
            file.write("x" * 2000)
