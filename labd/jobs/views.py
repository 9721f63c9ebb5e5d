"""A job as people and programs see it."""

from labd.api.jobs import JobView
from labd.jobs.arrays import totals
from labd.jobs.model import Attempt, Job
from labd.jobs.order import request_of
from labd.jobs.reports import Latest
from labd.resources.ledger import MILLI


def view(job: Job, latest: Latest | None = None, waiting_for: str = "", warning: str = "") -> JobView:
    """The frozen shape of ``labctl --json``. Output, environment and script are asked for elsewhere."""
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
        waiting_for=waiting_for,
        tasks=totals(job) if job.tasks else None,
        array=job.array or None,
        index=job.index if job.array else None,
        preemptible=spec.preemptible,
        warning=warning,
    )


def reason(job: Job) -> str:
    """Why the job is in its state, as far as there is something to say."""
    if job.cancel_reason is not None:
        return job.cancel_reason or "cancelled"
    return job.current.reason if job.current else ""
