"""The process that owns one job: starts it, waits for it, stops it, and writes down how it ended.

It holds the lock of the attempt folder for its whole life and leaves an ``exit`` record before it
goes: no lock and no record means that it was killed. It needs no daemon: the job writes straight to its
log, commands arrive through the fifo ``ctl``, and only SIGKILL ends it early.
"""

from __future__ import annotations

import os
import time

from labd.jobs.shim import child, marks
from labd.jobs.shim.ending import Ending
from labd.jobs.shim.job import Job, Used, log
from labd.process import kernel
from labd.process.bounds import Bounds

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def settle_in() -> None:
    """Make this process one that can own jobs."""
    os.setsid()
    kernel.become_subreaper()
    kernel.set_name(b"labd-shim")
    os.umask(0o077)  # the folder's files; the job gets another


def run(folder: str, ctl: int) -> bool:
    """Be the shim of the attempt in *folder*; returns when its exit record is durable, and then says
    whether no process of it is left.

    When the ``started`` record cannot be written the job is not begun, and neither record is left.
    """
    _redirect(folder)
    since, started = kernel.boottime(), time.time()
    try:
        _say_started(folder, since, started)
    except OSError as error:
        log(f"the job was not begun, since its start cannot be recorded: {error}")
        return True
    outcome, clean = _order_and_run(folder, ctl, since)
    outcome.update(started=started, boot_id=marks.boot_id())
    _say_exit(folder, outcome)
    return clean


def _redirect(folder: str) -> None:
    nothing = os.open(os.devnull, os.O_RDONLY)
    log = os.open(os.path.join(folder, marks.LOG), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    for source, target in ((nothing, 0), (log, 1), (log, 2)):
        os.dup2(source, target)
    os.close(nothing)
    os.close(log)


def _say_started(folder: str, since: float, started: float) -> None:
    """All that may fail for want of space fails here, while the job has not begun."""
    record = {"pid": os.getpid(), "boot_id": marks.boot_id(), "started": started, "boottime": since}
    try:
        marks.reserve(folder, marks.EXIT)
        marks.write(folder, marks.STARTED, record)
        marks.sync_folder(os.path.dirname(folder))
    except OSError:
        try:
            os.unlink(os.path.join(folder, marks.STARTED))
        except OSError:
            pass  # it was not there yet
        raise


def _order_and_run(folder: str, ctl: int, since: float) -> tuple[dict[str, Any], bool]:
    try:
        order = marks.read(folder, marks.ORDER) or {}
        bounds = Bounds(order, f"job-{os.path.basename(folder)}")
        job = Job(order, ctl, _ending(order, since), bounds)
    except (OSError, ValueError, KeyError, TypeError) as error:
        return _failed(child.NOT_RUNNABLE, f"cannot begin {folder}: {error!r}", since), False
    with job:
        clean = job.wait()
        bounds.settle(job.used.largest)
        if fault := job.fault():
            return _failed(*child.explain(fault, order), since, job.used), clean
        return _ended(job, bounds, since), clean


def _ending(order: dict[str, Any], since: float) -> Ending:
    limit = order.get("time_limit")
    return Ending(since, None if limit is None else float(limit), float(order.get("grace", 10.0)))


def _ended(job: Job, bounds: Bounds, since: float) -> dict[str, Any]:
    code = os.waitstatus_to_exitcode(job.status)
    ways = {"exit_code": None, "signal": -code} if code < 0 else {"exit_code": code, "signal": None}
    reason = bounds.reason(job.reason, ways["signal"])
    words = {"reason": reason, "message": bounds.explain(reason), "peak_memory": bounds.peak}
    return ways | words | _figures(since, *job.ended, job.used)


def _failed(exit_code: int, message: str, since: float, used: Used | None = None) -> dict[str, Any]:
    log(message)
    outcome: dict[str, Any] = {"exit_code": exit_code, "signal": None, "reason": "exec_failed"}
    words = {"message": marks.shorten(message), "peak_memory": None}
    return outcome | words | _figures(since, time.time(), kernel.boottime(), used or Used())


def _figures(since: float, ended: float, until: float, used: Used) -> dict[str, Any]:
    return {
        "ended": ended,
        "seconds": until - since,
        "user_seconds": used.user_seconds,
        "system_seconds": used.system_seconds,
        "max_rss": used.largest,
    }


def _say_exit(folder: str, outcome: dict[str, Any]) -> None:
    """Write the exit record, for ever if need be: nobody else knows how the job ended."""
    while os.path.isdir(folder):
        try:
            marks.write(folder, marks.EXIT, outcome)
            return
        except OSError:
            time.sleep(1.0)
