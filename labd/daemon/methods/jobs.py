"""``job.*``: submit, look at, wait for, read, end and repeat jobs."""

from collections.abc import Callable, Sequence
from typing import Annotated, Any, Literal

import msgspec
import trio
from msgspec import Meta

from labd.api.jobs import ArraySpec, JobSpec
from labd.api.methods import Call, Method, Role
from labd.daemon.code import FrozenCode
from labd.daemon.desk import Desk
from labd.errors import DeadlineExceeded, NotFound, NotPermitted, UsageError
from labd.jobs import arrays, attempts, decide, logs, metrics, steer, table
from labd.jobs.decide import Draft
from labd.jobs.model import STATES, Attempt, Job
from labd.jobs.reports import read as read_reports
from labd.jobs.reports import summary
from labd.jobs.series import LEAST
from labd.jobs.views import artifacts

JobRef = int | str
Decision = Callable[[Job], list[Draft]]
MAX_LIST = 5000


class Submit(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    spec: JobSpec
    key: Annotated[str, Meta(min_length=1, max_length=200)] | None = None
    dry_run: bool = False


class List(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    states: tuple[str, ...] | None = None
    user: str | None = None
    name: str | None = None
    tag: str | None = None
    group: str | None = None
    before: int | None = None
    limit: Annotated[int, Meta(ge=1, le=MAX_LIST)] = 100
    order: Literal["newest", "start"] = "newest"


class Tasks(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    job: JobRef
    states: tuple[str, ...] | None = None
    above: Annotated[int, Meta(ge=0)] | None = None
    limit: Annotated[int, Meta(ge=1, le=MAX_LIST)] = 1000


class One(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    job: JobRef


class Change(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    job: JobRef
    dry_run: bool = False


class Wait(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    jobs: Annotated[tuple[JobRef, ...], Meta(min_length=1, max_length=5000)]
    timeout: Annotated[float, Meta(ge=0)] | None = None


class Find(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    jobs: Annotated[tuple[JobRef, ...], Meta(min_length=1, max_length=5000)]


class Cancel(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    job: JobRef
    reason: Annotated[str, Meta(max_length=1000)] = ""
    dry_run: bool = False


class Prioritise(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    job: JobRef
    priority: Annotated[int, Meta(ge=-1_000_000, le=1_000_000)]
    dry_run: bool = False


class Log(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    job: JobRef
    attempt: int | None = None
    offset: int = 0
    limit: Annotated[int, Meta(ge=1, le=logs.MAX_CHUNK)] = 65_536
    wait: bool = False


class OfAttempt(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    job: JobRef
    attempt: int | None = None


class Metrics(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    job: JobRef
    attempt: int | None = None
    names: Annotated[tuple[str, ...], Meta(max_length=metrics.MAX_SERIES)] | None = None
    points: Annotated[int, Meta(ge=LEAST, le=metrics.MAX_POINTS)] = 400


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
            Method("job.cancel", self.cancel, Cancel, Role.SUBMIT, "End a job and all its processes."),
            Method("job.hold", self.hold, Change, Role.SUBMIT, "Keep a waiting job from starting."),
            Method("job.release", self.release, Change, Role.SUBMIT, "Let a held job go."),
            Method("job.pause", self.pause, Change, Role.SUBMIT, "Stop a running job where it is."),
            Method("job.resume", self.resume, Change, Role.SUBMIT, "Let a paused job go on."),
            Method("job.requeue", self.requeue, Cancel, Role.SUBMIT, "End the attempt, queue the job again."),
            Method("job.prioritise", self.prioritise, Prioritise, Role.SUBMIT, "Move a job in the queue."),
            Method("job.why", self.why, One, Role.VIEW, "What a job waits for, and who holds it."),
            Method(
                "job.retry", self.retry, Change, Role.SUBMIT, "Queue an ended job again, as a new attempt."
            ),
            Method("job.log", self.log, Log, Role.VIEW, "Bytes of a job's output from an offset on."),
            Method("job.reports", self.reports, OfAttempt, Role.VIEW, "What an attempt reported of itself."),
            Method("job.metrics", self.metrics, Metrics, Role.VIEW, "The curves of an attempt's metrics."),
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
            latest = await trio.to_thread.run_sync(summary, self._folder(job.id, job.attempt), job.attempt)
        return {
            "job": self._desk.view(job, latest),
            "attempts": [_shown(a) | self._place(job.id, a.number) for a in tries],
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

    async def cancel(self, call: Call, ask: Cancel) -> dict[str, Any]:
        job = self._desk.owned(call.peer, ask.job, "cancel")
        reason = ask.reason or f"cancelled by {call.peer.name}"
        if ask.dry_run:
            drafts = self._desk.queue.decided(
                job.id, lambda job: [decide.cancel(job, call.peer.name, reason)]
            )
            return self._would(job, drafts, self._desk.queue.dependents.in_vain(job.id))
        return {"job": self._desk.view(await self._desk.runner.cancel(job.id, call.peer.name, reason))}

    async def retry(self, call: Call, ask: Change) -> dict[str, Any]:
        job = self._desk.owned(call.peer, ask.job, "retry")
        if ask.dry_run:
            return self._would(job, self._desk.queue.again(job, call.peer.name))
        return {"job": self._desk.view(await self._desk.queue.retry(job.id, call.peer.name))}

    async def hold(self, call: Call, ask: Change) -> dict[str, Any]:
        return await self._steer(call, ask, "hold", lambda job: steer.hold(job, call.peer.name))

    async def release(self, call: Call, ask: Change) -> dict[str, Any]:
        waits = self._desk.queue.dependents.waits
        return await self._steer(
            call, ask, "release", lambda job: steer.release(job, call.peer.name, waits(job))
        )

    async def pause(self, call: Call, ask: Change) -> dict[str, Any]:
        return await self._steer(call, ask, "pause", lambda job: steer.pause(job, call.peer.name))

    async def resume(self, call: Call, ask: Change) -> dict[str, Any]:
        return await self._steer(call, ask, "resume", lambda job: steer.resume(job, call.peer.name))

    async def requeue(self, call: Call, ask: Cancel) -> dict[str, Any]:
        reason = ask.reason or f"requeued by {call.peer.name}"
        return await self._steer(call, ask, "requeue", lambda job: steer.requeue(job, call.peer.name, reason))

    async def prioritise(self, call: Call, ask: Prioritise) -> dict[str, Any]:
        job = self._desk.find(ask.job)
        highest = max(job.spec.priority, 0)
        if ask.priority > highest and call.peer.role < Role.OPERATE:
            raise NotPermitted(
                f"{call.peer.name} cannot raise the priority of job {job.called} above {highest}",
                hint="that needs the role operate",
            )
        return await self._steer(
            call, ask, "move", lambda job: steer.prioritise(job, call.peer.name, ask.priority)
        )

    async def why(self, call: Call, ask: One) -> dict[str, Any]:
        job = self._desk.find(ask.job)
        return {
            "job": self._desk.view(job),
            "reasons": self._desk.reasons(job),
            "held_by": self._desk.holders(job),
        }

    async def _steer(
        self, call: Call, ask: Change | Cancel | Prioritise, verb: str, decision: Decision
    ) -> dict[str, Any]:
        job = self._desk.owned(call.peer, ask.job, verb)
        if ask.dry_run:
            return self._would(job, self._desk.queue.decided(job.id, decision))
        return {"job": self._desk.view(await self._desk.runner.steer(job.id, decision))}

    def _would(self, job: Job, drafts: Sequence[Draft], lost: Sequence[int] = ()) -> dict[str, Any]:
        """What a dry run answers: the job as it is, and the events that would follow; *lost* end with it."""
        would = [{"kind": draft.kind, "job": draft.data["job"]} for draft in drafts]
        would += [{"kind": "job.cancelled", "job": number} for number in lost]
        return {"job": self._desk.view(job), "would": would}

    async def log(self, call: Call, ask: Log) -> dict[str, Any]:
        job = self._one(self._desk.readable(call.peer, ask.job))
        wanted = ask.attempt or 1
        if ask.wait and job.live and job.attempt <= wanted:
            job = await self._desk.wait_begun(job.id, wanted)
            if job.attempt < wanted:
                return {"data": b"", "offset": 0, "size": 0, "end": True, "attempt": wanted}
        number = self._attempt(job.id, job.attempt, ask.attempt)
        folder = self._folder(job.id, number)
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
        found, _ = read_reports(self._folder(job.id, number))
        return {"attempt": number, "reports": found}

    async def metrics(self, call: Call, ask: Metrics) -> dict[str, Any]:
        job = self._one(self._desk.readable(call.peer, ask.job))
        number = self._attempt(job.id, job.attempt, ask.attempt)
        curves = await metrics.read(self._folder(job.id, number), ask.names, ask.points)
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

    def _folder(self, job_id: int, number: int) -> str:
        return attempts.folder(self._desk.state_dir, job_id, number)

    def _place(self, job_id: int, number: int) -> dict[str, str]:
        folder = self._folder(job_id, number)
        return {"folder": folder, "log": f"{folder}/out.log"}


def _untouched(array: Job, spec: ArraySpec, states: tuple[str, ...] | None) -> list[dict[str, Any]]:
    """The tasks to which nothing has happened yet, as ranges."""
    ranges = []
    for first, last in arrays.untouched(array):
        state = arrays.born(array, array.id + 1 + first).state
        if states is None or state in states:
            ends = {"first": arrays.index_of(spec, first), "last": arrays.index_of(spec, last)}
            ranges.append({**ends, "count": last - first + 1, "state": state})
    return ranges


def _shown(attempt: Attempt) -> dict[str, Any]:
    fields: dict[str, Any] = msgspec.structs.asdict(attempt)
    del fields["token"]  # with it, a process could pass itself off as one of the job's
    return fields
