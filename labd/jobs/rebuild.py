"""From the traces that attempts left to the events that a damaged store has lost. Pure.

The last attempt is left as *starting*: from there it is taken up like any attempt after a restart, so
that a running one is adopted, an ended one gets its own end, and a dead one is lost.
"""

from collections.abc import Sequence
from typing import Any

import msgspec

from labd.api.node import Event
from labd.jobs import decide, model
from labd.jobs.attempts import Finding
from labd.jobs.decide import Clocks, Draft, Ending
from labd.jobs.model import BLOCKED, ENDED, HELD, Job, Tasks
from labd.jobs.traces import Trace

CAUSE = "rebuilt from its folder after the store was damaged"


def lost_events(
    known: Job | None, traces: Sequence[Trace], clocks: Clocks, environment: str = ""
) -> list[Draft]:
    """What happened to a job since the store knew it as *known* (None: it does not know it).

    *traces* are its attempts from the known one on, *environment* the digest of its environment.
    """
    history = _History(known, clocks)
    for trace in traces:
        if history.job is None:
            history.add(_submitted(trace.job, environment))
        if trace.number > history.attempt:
            history.to_queue()
            history.add(_starting(trace.job))
        history.finding = trace.finding
    history.mark_cancelled()
    return history.drafts


def lost_array(task: Job) -> list[Draft]:
    """The array of *task*, which the store does not know, as it was submitted."""
    assert task.spec.array is not None, "a task has the spec of its array"
    whole = Tasks(count=task.spec.array.count)
    array = msgspec.structs.replace(task, id=task.array, array=0, index=0, tasks=whole, current=None)
    return [_submitted(array, "")]


class _History:
    """A job, followed through the drafts that are made for it."""

    def __init__(self, job: Job | None, clocks: Clocks) -> None:
        self.job = job
        self.drafts: list[Draft] = []
        self.finding = Finding("never")
        self._clocks = clocks

    @property
    def attempt(self) -> int:
        return self.job.attempt if self.job else 0

    def add(self, *drafts: Draft) -> None:
        for draft in drafts:
            event = Event(0, self._clocks.wall(), draft.kind, draft.actor, draft.cause, draft.data)
            self.job = model.apply(self.job, event)
            self.drafts.append(draft)

    def to_queue(self) -> None:
        """Whatever the job was, it was in the queue before its next attempt."""
        assert self.job is not None, "a job is submitted first"
        if self.job.busy:
            self.mark_cancelled()
            self.add(*_end(self.job, self.finding, self._clocks))
        name = {"job": self.job.id}
        if self.job.state in ENDED:
            ready = decide.ready_in(0.0, self._clocks)
            self.add(Draft("job.queued", name | {"automatic": False} | ready, cause=CAUSE))
        elif self.job.state in (HELD, BLOCKED):
            kind = "job.released" if self.job.state == HELD else "job.unblocked"
            self.add(Draft(kind, name, cause=CAUSE))

    def mark_cancelled(self) -> None:
        """An attempt that was ended on request must not look like one that failed, and run again."""
        job, record = self.job, self.finding.exit or {}
        if job is not None and job.busy and job.cancel_reason is None and record.get("reason") == "cancelled":
            data = {"job": job.id, "attempt": job.attempt}
            self.add(Draft("job.cancel_requested", data, cause=f"cancelled; {CAUSE}"))


def _submitted(job: Job, environment: str) -> Draft:
    # What it waited for is over, and may be unknown by now.
    spec = msgspec.structs.replace(job.spec, after=())
    data: dict[str, Any] = {
        "job": job.id,
        "uid": job.uid,
        "gid": job.gid,
        "user": job.user,
        "key": job.key,
        "environment": environment or job.environment,
        "spec": msgspec.to_builtins(spec),
        "submitted": job.submitted,
        "retries_left": job.retries_left,
    }
    return Draft("job.submitted", data, cause=CAUSE)


def _starting(job: Job) -> Draft:
    assert job.current is not None, "the record in a folder is that of its attempt"
    data = {
        "job": job.id,
        "attempt": job.attempt,
        "token": job.current.token,
        "gpu_ids": job.current.gpu_ids,
    }
    return Draft("job.starting", data, cause=CAUSE)


def _end(job: Job, finding: Finding, clocks: Clocks) -> list[Draft]:
    """How an attempt ended that was followed by another one."""
    if finding.kind == "never":
        return decide.never_began(job, CAUSE, clocks)
    if finding.kind == "exited":
        try:
            return decide.ended(job, decide.ending_of(finding.exit or {}), clocks)
        except msgspec.ValidationError as error:
            finding = Finding("lost", why=f"its exit record is damaged: {error}")
    lost = Ending(reason="lost", message=finding.why or CAUSE, ended=clocks.wall())
    return decide.ended(job, lost, clocks)
