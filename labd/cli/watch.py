"""Waiting for jobs and following their output, across restarts of the daemon."""

import sys
import time
from collections.abc import Iterator
from typing import Any

from labd.cli import exits, output
from labd.cli.refs import Calls
from labd.cli.view import ENDED
from labd.errors import DeadlineExceeded

ROUND = 30.0
"""Seconds that one request waits at the daemon; so long at most may a silent loss go unnoticed."""

CHUNK = 256 * 1024
"""Bytes of a log asked for at once."""

FIRST_REACH, LAST_REACH = 16 * 1024, 1024 * 1024
"""Bytes before the end of a log in which its last lines are looked for."""

Chunks = Iterator[tuple[int, int, bytes]]
"""(attempt, offset, bytes) of a log."""


def wait_ended(calls: Calls, ids: list[int], timeout: float | None = None) -> list[dict[str, Any]]:
    """The jobs, once all of them have ended. Raises DeadlineExceeded after *timeout* seconds."""
    end = None if timeout is None else time.monotonic() + timeout
    while True:
        left = ROUND if end is None else max(0.0, min(ROUND, end - time.monotonic()))
        jobs, waiting = _round(calls, ids, left)
        if not waiting:
            return jobs
        if end is not None and time.monotonic() >= end:
            raise DeadlineExceeded(
                _still(waiting, timeout), hint="the jobs go on; `labctl status` shows them"
            )


def _round(calls: Calls, ids: list[int], seconds: float) -> tuple[list[dict[str, Any]], list[int]]:
    """The jobs when all have ended within *seconds*, else the ids that are known to go on."""
    try:
        jobs = calls.call("job.wait", {"jobs": ids, "timeout": seconds}, seconds + ROUND)["jobs"]
    except DeadlineExceeded as late:
        return [], list(late.data.get("jobs") or ids)
    return jobs, [job["id"] for job in jobs if job["state"] not in ENDED]


def _still(ids: list[int], timeout: float | None) -> str:
    shown = ", ".join(map(str, ids[:5])) + (", ..." if len(ids) > 5 else "")
    return f"after {timeout:g} s {'job' if len(ids) == 1 else 'jobs'} {shown} had not ended"


def log_chunks(calls: Calls, job: int, attempt: int | None, offset: int, *, follow: bool = False) -> Chunks:
    """One attempt's output from *offset* on, to its present end.

    With *follow* to the attempt's end, however often the daemon restarts meanwhile; the attempt stays
    the one that the first answer named.
    """
    while True:
        try:
            reply = _read_log(calls, job, attempt, offset, CHUNK, follow)
        except DeadlineExceeded:
            continue  # nothing was written for a while: a quiet job, or a daemon to be asked anew
        attempt, data = reply["attempt"] or None, reply["data"]
        start, offset = reply["offset"] - len(data), reply["offset"]
        if data:
            yield attempt or 0, start, data
        if reply["end"] or not (data or follow):
            return


def _read_log(
    calls: Calls, job: int, attempt: int | None, offset: int, limit: int, wait: bool
) -> dict[str, Any]:
    params = {"job": job, "attempt": attempt, "offset": offset, "limit": limit, "wait": wait}
    reply: dict[str, Any] = calls.call("job.log", params, ROUND if wait else None)
    return reply


def log_tail(calls: Calls, job: int, attempt: int | None, lines: int) -> tuple[int | None, int, bytes]:
    """(attempt, offset, bytes) of the last *lines* lines, from the last MiB at most."""
    reach = FIRST_REACH
    while True:
        reply = _read_log(calls, job, attempt, -reach, reach, wait=False)
        found = last_lines(reply["data"], lines)
        if len(found) < len(reply["data"]) or reply["offset"] < reach or reach >= LAST_REACH:
            return reply["attempt"] or None, reply["offset"] - len(found), found
        reach *= 4


def last_lines(data: bytes, lines: int) -> bytes:
    """The end of *data* from the start of its last *lines* lines on."""
    position = len(data) - data.endswith(b"\n")
    for _ in range(lines):
        position = data.rfind(b"\n", 0, position)
        if position < 0:
            return data
    return data[position + 1 :] if lines > 0 else b""


def follow_job(calls: Calls, job: int) -> dict[str, Any]:
    """Write the output of every attempt until the job has ended, and return it."""
    attempt = 0
    while True:
        attempt += 1  # the daemon answers when this attempt has begun, or when the job ended without it
        for _, _, data in log_chunks(calls, job, attempt, 0, follow=True):
            write(data)
        now: dict[str, Any] = calls.call("job.show", {"job": job})["job"]
        if now["state"] in ENDED and now["attempt"] <= attempt:
            return now


def write(data: bytes) -> None:
    """Log bytes to stdout, untouched and at once."""
    sys.stdout.buffer.write(data)
    sys.stdout.buffer.flush()


def stopped(what: str) -> int:
    """Say, after Ctrl-C, that only the watching ended, and return the exit code for that."""
    print(file=sys.stderr)  # the terminal has just shown ^C
    output.say(f"labctl: stopped watching; {what}")
    return exits.INTERRUPTED
