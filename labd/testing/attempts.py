"""Attempts that nobody runs: what the runner and its follower do, without processes and folders."""

from typing import cast

import trio

from labd.jobs import decide
from labd.jobs.clock import SystemClock
from labd.jobs.follow import Follower
from labd.jobs.model import PAUSED, RUNNING, Job
from labd.jobs.queue import Queue
from labd.jobs.reports import Latest, Reports
from labd.jobs.runner import Runner
from labd.jobs.watch import Watcher
from labd.testing.memory import Disk
from labd.testing.outcomes import Outcome, Script


class Reported(Reports):
    """What jobs are said to have reported."""

    def __init__(self) -> None:
        self._said: dict[int, Latest] = {}

    def say(self, job: int, latest: Latest) -> None:
        self._said[job] = latest

    def latest(self, job: int) -> Latest | None:
        return self._said.get(job)

    def forget(self, job: int) -> None:
        self._said.pop(job, None)


class ScriptedFollower(Follower):
    """Plays each attempt to the end that the script gives it."""

    def __init__(
        self, queue: Queue, clock: SystemClock, script: Script, disk: Disk, reported: Reported
    ) -> None:
        super().__init__(queue, cast(Watcher, None), reported, clock, lambda job: "")
        self._script = script
        self._disk = disk
        self._playing: dict[int, trio.CancelScope] = {}
        self._outcomes: dict[int, Outcome] = {}
        self._drawn: dict[int, Outcome] = {}

    def begin(self, job: Job) -> None:
        """Let the attempt run that is about to be recorded as started."""
        self._playing[job.id] = scope = trio.CancelScope()
        self.spawn(self._play, job.id, job.attempt, self._drawn.pop(job.id), scope)

    def draw(self, job_id: int) -> None:
        """Settle how the attempt will end: in the order of the queue, whichever is launched first."""
        if (job := self._queue.live.get(job_id)) is not None:
            self._drawn[job_id] = self._script.take(job.spec)

    def finish(self, job_id: int, outcome: Outcome) -> None:
        """End the running attempt of a job now, like *outcome*."""
        self._outcomes[job_id] = outcome
        self._playing[job_id].cancel(reason="the test ends the job")

    def plays(self, job_id: int) -> bool:
        """Whether an attempt of the job runs."""
        return job_id in self._playing

    def pass_on(self, job: Job) -> None:
        if job.state in (RUNNING, PAUSED) and job.cancel_reason is not None and self.plays(job.id):
            self._playing[job.id].cancel(reason="the job is cancelled")

    def follow(self, job: Job) -> None:
        """There is no folder."""

    def begun(self, job: Job, started: float) -> None:
        self.begins(job, started)

    def attend(self, job: Job) -> None:
        """Nor is there a report."""

    def settle(self, job_id: int, found: str = "") -> None:
        """Nothing happens behind the daemon's back."""

    def forget(self, job_id: int) -> None:
        self._reports.forget(job_id)

    def forget_all(self) -> None:
        """Attempts go on while the store is away, as shims do."""

    async def _play(self, job_id: int, attempt: int, outcome: Outcome, scope: trio.CancelScope) -> None:
        job, began = self._queue.find(job_id), self._clock.boot()
        seconds, reason = outcome.within(job.spec.time_limit)
        with scope:
            await trio.sleep(seconds)
        if scope.cancelled_caught:
            outcome, reason = self._cut_short(job_id, outcome)
        del self._playing[job_id]
        await self._disk.wait_room()
        job = self._queue.find(job_id)
        if job.busy and job.attempt == attempt:
            ending = outcome.ending(reason, self._clock.boot() - began, self._clock.wall())
            self._queue.record(decide.ended(job, ending, self._clock))

    def _cut_short(self, job_id: int, outcome: Outcome) -> tuple[Outcome, str]:
        asked = self._outcomes.pop(job_id, None)
        return (outcome, "cancelled") if asked is None else (asked, asked.reason)


class ScriptedRunner(Runner):
    """The real schedule, and attempts that are played instead of launched."""

    _follower: ScriptedFollower

    def _begin(self, job_id: int) -> None:
        self._follower.draw(job_id)
        super()._begin(job_id)

    async def _spawn_shim(self, job: Job) -> None:
        self._follower.begin(job)
