"""A job as people and programs see it."""

import os
from typing import Any

from labd.api.jobs import JobView
from labd.jobs.arrays import totals
from labd.jobs.model import RUNNING, Attempt, Job
from labd.jobs.order import request_of
from labd.jobs.reports import Artifact, Latest
from labd.resources.ledger import MILLI


def view(
    job: Job, latest: Latest | None = None, waiting_for: str = "", warning: str = "", now: float = 0.0
) -> JobView:
    """The frozen shape of ``labctl --json``. Output, environment and script are asked for elsewhere.

    *now* is the time in Unix seconds, for the estimate of what is left.
    """
    request = request_of(job.spec)
    spec, last = job.spec, job.current or Attempt(number=0, state="", token="", cause="")
    begun = job.busy or not job.live or job.tasks is not None
    started = job.tasks.began if job.tasks else last.started
    ended = (job.tasks.over if job.tasks else last.ended) if not job.live else None
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
        gpus=request.gpu_milli / MILLI if request.share else request.gpu_count,
        gpu_ids=last.gpu_ids if job.busy or not job.live else (),
        vram=spec.vram,
        time_limit=spec.time_limit or None,
        retries=spec.retries,
        retry_on=spec.retry_on,
        begin=spec.begin,
        after=spec.after,
        group=spec.group,
        tags=spec.tags,
        notify=spec.notify,
        attempt=job.attempt,
        submitted=job.submitted,
        started=started if begun else None,
        ended=ended,
        exit_code=last.exit_code if not job.live else None,
        signal=last.signal if not job.live else None,
        reason=reason(job),
        progress=latest.progress if latest else None,
        metrics=dict(latest.metrics) if latest else {},
        eta=_left(job, latest, last, now) if job.state == RUNNING else None,
        waiting_for=waiting_for,
        tasks=totals(job) if job.tasks else None,
        array=job.array or None,
        index=job.index if job.array else None,
        preemptible=spec.preemptible,
        warning=warning,
    )


def artifacts(job: Job, latest: Latest | None) -> list[dict[str, Any]]:
    """The results that the attempt named, in that order, with absolute paths."""
    return [_artifact(found, job.spec.cwd) for found in (latest.artifacts.values() if latest else ())]


def _artifact(found: Artifact, folder: str) -> dict[str, Any]:
    path = os.path.join(folder, found.path)
    return {"name": found.name or os.path.basename(path), "path": path, "size": found.size}


def _left(job: Job, latest: Latest | None, last: Attempt, now: float) -> float | None:
    """Seconds that the job still takes, by its reports; an array, by the tasks that have ended."""
    if job.tasks is None:
        return latest.pace.left(now, last.started) if latest else None
    counts = totals(job)
    left = counts["waiting"] + counts["running"]
    done = sum(counts.values()) - left - counts["cancelled"]
    return left * (now - job.tasks.began) / done if done and job.tasks.began is not None else None


def reason(job: Job) -> str:
    """Why the job is in its state, as far as there is something to say."""
    if job.cancel_reason is not None:
        return job.cancel_reason or "cancelled"
    return job.current.reason if job.current else ""
