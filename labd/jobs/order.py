"""From a job's record to what its shim is told, and to what it asks of the ledger. Pure."""

import os
from typing import Any

from labd.api.jobs import JobSpec
from labd.jobs.model import Job
from labd.resources.ledger import MILLI, Request


def request_of(spec: JobSpec) -> Request:
    """What *spec* asks of the machine."""
    return Request(round((spec.cpus or 0) * MILLI), spec.memory or 0, spec.gpus, spec.gpu_ids)


def order_for(job: Job, folder: str, env: dict[str, str], machine_gpus: tuple[int, ...]) -> dict[str, Any]:
    """The order of the job's current attempt: JSON-able, kept in its folder, read by the shim."""
    spec = job.spec
    script = {} if spec.script is None else {"script": spec.script}
    return script | {
        "job": job.id,
        "attempt": job.attempt,
        "argv": list(spec.argv),
        "cwd": spec.cwd,
        "env": env | labd_names(job, folder) | gpu_names(job, machine_gpus),
        "time_limit": spec.time_limit or None,
        "grace": spec.grace,
    }


def labd_names(job: Job, folder: str) -> dict[str, str]:
    """What a job is told of itself."""
    assert job.current is not None, "an order is for an attempt"
    return {
        "LABD_JOB_ID": str(job.id),
        "LABD_ATTEMPT": str(job.attempt),
        "LABD_RUN_DIR": folder,
        "LABD_REPORT": os.path.join(folder, "report.ndjson"),
        "LABD_TOKEN": job.current.token,
        "LABD_CPUS": f"{job.spec.cpus or 0:g}",
    }


def gpu_names(job: Job, machine_gpus: tuple[int, ...]) -> dict[str, str]:
    """The GPUs that the job may see: its own, and none when it asked for none."""
    if not machine_gpus or job.current is None:
        return {}
    return {"CUDA_VISIBLE_DEVICES": ",".join(map(str, job.current.gpu_ids))}
