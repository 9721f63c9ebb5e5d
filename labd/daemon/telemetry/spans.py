"""From the events of a job to OTLP spans of one of its attempts. Pure.

The form is the JSON of https://opentelemetry.io/docs/specs/otlp/#otlphttp: ids in hexadecimal, times in
nanoseconds as text. Ids are made of the event log's epoch, the job and the attempt: a span that is sent twice
is the same span, and all attempts of a job are in one trace.
"""

import hashlib
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from labd.api.node import Event
from labd.jobs.model import ENDED, Job

Span = dict[str, Any]

_QUEUED = ("job.submitted", "job.queued", "job.never_began")
ENDS = frozenset(f"job.{state}" for state in ENDED)
_OK, _ERROR = 1, 2


class Origin(msgspec.Struct, frozen=True):
    """What the spans are of: this labd, on this machine, in this life of its event log."""

    host: str
    version: str
    epoch: str


def of_attempt(job: Job, end: Event, events: Sequence[Event], epoch: str) -> list[Span]:
    """The spans of the attempt that *end* ended: the whole, its wait and its run; none for an array."""
    number = end.data.get("attempt", 0)
    if job.tasks is not None or not number:
        return []
    queued = _queued(job, number, events)
    started = end.data.get("started") or _started(number, events)
    over = float(end.data.get("ended") or end.time)
    whole = _span(job, epoch, number, "attempt", queued, over, f"job {job.spec.name or job.id}")
    whole |= {"attributes": _attributes(job, end), "status": _status(end)}
    parts = [_span(job, epoch, number, "queued", queued, started or over, "queued", whole["spanId"])]
    if started is not None:
        parts.append(_span(job, epoch, number, "run", started, over, "run", whole["spanId"]))
    return [whole, *parts]


def request(spans: Iterable[Span], origin: Origin) -> dict[str, Any]:
    """The body of one request to ``/v1/traces``."""
    about = {
        "service.name": "labd", "service.version": origin.version,
        "service.instance.id": origin.epoch, "host.name": origin.host,
    }  # fmt: skip
    scope = {"scope": {"name": "labd", "version": origin.version}, "spans": list(spans)}
    return {"resourceSpans": [{"resource": {"attributes": _listed(about)}, "scopeSpans": [scope]}]}


def _queued(job: Job, number: int, events: Sequence[Event]) -> float:
    """When the job began to wait for this attempt."""
    since = job.submitted
    for event in events:
        if event.kind == "job.starting" and event.data["attempt"] == number:
            break
        if event.kind in _QUEUED:
            since = event.time
    return since


def _started(number: int, events: Sequence[Event]) -> float | None:
    found = [e.data["started"] for e in events if e.kind == "job.started" and e.data["attempt"] == number]
    return float(found[-1]) if found else None


def _span(
    job: Job, epoch: str, number: int, part: str, begin: float, end: float, name: str, parent: str = ""
) -> Span:
    return {
        "traceId": _id(f"{epoch} {job.id}", 16),
        "spanId": _id(f"{epoch} {job.id} {number} {part}", 8),
        "parentSpanId": parent,
        "name": name,
        "kind": 1,
        "startTimeUnixNano": _nanoseconds(begin),
        "endTimeUnixNano": _nanoseconds(max(begin, end)),
    }


def _attributes(job: Job, end: Event) -> list[dict[str, Any]]:
    found = {
        "labd.job.id": job.id,
        "labd.job.name": job.spec.name,
        "labd.job.attempt": end.data["attempt"],
        "labd.job.user": job.user,
        "labd.job.group": job.spec.group,
        "labd.job.array": job.array,
        "labd.job.state": end.kind.removeprefix("job."),
        "labd.job.again": bool(end.data.get("again")),
        "labd.job.cpus": job.spec.cpus,
        "labd.job.memory": job.spec.memory,
        "labd.job.gpus": job.spec.gpus,
        "process.exit.code": end.data.get("exit_code"),
        "labd.job.signal": end.data.get("signal"),
        "labd.job.peak_memory": end.data.get("peak_memory"),
    }
    return _listed({key: value for key, value in found.items() if value not in (None, "")})


def _status(end: Event) -> dict[str, Any]:
    return {"code": _OK} if end.kind == "job.succeeded" else {"code": _ERROR, "message": end.cause}


def _listed(values: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"key": key, "value": _value(value)} for key, value in values.items()]


def _value(value: Any) -> dict[str, Any]:
    if isinstance(value, bool):
        return {"boolValue": value}
    if isinstance(value, int):
        return {"intValue": str(value)}
    return {"doubleValue": value} if isinstance(value, float) else {"stringValue": str(value)}


def _id(text: str, size: int) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[: 2 * size]


def _nanoseconds(seconds: float) -> str:
    return str(round(seconds * 1e9))
