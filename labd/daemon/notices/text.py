"""What happened to a job, in one plain sentence. Pure."""

from labd.api.node import Event
from labd.jobs.model import Job
from labd.units import about_seconds

SAID = {
    "job.succeeded": "succeeded", "job.failed": "failed", "job.cancelled": "was cancelled",
    "job.timed_out": "reached its time limit", "job.lost": "was lost",
    "job.submitted": "was submitted", "job.starting": "is being started", "job.started": "has started",
    "job.adopted": "runs on after a restart of labd", "job.never_began": "could not begin and waits again",
    "job.queued": "will be run again", "job.held": "is held", "job.released": "was released",
    "job.blocked": "waits for other jobs", "job.unblocked": "waits for other jobs no more",
    "job.prioritised": "got another priority", "job.paused": "is paused", "job.resumed": "goes on",
    "job.array_started": "has started",
    "job.requeue_requested": "is to be ended and queued again", "job.cancel_requested": "is to be ended",
}  # fmt: skip
"""Every event of jobs that is kept."""

OBVIOUS = ("exit code 0",)
"""Causes that say nothing beyond the event."""


def sentence(event: Event, job: Job) -> str:
    """``job 12 (train) failed after 3 h 2 min: exit code 1``."""
    name = f" ({job.spec.name})" if job.spec.name else ""
    seconds = event.data.get("seconds")
    after = f" after {about_seconds(seconds)}" if seconds is not None else ""
    cause = f": {event.cause}" if event.cause and event.cause not in OBVIOUS else ""
    again = "; it will be run again" if event.data.get("again") else ""
    return f"job {job.id}{name} {SAID[event.kind]}{after}{cause}{again}"
