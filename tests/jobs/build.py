"""Jobs and events for tests, without a store."""

from labd.api.jobs import JobSpec
from labd.api.methods import Peer, Role
from labd.api.node import Event
from labd.jobs.model import Job, apply

ALICE = Peer(pid=1, uid=1000, gid=1000, name="alice", role=Role.SUBMIT)


class Clocks:
    """Both clocks, moved by hand."""

    def __init__(self, boot_id: str = "this-boot") -> None:
        self.boot_id = boot_id
        self.walls, self.boots = 1_000_000.0, 500.0

    def wall(self) -> float:
        return self.walls

    def boot(self) -> float:
        return self.boots


def event(kind: str, seq: int = 1, cause: str = "", **data: object) -> Event:
    return Event(seq, 1000.0 + seq, kind, "test", cause, data)


def a_job(state: str = "queued", **spec: object) -> Job:
    """A job that has come as far as *state* by lawful events."""
    given = {"argv": ["true"], "cwd": "/", "cpus": 1.0, "memory": 0, "grace": 1.0} | spec
    job = apply(
        None,
        event(
            "job.submitted", job=1, uid=1000, gid=1000, user="alice", key=None, environment="e", spec=given
        ),
    )
    for step in _WAY.get(state, (f"job.{state}",)):
        job = apply(job, _STEPS[step] if step in _STEPS else event(step, job=1, attempt=1, ended=2000.0))
    return job


_STEPS = {
    "job.starting": event("job.starting", 2, "submitted", job=1, attempt=1, token="t" * 16, gpu_ids=[]),
    "job.started": event("job.started", 3, job=1, attempt=1, started=1003.0),
}
_WAY = {
    "queued": (),
    "held": ("job.held",),
    "blocked": ("job.blocked",),
    "paused": ("job.starting", "job.started", "job.paused"),
    "starting": ("job.starting",),
    "running": ("job.starting", "job.started"),
    **{
        end: ("job.starting", "job.started", f"job.{end}")
        for end in ("succeeded", "failed", "timed_out", "lost", "cancelled")
    },
}

__all__ = ["ALICE", "Clocks", "JobSpec", "a_job", "event"]
