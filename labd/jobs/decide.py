"""What follows from a command or from an end: events, as drafts. Pure.

A draft becomes an event when the queue gives it a number and a time.
"""

from typing import Any, Protocol

import msgspec

from labd.errors import Conflict
from labd.jobs.model import CANCELLED, ENDED, FAILED, LOST, SUCCEEDED, TIMED_OUT, Job

MAX_BACKOFF = 3600.0
"""Seconds: no retry waits longer than this."""


class Draft(msgspec.Struct, frozen=True):
    """An event that is not yet recorded."""

    kind: str
    data: dict[str, Any]
    actor: str = "labd"
    cause: str = ""


class Clocks(Protocol):
    boot_id: str

    def wall(self) -> float: ...

    def boot(self) -> float: ...


class Ending(msgspec.Struct, frozen=True, kw_only=True):
    """How an attempt ended, by its exit marker; every field but *reason* may be unknown."""

    reason: str
    message: str = ""
    exit_code: int | None = None
    signal: int | None = None
    started: float | None = None
    ended: float | None = None
    seconds: float | None = None
    user_seconds: float | None = None
    system_seconds: float | None = None
    max_rss: int | None = None
    peak_memory: int | None = None


def ending_of(record: dict[str, Any]) -> Ending:
    """The exit record of a shim (of this release or another) as an ending."""
    known = {name: record[name] for name in Ending.__struct_fields__ if name in record}
    return msgspec.convert({"reason": "exited"} | known, Ending, strict=False)


def starting(job: Job, token: str, gpu_ids: tuple[int, ...]) -> Draft:
    data = {"job": job.id, "attempt": job.attempt + 1, "token": token, "gpu_ids": gpu_ids}
    return Draft("job.starting", data, cause=job.why_queued)


def repeated(job: Job, cause: str, clocks: Clocks) -> Draft:
    """A task of an array that is retried is queued again."""
    data = {"job": job.id, "automatic": False, "repeated": True} | ready_in(0.0, clocks)
    return Draft("job.queued", data, cause=cause)


def never_began(
    job: Job, cause: str, clocks: Clocks, delay: float = 0.0, *, hold: bool = False
) -> list[Draft]:
    """The attempt provably did not start: the job waits again, unless its end was asked for.

    With *hold* it waits for a person: another try would end like this one.
    """
    data = {"job": job.id, "attempt": job.attempt} | ready_in(delay, clocks)
    drafts = [Draft("job.never_began", data, cause=cause)]
    if job.cancel_reason is not None:
        drafts.append(
            Draft("job.cancelled", {"job": job.id, "attempt": job.attempt}, cause=job.cancel_reason)
        )
    elif hold:
        drafts.append(Draft("job.held", {"job": job.id}, cause=cause))
    return drafts


def cancel(job: Job, actor: str, reason: str) -> Draft:
    """Ask for the end of *job*. Raises Conflict when it has ended."""
    if job.state in ENDED:
        raise Conflict(
            f"job {job.called} has ended already: {job.state.replace('_', ' ')}",
            hint=f"labctl show {job.called}",
        )
    kind = "job.cancel_requested" if job.busy else "job.array_closed" if job.tasks else "job.cancelled"
    return Draft(kind, {"job": job.id, "attempt": job.attempt}, actor=actor, cause=reason)


def retry(job: Job, actor: str, clocks: Clocks) -> Draft:
    """Queue *job* again by hand. Raises Conflict while it is unfinished."""
    if job.state not in ENDED:
        raise Conflict(
            f"job {job.called} is {job.state}, not ended", hint=f"labctl cancel {job.called} ends it"
        )
    data = {"job": job.id, "automatic": False} | ready_in(0.0, clocks)
    return Draft("job.queued", data, actor=actor, cause=f"retried by {actor}")


def ended(job: Job, ending: Ending, clocks: Clocks) -> list[Draft]:
    """The attempt's end and, when the spec says so, the retry that follows."""
    state = _state_after(job, ending)
    again = _next_attempt(job, ending, state, clocks)
    data = {"job": job.id, "attempt": job.attempt} | _known(ending) | ({"again": True} if again else {})
    return [Draft(f"job.{state}", data, cause=_cause_of_end(job, ending, state)), *again]


def _next_attempt(job: Job, ending: Ending, state: str, clocks: Clocks) -> list[Draft]:
    if job.requeue:
        fresh = {"job": job.id, "automatic": False} | ready_in(0.0, clocks)
        return [Draft("job.queued", fresh, cause=job.cancel_reason or "requeued")]
    if job.retries_left > 0 and _may_retry(job, ending, state):
        return [_retry_after(job, state, clocks)]
    return []


def _may_retry(job: Job, ending: Ending, state: str) -> bool:
    if job.cancel_reason is not None or state not in (FAILED, TIMED_OUT, LOST):
        return False
    return not job.spec.retry_on or state == LOST or ending.exit_code in job.spec.retry_on


def _state_after(job: Job, ending: Ending) -> str:
    if ending.reason == "lost":
        return LOST
    if ending.reason == "timed_out":
        return TIMED_OUT
    if ending.reason == "cancelled" and job.cancel_reason is not None:
        return CANCELLED
    return SUCCEEDED if ending.exit_code == 0 else FAILED


def _cause_of_end(job: Job, ending: Ending, state: str) -> str:
    if state == CANCELLED and job.cancel_reason:
        return job.cancel_reason
    if ending.message:
        return ending.message
    if ending.signal is not None:
        return f"signal {ending.signal}"
    return "" if ending.exit_code is None else f"exit code {ending.exit_code}"


def _known(ending: Ending) -> dict[str, Any]:
    fields: dict[str, Any] = msgspec.structs.asdict(ending)
    return {k: v for k, v in fields.items() if v is not None and k not in ("reason", "message")}


def _retry_after(job: Job, state: str, clocks: Clocks) -> Draft:
    done = job.spec.retries - job.retries_left
    delay = min(job.spec.retry_delay * 2**done, MAX_BACKOFF)
    data = {"job": job.id, "automatic": True} | ready_in(delay, clocks)
    return Draft(
        "job.queued",
        data,
        cause=f"retry {done + 1} of {job.spec.retries} after attempt {job.attempt} {state}",
    )


def ready_in(delay: float, clocks: Clocks) -> dict[str, Any]:
    """When a job may start again, on both clocks; the boot clock counts while this boot lasts."""
    return {
        "ready_wall": clocks.wall() + delay,
        "ready_boot": clocks.boot() + delay,
        "ready_boot_id": clocks.boot_id,
    }


class Delayed(Protocol):
    """What waits for a time, as :func:`ready_in` said it."""

    @property
    def ready_wall(self) -> float: ...
    @property
    def ready_boot(self) -> float: ...
    @property
    def ready_boot_id(self) -> str: ...


def seconds_until_ready(job: Delayed, clocks: Clocks) -> float:
    """How long *job* has still to wait for its backoff: 0 when it may start."""
    if job.ready_boot_id == clocks.boot_id:
        return max(0.0, job.ready_boot - clocks.boot())
    return min(max(0.0, job.ready_wall - clocks.wall()), MAX_BACKOFF)
