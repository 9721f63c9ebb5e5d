"""Every number that ``labctl`` and ``labd`` leave with, in one table.

The numbers come from :mod:`labd.errors`; the table says what each means. A job's own exit code comes
out of ``submit --wait``, ``submit --follow`` and ``wait JOB`` instead.
"""

from typing import Any

OK = 0
FAILED = 1
USAGE = 2
NOT_FOUND = 4
TIMED_OUT = 8
INTERRUPTED = 130
BROKEN_PIPE = 141

TABLE: dict[int, str] = {
    OK: "all went well",
    FAILED: "a job or a check failed, or labd has a defect",
    USAGE: "a wrong argument or job description",
    3: "no daemon answers at the socket",
    NOT_FOUND: "no such job, method or command",
    5: "you may not do that",
    6: "the job is not in a state for that (it has ended, it still runs)",
    7: "refused: limits, quotas, full disk",
    TIMED_OUT: "the time ran out: yours (--timeout) or the job's (--time)",
    9: "wrong configuration",
    10: "another daemon runs on this state directory",
    11: "the state on disk is newer than this labd, or cannot be read",
    INTERRUPTED: "Ctrl-C; jobs go on",
    BROKEN_PIPE: "the reader of the output went away",
}

_BY_STATE = {"succeeded": OK, "cancelled": FAILED, "lost": FAILED, "timed_out": TIMED_OUT}


def of_job(job: dict[str, Any]) -> int:
    """The exit code that stands for an ended job: its own, or 128 + the signal that ended it."""
    if job["state"] in _BY_STATE:
        return _BY_STATE[job["state"]]
    if job.get("signal"):
        return 128 + int(job["signal"])
    return int(job.get("exit_code") or FAILED)


def of_jobs(jobs: list[dict[str, Any]]) -> int:
    """One job's own code; for several, 0 when all succeeded and 1 otherwise."""
    if len(jobs) == 1:
        return of_job(jobs[0])
    return OK if all(job["state"] == "succeeded" for job in jobs) else FAILED
