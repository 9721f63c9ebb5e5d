"""``job.*``: end, repeat and steer jobs."""

from collections.abc import Callable, Sequence
from typing import Any

from labd.api.methods import Call, Method, Role
from labd.daemon.desk import Desk
from labd.daemon.methods.asked import Cancel, Change, Prioritise
from labd.errors import NotPermitted
from labd.jobs import decide, steer
from labd.jobs.decide import Draft
from labd.jobs.model import Job

Decision = Callable[[Job], list[Draft]]


class SteeringMethods:
    """The handlers of whatever changes a job; each can say what it would do."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def all(self) -> list[Method]:
        return [
            Method("job.cancel", self.cancel, Cancel, Role.SUBMIT, "End a job and all its processes."),
            Method("job.hold", self.hold, Change, Role.SUBMIT, "Keep a waiting job from starting."),
            Method("job.release", self.release, Change, Role.SUBMIT, "Let a held job go."),
            Method("job.pause", self.pause, Change, Role.SUBMIT, "Stop a running job where it is."),
            Method("job.resume", self.resume, Change, Role.SUBMIT, "Let a paused job go on."),
            Method("job.requeue", self.requeue, Cancel, Role.SUBMIT, "End the attempt, queue the job again."),
            Method("job.prioritise", self.prioritise, Prioritise, Role.SUBMIT, "Move a job in the queue."),
            Method(
                "job.retry", self.retry, Change, Role.SUBMIT, "Queue an ended job again, as a new attempt."
            ),
        ]

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
