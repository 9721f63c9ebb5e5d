"""A job as the tables need it, and what each event makes of it. Pure.

A hundred thousand of these must fit: they have slots, and no environment, script or arguments.
"""

from collections.abc import Sequence
from sys import intern
from typing import Any

from labd.cli.view import ENDED

FIELDS = (
    "id", "name", "kind", "state", "user", "priority", "cpus", "memory", "gpus", "gpu_ids", "vram", "group",
    "tags", "attempt", "submitted", "started", "ended", "exit_code", "signal", "reason", "progress",
    "metrics", "eta", "waiting_for", "tasks",
)  # fmt: skip
_SHARED = ("name", "kind", "state", "user", "group")
METRICS = 16
"""Newest values that are kept of a job, by name."""

_STATES = {
    "starting": "starting", "started": "running", "never_began": "queued", "paused": "paused",
    "resumed": "running", "held": "held", "released": "queued", "blocked": "blocked", "unblocked": "queued",
    "queued": "queued", "array_started": "running", **{state: state for state in ENDED},
}  # fmt: skip


class JobRow:
    """What is known of one job."""

    __slots__ = FIELDS

    id: int
    name: str
    kind: str
    state: str
    user: str
    priority: int | None
    cpus: float | None
    memory: int | None
    gpus: float | None
    gpu_ids: Sequence[int] | None
    vram: int | None
    group: str
    tags: Sequence[str] | None
    attempt: int | None
    submitted: float | None
    started: float | None
    ended: float | None
    exit_code: int | None
    signal: int | None
    reason: str | None
    progress: float | None
    metrics: dict[str, Any] | None
    eta: float | None
    waiting_for: str | None
    tasks: dict[str, int] | None

    def __init__(self, job: dict[str, Any]) -> None:
        self.put(job)

    def put(self, job: dict[str, Any]) -> None:
        """Take what the daemon says of the job."""
        for field in FIELDS:
            setattr(self, field, job.get(field))
        for field in _SHARED:
            setattr(self, field, intern(str(job.get(field) or "")))
        self.metrics = dict(list((job.get("metrics") or {}).items())[:METRICS]) or None

    def as_map(self) -> dict[str, Any]:
        """As :mod:`labd.cli.view` takes it."""
        return {field: getattr(self, field) for field in FIELDS}

    @property
    def words(self) -> str:
        """What a filter without a field looks at."""
        return (
            f"{self.id} {self.name} {self.user} {self.state} {self.group} {' '.join(self.tags or ())}".lower()
        )


def submitted(event: dict[str, Any]) -> JobRow:
    """The row of a job that was accepted just now."""
    data = event["data"]
    spec = data.get("spec") or {}
    known = {field: spec.get(field) for field in FIELDS if field in spec}
    return JobRow(known | {
        "id": data["job"], "user": data.get("user"), "kind": spec.get("kind", "command"), "state": "queued",
        "priority": spec.get("priority") or 0, "attempt": 0, "submitted": event["time"],
    })  # fmt: skip


def fold(row: JobRow, event: dict[str, Any]) -> None:
    """Let *event*, which is about this job, happen to *row*."""
    what, data = event["kind"].removeprefix("job."), event["data"]
    if what == "reported":
        _reported(row, data, event["time"])
    elif what == "prioritised":
        row.priority = data.get("priority", row.priority)
    elif what in _STATES:
        _moved(row, _STATES[what], data, event)


def _reported(row: JobRow, data: dict[str, Any], now: float) -> None:
    said = data.get("metrics") or {}
    if said:
        row.metrics = dict(list(((row.metrics or {}) | said).items())[-METRICS:])
    share = data.get("progress")
    if share is not None:
        row.progress = share
        begun = row.started if row.started is not None else now
        row.eta = (now - begun) * (1 - share) / share if share > 0 else None


def _moved(row: JobRow, state: str, data: dict[str, Any], event: dict[str, Any]) -> None:
    before, row.state = row.state, state
    row.attempt = data.get("attempt") or row.attempt
    row.gpu_ids = data.get("gpu_ids", row.gpu_ids)
    row.started = data.get("started", row.started)
    row.waiting_for = ""
    row.reason = event.get("cause") or ""
    if state in ENDED:
        row.ended, row.eta = data.get("ended", event["time"]), None
        row.exit_code, row.signal = data.get("exit_code"), data.get("signal")
    elif before in ENDED or state == "starting":
        row.ended = row.exit_code = row.signal = row.progress = row.metrics = row.eta = None
