"""What people can ask of a job that has not ended: hold, release, pause, resume, requeue, another priority.

Pure, like :mod:`labd.jobs.decide`: each gives the drafts that follow, or raises Conflict.
"""

from collections.abc import Sequence

from labd.errors import Conflict
from labd.jobs.decide import Draft
from labd.jobs.model import BLOCKED, HELD, PAUSED, QUEUED, RUNNING, Job


def hold(job: Job, actor: str) -> list[Draft]:
    """Keep a waiting job from starting. Raises Conflict when it does not wait."""
    states = (QUEUED, BLOCKED) if job.tasks is None else (QUEUED, BLOCKED, RUNNING)
    _need(job, states, "held", "labctl pause stops it where it is" if job.state == RUNNING else "")
    return [_draft("job.held", job, actor)]


def release(job: Job, actor: str, waits_for_others: bool) -> list[Draft]:
    """Let a held job go; it waits on when jobs before it have not ended. Raises Conflict."""
    _need(job, (HELD,), "released", "")
    drafts = [_draft("job.released", job, actor)]
    return [*drafts, _draft("job.blocked", job, "labd")] if waits_for_others else drafts


def pause(job: Job, actor: str) -> list[Draft]:
    """Stop all processes of a running job where they are. Raises Conflict."""
    _need(job, (RUNNING,), "paused", "labctl hold keeps one that waits from starting")
    return [_draft("job.paused", job, actor)]


def resume(job: Job, actor: str) -> list[Draft]:
    """Let a paused job go on. Raises Conflict."""
    _need(job, (PAUSED,), "resumed", "labctl release lets a held job go")
    return [_draft("job.resumed", job, actor)]


def requeue(job: Job, actor: str, reason: str) -> list[Draft]:
    """End the present attempt and queue the job again. Raises Conflict when there is none."""
    if job.tasks is not None:
        raise Conflict(f"no task of job {job.id} runs", hint=f"labctl array {job.id}")
    _need(job, (RUNNING, PAUSED), "requeued", "labctl retry is for a job that has ended")
    return [Draft("job.requeue_requested", {"job": job.id, "attempt": job.attempt}, actor, reason)]


def prioritise(job: Job, actor: str, priority: int) -> list[Draft]:
    """Give a waiting job another priority. Raises Conflict when it does not wait, or has its array's."""
    if job.array:
        raise Conflict(
            f"job {job.called} has the priority of its array", hint=f"labctl prio {job.array} {priority}"
        )
    states = (HELD, BLOCKED, QUEUED) if job.tasks is None else (HELD, BLOCKED, QUEUED, RUNNING, PAUSED)
    _need(job, states, "moved in the queue", "")
    return [
        Draft("job.prioritised", {"job": job.id, "priority": priority}, actor, f"was {job.spec.priority}")
    ]


def _need(job: Job, states: Sequence[str], done: str, hint: str) -> None:
    if job.state not in states:
        state = job.state.replace("_", " ")
        raise Conflict(
            f"job {job.called} is {state}: it cannot be {done}", hint=hint or f"labctl show {job.called}"
        )


def _draft(kind: str, job: Job, actor: str) -> Draft:
    return Draft(kind, {"job": job.id}, actor, "" if actor == "labd" else f"by {actor}")
