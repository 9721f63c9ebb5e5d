"""From a job's record to what its shim is told, and to what it asks of the ledger. Pure."""

import os
from typing import Any, NamedTuple

import msgspec

from labd.api.jobs import JobSpec
from labd.jobs.items import filled
from labd.jobs.manifest import within
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
    the control group under which it gets its own, whether its cores are a limit, and the line that a
    task of an array was given."""

    env: dict[str, str]
    user: User | None = None
    gpus: tuple[Device, ...] = ()
    cgroup: str = ""
    enforce_cpus: bool = False
    line: str | None = None


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
            "argv": argv_of(job, around.line),
            "cwd": workdir(spec, folder),
            "env": around.env
            | labd_names(job, folder)
            | code_names(spec, folder)
            | task_names(job, around.line)
            | _gpus(job, around),
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


def argv_of(job: Job, line: str | None) -> list[str]:
    """The command; of a task, with its index and its line filled in."""
    if not job.array or job.spec.array is None:
        return list(job.spec.argv)
    return filled(list(job.spec.argv), job.index, line, job.spec.array.json)


def task_names(job: Job, line: str | None) -> dict[str, str]:
    """What a task of an array is told besides."""
    if not job.array or job.spec.array is None:
        return {}
    names = {
        "LABD_ARRAY_ID": str(job.array),
        "LABD_TASK_INDEX": str(job.index),
        "LABD_TASK_COUNT": str(job.spec.array.count),
    }
    return names if line is None else names | {"LABD_TASK": line}


def code_names(spec: JobSpec, folder: str) -> dict[str, str]:
    """What a job with frozen code is told: where that is, and the folder it runs in, as a shell would say."""
    if spec.code is None:
        return {}
    return {"LABD_CODE_DIR": os.path.join(folder, marks.CODE), "PWD": workdir(spec, folder)}


def workdir(spec: JobSpec, folder: str) -> str:
    """Where the job of an attempt in *folder* runs: with frozen code, at the place that is like ``cwd``."""
    place = None if spec.code is None else within(spec.code.root, spec.cwd)
    return spec.cwd if place is None else os.path.normpath(os.path.join(folder, marks.CODE, place))
