"""``job.*``: read what jobs wrote and reported."""

from typing import Any

from labd.api.methods import Call, Method, Role
from labd.daemon.desk import Desk
from labd.daemon.methods.asked import Log, Metrics, OfAttempt
from labd.errors import NotFound, UsageError
from labd.jobs import arrays, attempts, logs, metrics
from labd.jobs.model import Job
from labd.jobs.reports import read as read_reports


class OutputMethods:
    """The handlers of whatever lies in the folders of attempts."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def all(self) -> list[Method]:
        return [
            Method("job.log", self.log, Log, Role.VIEW, "Bytes of a job's output from an offset on."),
            Method("job.reports", self.reports, OfAttempt, Role.VIEW, "What an attempt reported of itself."),
            Method("job.metrics", self.metrics, Metrics, Role.VIEW, "The curves of an attempt's metrics."),
        ]

    async def log(self, call: Call, ask: Log) -> dict[str, Any]:
        job = self._one(self._desk.readable(call.peer, ask.job))
        wanted = ask.attempt or 1
        if ask.wait and job.live and job.attempt <= wanted:
            job = await self._desk.wait_begun(job.id, wanted)
            if job.attempt < wanted:
                return {"data": b"", "offset": 0, "size": 0, "end": True, "attempt": wanted}
        number = self._attempt(job.id, job.attempt, ask.attempt)
        folder = folder_of(self._desk, job.id, number)
        chunk = logs.read(folder, ask.offset, ask.limit)
        if not chunk.data and ask.wait and number >= 1:
            await self._desk.wait_output(job.id, number, folder, chunk.offset)
            chunk = logs.read(folder, chunk.offset, ask.limit)
        over = self._desk.attempt_over(job.id, number) and chunk.offset >= chunk.size
        return {
            "data": chunk.data,
            "offset": chunk.offset,
            "size": chunk.size,
            "end": over,
            "attempt": number,
        }

    async def reports(self, call: Call, ask: OfAttempt) -> dict[str, Any]:
        job = self._one(self._desk.readable(call.peer, ask.job))
        number = self._attempt(job.id, job.attempt, ask.attempt)
        found, _ = read_reports(folder_of(self._desk, job.id, number))
        return {"attempt": number, "reports": found}

    async def metrics(self, call: Call, ask: Metrics) -> dict[str, Any]:
        job = self._one(self._desk.readable(call.peer, ask.job))
        number = self._attempt(job.id, job.attempt, ask.attempt)
        curves = await metrics.read(folder_of(self._desk, job.id, number), ask.names, ask.points)
        return {"attempt": number, **curves.as_map()}

    def _one(self, job: Job) -> Job:
        """Raises UsageError for an array: only its tasks have output."""
        if job.tasks is None or job.spec.array is None:
            return job
        first = arrays.index_of(job.spec.array, 0)
        raise UsageError(
            f"job {job.id} is an array: its tasks have output", hint=f"for one: {job.id}_{first}"
        )

    def _attempt(self, job_id: int, newest: int, asked: int | None) -> int:
        if asked is None or 1 <= asked <= newest:
            return newest if asked is None else asked
        raise NotFound(f"job {job_id} has no attempt {asked}", hint=f"it has had {newest} so far")


def folder_of(desk: Desk, job_id: int, number: int) -> str:
    """The folder of an attempt."""
    return attempts.folder(desk.state_dir, job_id, number)
