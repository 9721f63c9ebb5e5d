"""From a job's record to what its shim is told, and to what it asks of the ledger. Pure."""

import os
from typing import Any, NamedTuple

import msgspec

from labd.api.jobs import JobSpec
from labd.jobs.model import Job
from labd.jobs.shim import marks
from labd.resources.ledger import MILLI, Request


def request_of(spec: JobSpec) -> Request:
    """What *spec* asks of the machine."""
    return Request(round((spec.cpus or 0) * MILLI), spec.memory or 0, spec.gpus, spec.gpu_ids)


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
    gpus: tuple[int, ...] = ()
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
            "env": around.env | labd_names(job, folder) | gpu_names(job, around.gpus),
            "time_limit": spec.time_limit or None,
            "grace": spec.grace,
            "memory": spec.memory or 0,
            "cpus": spec.cpus or 0,
            "enforce_cpus": around.enforce_cpus,
            "cgroup": around.cgroup,
        }
    )


def record_of(job: Job) -> str:
    """The job as JSON, without its environment: what is kept beside the order of an attempt."""
    return msgspec.json.encode(job).decode()


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


def gpu_names(job: Job, machine_gpus: tuple[int, ...]) -> dict[str, str]:
    """The GPUs that the job may see: its own, and none when it asked for none."""
    if not machine_gpus or job.current is None:
        return {}
    return {"CUDA_VISIBLE_DEVICES": ",".join(map(str, job.current.gpu_ids))}
