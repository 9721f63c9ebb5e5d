"""``job.*``: submit, look at and wait for jobs."""

from typing import Any

import msgspec
import trio

from labd.api.jobs import ArraySpec
from labd.api.methods import Call, Method, Role
from labd.daemon.code import FrozenCode
from labd.daemon.desk import Desk
from labd.daemon.methods.asked import Find, List, One, Submit, Tasks, Wait
from labd.daemon.methods.output import folder_of
from labd.errors import DeadlineExceeded, UsageError
from labd.jobs import arrays, table
from labd.jobs.model import STATES, Attempt, Job
from labd.jobs.reports import summary
from labd.jobs.views import artifacts


class JobMethods:
    """The handlers; everything they touch is behind the :class:`Desk`."""

    def __init__(self, desk: Desk, code: FrozenCode) -> None:
        self._desk = desk
        self._code = code

    def all(self) -> list[Method]:
        return [
            Method("job.submit", self.submit, Submit, Role.SUBMIT, "Accept a job; durable when answered."),
            Method("job.list", self.list, List, Role.VIEW, "Jobs that match, in one of two orders."),
            Method("job.tasks", self.tasks, Tasks, Role.VIEW, "The tasks of an array, in their order."),
            Method("job.show", self.show, One, Role.VIEW, "One job with its attempts."),
            Method("job.find", self.find, Find, Role.VIEW, "The ids that references to jobs mean now."),
            Method("job.wait", self.wait, Wait, Role.VIEW, "Answer when all these jobs have ended."),
            Method("job.why", self.why, One, Role.VIEW, "What a job waits for, and who holds it."),
        ]

    async def submit(self, call: Call, ask: Submit) -> dict[str, Any]:
        spec = self._desk.intake.checked(ask.spec, call.peer.role)
        await self._desk.lines.check(spec, call.peer.uid)
        await self._code.check(spec, call.peer)
        if ask.dry_run:
            return {"job": None, "created": False, "spec": msgspec.structs.replace(spec, env={})}
        job, created = await self._desk.queue.submit(spec, call.peer, ask.key)
        return {"job": self._desk.view(job), "created": created}

    async def list(self, call: Call, ask: List) -> dict[str, Any]:
        self._desk.check_states(ask.states, STATES)
        where = table.Filter(ask.states, ask.user, ask.name, ask.before, ask.tag, ask.group)
        jobs = await self._desk.queue.listed(where, ask.limit, ask.order)
        return {"jobs": [self._desk.view(j) for j in jobs], "counts": self._desk.counts()}

    async def tasks(self, call: Call, ask: Tasks) -> dict[str, Any]:
        self._desk.check_states(ask.states, STATES)
        array = self._desk.find(ask.job)
        if array.tasks is None or array.spec.array is None:
            raise UsageError(f"job {array.called} is no array", hint=f"labctl show {array.called}")
        above = array.id if ask.above is None else array.id + 1 + ask.above
        where = table.Filter(ask.states, array=array.id, above=above)
        found = await self._desk.queue.listed(where, ask.limit, "oldest")
        views = [
            {"position": task.id - array.id - 1} | msgspec.structs.asdict(self._desk.view(task))
            for task in found
        ]
        ranges = _untouched(array, array.spec.array, ask.states)
        return {"job": self._desk.view(array), "tasks": views, "untouched": ranges}

    async def show(self, call: Call, ask: One) -> dict[str, Any]:
        job = self._desk.find(ask.job)
        tries = self._desk.store.read(lambda conn: table.attempts(conn, job.id))
        if job.current is not None:
            tries = [a for a in tries if a.number != job.attempt] + [job.current]
        owner = self._desk.owns(call.peer, job)
        latest = self._desk.latest(job)
        if not job.live and job.current is not None:
            latest = await trio.to_thread.run_sync(
                summary, folder_of(self._desk, job.id, job.attempt), job.attempt
            )
        return {
            "job": self._desk.view(job, latest),
            "attempts": [_shown(a) | _place(self._desk, job.id, a.number) for a in tries],
            "artifacts": artifacts(job, latest),
            "env": self._desk.environment(job) if owner else None,
            "script": job.spec.script if owner else None,
            "task": await self._desk.lines.of(job) if owner else None,
            "code": job.spec.code if owner else None,
        }

    async def find(self, call: Call, ask: Find) -> dict[str, Any]:
        ids, _ = await self._desk.find_all(ask.jobs)
        return {"ids": ids}

    async def wait(self, call: Call, ask: Wait) -> dict[str, Any]:
        ids, ended = await self._desk.find_all(ask.jobs)
        with trio.move_on_after(ask.timeout if ask.timeout is not None else float("inf")) as scope:
            jobs = [ended.get(number) or await self._desk.queue.wait_ended(number) for number in ids]
        if scope.cancelled_caught:
            waiting = [i for i in ids if self._desk.queue.find(i).live]
            raise DeadlineExceeded(
                f"{len(waiting)} of {len(ids)} jobs had not ended after {ask.timeout:g} s",
                hint="labctl status shows them",
                data={"jobs": waiting},
            )
        return {"jobs": [self._desk.view(job) for job in jobs]}

    async def why(self, call: Call, ask: One) -> dict[str, Any]:
        job = self._desk.find(ask.job)
        return {
            "job": self._desk.view(job),
            "reasons": self._desk.reasons(job),
            "held_by": self._desk.holders(job),
        }


def _untouched(array: Job, spec: ArraySpec, states: tuple[str, ...] | None) -> list[dict[str, Any]]:
    """The tasks to which nothing has happened yet, as ranges."""
    ranges = []
    for first, last in arrays.untouched(array):
        state = arrays.born(array, array.id + 1 + first).state
        if states is None or state in states:
            ends = {"first": arrays.index_of(spec, first), "last": arrays.index_of(spec, last)}
            ranges.append({**ends, "count": last - first + 1, "state": state})
    return ranges


def _place(desk: Desk, job_id: int, number: int) -> dict[str, str]:
    folder = folder_of(desk, job_id, number)
    return {"folder": folder, "log": f"{folder}/out.log"}


def _shown(attempt: Attempt) -> dict[str, Any]:
    fields: dict[str, Any] = msgspec.structs.asdict(attempt)
    del fields["token"]  # with it, a process could pass itself off as one of the job's
    return fields
