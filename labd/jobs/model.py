"""The life of a job: its record, its states, and every way from one to the next. Pure.

Rule: whatever changes a job's state is an event, every event that may is in :data:`TRANSITIONS`, and
:func:`apply` is the only function that makes the next record. Folding a job's events gives its record.
"""

from typing import Any

import msgspec

from labd.api.jobs import JobSpec
from labd.api.node import Event

HELD, BLOCKED, QUEUED, STARTING, RUNNING, PAUSED = (
    "held",
    "blocked",
    "queued",
    "starting",
    "running",
    "paused",
)
SUCCEEDED, FAILED, CANCELLED, TIMED_OUT, LOST = "succeeded", "failed", "cancelled", "timed_out", "lost"

LIVE = frozenset({HELD, BLOCKED, QUEUED, STARTING, RUNNING, PAUSED})
ENDED = frozenset({SUCCEEDED, FAILED, CANCELLED, TIMED_OUT, LOST})
STATES = (HELD, BLOCKED, QUEUED, STARTING, RUNNING, PAUSED, SUCCEEDED, FAILED, CANCELLED, TIMED_OUT, LOST)

_ENDS = ("job.succeeded", "job.failed", "job.cancelled")

_BUSY = frozenset({STARTING, RUNNING, PAUSED})
_WAITING = frozenset({HELD, BLOCKED, QUEUED})

TRANSITIONS: dict[str, tuple[frozenset[str], str | None]] = {
    # event                  from                      to (None: as it was)
    "job.starting":         (frozenset({QUEUED}),      STARTING),
    "job.started":          (frozenset({STARTING}),    RUNNING),
    "job.adopted":          (frozenset({RUNNING, PAUSED}), None),
    "job.held":             (frozenset({BLOCKED, QUEUED}), HELD),
    "job.released":         (frozenset({HELD}),        QUEUED),
    "job.blocked":          (frozenset({QUEUED}),      BLOCKED),
    "job.unblocked":        (frozenset({BLOCKED}),     QUEUED),
    "job.prioritised":      (_WAITING,                 None),
    "job.paused":           (frozenset({RUNNING}),     PAUSED),
    "job.resumed":          (frozenset({PAUSED}),      RUNNING),
    "job.requeue_requested": (_BUSY,                   None),
    "job.never_began":      (_BUSY,                    QUEUED),
    "job.cancel_requested": (_BUSY,                    None),
    "job.succeeded":        (_BUSY,                    SUCCEEDED),
    "job.failed":           (_BUSY,                    FAILED),
    "job.timed_out":        (_BUSY,                    TIMED_OUT),
    "job.lost":             (_BUSY,                    LOST),
    "job.cancelled":        (LIVE,                     CANCELLED),
    "job.queued":           (ENDED,                    QUEUED),
}  # fmt: skip
"""``job.submitted`` makes a record; these change one."""

ARRAY_TRANSITIONS: dict[str, tuple[frozenset[str], str | None]] = {
    # event                  from                                      to (None: as it was)
    "job.held":             (frozenset({BLOCKED, QUEUED, RUNNING}),    HELD),
    "job.released":         (frozenset({HELD}),                        QUEUED),
    "job.blocked":          (frozenset({QUEUED}),                      BLOCKED),
    "job.unblocked":        (frozenset({BLOCKED}),                     QUEUED),
    "job.prioritised":      (_WAITING | {RUNNING, PAUSED},             None),
    "job.paused":           (frozenset({RUNNING}),                     PAUSED),
    "job.resumed":          (frozenset({PAUSED}),                      RUNNING),
    "job.array_started":    (ENDED | {QUEUED},                         RUNNING),
    "job.array_repeated":   (LIVE,                                     None),
    "job.array_closed":     (LIVE,                                     None),
    "job.succeeded":        (LIVE,                                     SUCCEEDED),
    "job.failed":           (LIVE,                                     FAILED),
    "job.cancelled":        (LIVE,                                     CANCELLED),
    "job.queued":           (ENDED,                                    QUEUED),
}  # fmt: skip
"""The same for an array, whose attempts are those of its tasks: it runs while any of them has begun."""

KINDS = TRANSITIONS.keys() | ARRAY_TRANSITIONS.keys() | {"job.submitted"}
"""Every event that makes or changes a record."""


class Attempt(msgspec.Struct, frozen=True, kw_only=True):
    """One try at running a job. Times are Unix seconds, durations seconds, memory bytes."""

    number: int
    state: str
    token: str
    cause: str
    gpu_ids: tuple[int, ...] = ()
    started: float | None = None
    ended: float | None = None
    seconds: float | None = None
    exit_code: int | None = None
    signal: int | None = None
    reason: str = ""
    user_seconds: float | None = None
    system_seconds: float | None = None
    max_rss: int | None = None
    peak_memory: int | None = None


