"""From a job's record to what its shim is told, and to what it asks of the ledger. Pure."""

import os
from typing import Any, NamedTuple

from labd.api.jobs import JobSpec
from labd.jobs.model import Job
from labd.jobs.shim import marks
from labd.jobs.visible import gpu_names
from labd.resources.devices import Device
from labd.resources.ledger import MILLI, Request


def request_of(spec: JobSpec) -> Request:
    """What *spec* asks of the machine."""
    share = round(spec.gpus * MILLI) if spec.gpus % 1 else 0
    count = 0 if share else int(spec.gpus)
    return Request(round((spec.cpus or 0) * MILLI), spec.memory or 0, count, spec.gpu_ids, share, spec.vram)


class User(NamedTuple):
    """Whom the job runs as, when that is not the daemon's own user."""

    uid: int
    gid: int
    groups: tuple[int, ...]


class Surroundings(NamedTuple):
    """What a job finds: its environment, its user (None: the daemon's), the GPUs of the machine,
    the control group under which it gets its own, and whether its cores are a limit."""

    env: dict[str, str]
    user: User | None = None
    gpus: tuple[Device, ...] = ()
    cgroup: str = ""
    enforce_cpus: bool = False


def order_for(job: Job, folder: str, around: Surroundings) -> dict[str, Any]:
    """The order of the job's current attempt: JSON-able, kept in its folder, read by the shim."""
    spec = job.spec
    script = {} if spec.script is None else {"script": spec.script}
    user = {} if around.user is None else {"user": around.user._asdict()}
    return (
        script
        | user
        | {
            "job": job.id,
            "attempt": job.attempt,
            "argv": list(spec.argv),
            "cwd": spec.cwd,
            "env": around.env | labd_names(job, folder) | _gpus(job, around),
            "time_limit": spec.time_limit or None,
            "grace": spec.grace,
            "memory": spec.memory or 0,
            "cpus": spec.cpus or 0,
            "enforce_cpus": around.enforce_cpus,
            "cgroup": around.cgroup,
        }
    )


def _gpus(job: Job, around: Surroundings) -> dict[str, str]:
    given = job.current.gpu_ids if job.current else ()
    return gpu_names(request_of(job.spec), given, around.gpus, around.env)


def labd_names(job: Job, folder: str) -> dict[str, str]:
    """What a job is told of itself."""
    assert job.current is not None, "an order is for an attempt"
    return {
        "LABD_JOB_ID": str(job.id),
        "LABD_ATTEMPT": str(job.attempt),
        "LABD_RUN_DIR": os.path.join(folder, marks.RUN),
        "LABD_REPORT": os.path.join(folder, marks.REPORT),
        "LABD_TOKEN": job.current.token,
        "LABD_CPUS": f"{job.spec.cpus or 0:g}",
    }
