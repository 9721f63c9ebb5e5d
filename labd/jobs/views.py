"""A job as people and programs see it."""

import os
from typing import Any

from labd.api.jobs import JobView
from labd.jobs.model import RUNNING, Attempt, Job
from labd.jobs.reports import Artifact, Latest


def view(job: Job, latest: Latest | None = None, waiting_for: str = "", now: float = 0.0) -> JobView:
    """The frozen shape of ``labctl --json``. Output, environment and script are asked for elsewhere.

    *now* is the time in Unix seconds, for the estimate of what is left.
    """
    spec, last = job.spec, job.current or Attempt(number=0, state="", token="", cause="")
    ended = last.ended if not job.live else None
    return JobView(
        id=job.id,
        name=spec.name,
        kind=spec.kind,
        state=job.state,
        user=job.user,
        uid=job.uid,
        priority=spec.priority,
        argv=spec.argv,
        cwd=spec.cwd,
        cpus=spec.cpus or 0.0,
        memory=spec.memory or 0,
        gpus=max(spec.gpus, len(spec.gpu_ids)),
        gpu_ids=last.gpu_ids if job.busy or not job.live else (),
        time_limit=spec.time_limit or None,
        retries=spec.retries,
        retry_on=spec.retry_on,
        begin=spec.begin,
        after=spec.after,
        group=spec.group,
        tags=spec.tags,
        attempt=job.attempt,
        submitted=job.submitted,
        started=last.started if job.busy or not job.live else None,
        ended=ended,
        exit_code=last.exit_code if not job.live else None,
        signal=last.signal if not job.live else None,
        reason=reason(job),
        progress=latest.progress if latest else None,
        metrics=dict(latest.metrics) if latest else {},
        eta=latest.pace.left(now, last.started) if latest and job.state == RUNNING else None,
        waiting_for=waiting_for,
    )


def artifacts(job: Job, latest: Latest | None) -> list[dict[str, Any]]:
    """The results that the attempt named, in that order, with absolute paths."""
    return [_artifact(found, job.spec.cwd) for found in (latest.artifacts.values() if latest else ())]


def _artifact(found: Artifact, folder: str) -> dict[str, Any]:
    path = os.path.join(folder, found.path)
    return {"name": found.name or os.path.basename(path), "path": path, "size": found.size}


def reason(job: Job) -> str:
    """Why the job is in its state, as far as there is something to say."""
    if job.cancel_reason is not None:
        return job.cancel_reason or "cancelled"
    return job.current.reason if job.current else ""