class Tasks(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How the tasks of an array stand. Positions count from 0, in the order in which tasks start.

    Those from ``next`` on have no records of their own, but for those in ``early``. When the array is
    ``closed`` they count as cancelled. From ``again`` on, tasks that failed are still to be repeated.
    ``busy`` run; ``waiting`` have a record and wait. ``began`` and ``over`` are when the first began and
    when the last was over, in Unix seconds.
    """

    count: int
    next: int = 0
    early: tuple[int, ...] = ()
    again: int | None = None
    closed: bool = False
    busy: int = 0
    waiting: int = 0
    ended: dict[str, int] = {}
    began: float | None = None
    over: float | None = None

    @property
    def untouched(self) -> int:
        return self.count - self.next - len(self.early)

    def touched(self, position: int) -> bool:
        """Whether the task at *position* has a record of its own."""
        return position < self.next or position in self.early

    @property
    def unstarted(self) -> bool:
        """Whether there may be a task to start that has no record or is to be repeated."""
        return self.again is not None or (self.untouched > 0 and not self.closed)

    @property
    def unfinished(self) -> bool:
        return bool(self.busy or self.waiting or self.unstarted)


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """A job as the store keeps it. ``environment`` is the digest of its environment.

    ``ready_wall`` and ``ready_boot`` (on boot ``ready_boot_id``) are when a retry may start. An array has
    ``tasks``; a task has the id of its ``array``, and its ``index`` in it.
    """

    id: int
    uid: int
    gid: int
    user: str
    spec: JobSpec
    environment: str
    submitted: float
    state: str = QUEUED
    key: str | None = None
    retries_left: int = 0
    cancel_reason: str | None = None
    requeue: bool = False
    why_queued: str = "submitted"
    ready_wall: float = 0.0
    ready_boot: float = 0.0
    ready_boot_id: str = ""
    current: Attempt | None = None
    tasks: Tasks | None = None
    array: int = 0
    index: int = 0

    @property
    def called(self) -> str:
        """How people name it: a task by its array and its index, as in ``12_5``."""
        return f"{self.array}_{self.index}" if self.array else str(self.id)

    @property
    def attempt(self) -> int:
        return self.current.number if self.current else 0

    @property
    def live(self) -> bool:
        return self.state in LIVE

    @property
    def busy(self) -> bool:
        """Whether an attempt is under way; never so for an array."""
        return self.state in _BUSY and self.tasks is None


class IllegalTransition(Exception):
    """An event that its job cannot undergo: a defect in labd, never a user's fault."""


def submitted(event: Event) -> Job:
    """The record that a ``job.submitted`` event makes."""
    fields = dict(event.data)
    spec = msgspec.convert(fields.pop("spec"), JobSpec)
    return Job(
        id=fields["job"],
        uid=fields["uid"],
        gid=fields["gid"],
        user=fields["user"],
        key=fields["key"],
        environment=fields["environment"],
        spec=spec,
        submitted=fields.get("submitted", event.time),
        retries_left=fields.get("retries_left", spec.retries),
        tasks=Tasks(count=spec.array.count) if spec.array else None,
        ready_wall=fields.get("ready_wall", 0.0),
        ready_boot=fields.get("ready_boot", 0.0),
        ready_boot_id=fields.get("ready_boot_id", ""),
    )


def apply(job: Job | None, event: Event) -> Job:
    """The record after *event*. Raises IllegalTransition."""
    if event.kind == "job.submitted":
        return submitted(event)
    if job is None:
        raise IllegalTransition(f"{event.kind} for a job that was never submitted")
    origins, target = _ways(job).get(event.kind, (frozenset(), None))
    if job.state not in origins:
        raise IllegalTransition(f"{event.kind} for job {job.id}, which is {job.state}")
    changes = (_ARRAY_CHANGES if job.tasks else _CHANGES).get(event.kind, _outcome)(job, event)
    return msgspec.structs.replace(job, state=target or job.state, **changes)


def _ways(job: Job) -> dict[str, tuple[frozenset[str], str | None]]:
    return TRANSITIONS if job.tasks is None else ARRAY_TRANSITIONS


def _starting(job: Job, event: Event) -> dict[str, Any]:
    data = event.data
    attempt = Attempt(
        number=data["attempt"],
        state=STARTING,
        token=data["token"],
        cause=event.cause,
        gpu_ids=tuple(data["gpu_ids"]),
    )
    return {"current": attempt, "cancel_reason": None, "requeue": False}


def _running(job: Job, event: Event) -> dict[str, Any]:
    return _attempt(job, state=RUNNING, started=event.data["started"])


def _adopted(job: Job, event: Event) -> dict[str, Any]:
    return _attempt(job, started=event.data["started"])


def _never_began(job: Job, event: Event) -> dict[str, Any]:
    why = {"why_queued": f"attempt {job.attempt} never began: {event.cause}"}
    return _attempt(job, state="never_began", reason=event.cause) | _ready(event) | why


def _cancel_requested(job: Job, event: Event) -> dict[str, Any]:
    return {"cancel_reason": event.cause, "requeue": False}


def _queued(job: Job, event: Event) -> dict[str, Any]:
    left = job.retries_left - (1 if event.data["automatic"] else 0)
    return {"retries_left": left, "cancel_reason": None, "why_queued": event.cause} | _ready(event)


def _requeue_requested(job: Job, event: Event) -> dict[str, Any]:
    return {"cancel_reason": event.cause, "requeue": True}


def _prioritised(job: Job, event: Event) -> dict[str, Any]:
    return {"spec": msgspec.structs.replace(job.spec, priority=event.data["priority"])}


def _paused(job: Job, event: Event) -> dict[str, Any]:
    return _attempt(job, state=PAUSED)


def _resumed(job: Job, event: Event) -> dict[str, Any]:
    return _attempt(job, state=RUNNING)


def _unchanged(job: Job, event: Event) -> dict[str, Any]:
    return {}


def _outcome(job: Job, event: Event) -> dict[str, Any]:
    """An end. A job that is cancelled while it waits has no attempt that ended."""
    if job.current is None or not job.busy:
        return {"cancel_reason": event.cause}
    known = {field: event.data[field] for field in _OUTCOME if field in event.data}
    return _attempt(job, state=event.kind.removeprefix("job."), reason=event.cause, **known)


_OUTCOME = (
    "started", "ended", "seconds", "exit_code", "signal", "user_seconds", "system_seconds", "max_rss",
    "peak_memory",
)  # fmt: skip

_CHANGES = {
    "job.starting": _starting,
    "job.started": _running,
    "job.adopted": _adopted,
    "job.never_began": _never_began,
    "job.cancel_requested": _cancel_requested,
    "job.requeue_requested": _requeue_requested,
    "job.prioritised": _prioritised,
    "job.paused": _paused,
    "job.resumed": _resumed,
    "job.queued": _queued,
    "job.held": _unchanged,
    "job.released": _unchanged,
    "job.blocked": _unchanged,
    "job.unblocked": _unchanged,
}


def _array_queued(job: Job, event: Event) -> dict[str, Any]:
    assert job.tasks is not None, "only arrays come here"
    tasks = msgspec.structs.replace(job.tasks, again=0, closed=False, began=None, over=None)
    return {"tasks": tasks, "cancel_reason": None, "why_queued": event.cause} | _ready(event)


def _array_repeated(job: Job, event: Event) -> dict[str, Any]:
    assert job.tasks is not None, "only arrays come here"
    return {"tasks": msgspec.structs.replace(job.tasks, again=None)}


def _array_closed(job: Job, event: Event) -> dict[str, Any]:
    assert job.tasks is not None, "only arrays come here"
    tasks = msgspec.structs.replace(job.tasks, again=None, closed=True)
    return {"tasks": tasks, "cancel_reason": event.cause}


def _array_ended(job: Job, event: Event) -> dict[str, Any]:
    """A failure that no cancel explains is told in the words of the event."""
    assert job.tasks is not None, "only arrays come here"
    cause = {} if job.cancel_reason is not None or not event.cause else {"cancel_reason": event.cause}
    return cause | {"tasks": msgspec.structs.replace(job.tasks, over=event.time)}


def _array_started(job: Job, event: Event) -> dict[str, Any]:
    assert job.tasks is not None, "only arrays come here"
    began = event.time if job.tasks.began is None else job.tasks.began
    return {"tasks": msgspec.structs.replace(job.tasks, began=began, over=None)}


_ARRAY_CHANGES = _CHANGES | {
    "job.paused": _unchanged,
    "job.resumed": _unchanged,
    "job.queued": _array_queued,
    "job.array_started": _array_started,
    "job.array_repeated": _array_repeated,
    "job.array_closed": _array_closed,
    **dict.fromkeys(_ENDS, _array_ended),
}


def _attempt(job: Job, **changes: Any) -> dict[str, Any]:
    assert job.current is not None, "the transition table lets only busy jobs come here"
    return {"current": msgspec.structs.replace(job.current, **changes)}


def _ready(event: Event) -> dict[str, Any]:
    return {name: event.data[name] for name in ("ready_wall", "ready_boot", "ready_boot_id")}
