"""Starts what may start, and takes up what it finds after a restart.

Event driven: a change of the queue or an end wakes it, nothing polls. What becomes of an attempt is the
business of :mod:`labd.jobs.follow`.
"""

import logging
import os
import secrets
from collections.abc import Callable, Iterable
from functools import partial

import trio

from labd.errors import Conflict, LabdError
from labd.jobs import attempts, decide
from labd.jobs.clock import SystemClock
from labd.jobs.follow import LAUNCH_DELAY, Follower
from labd.jobs.launch import Launcher, LaunchUnknown
from labd.jobs.model import QUEUED, STARTING, Attempt, Job
from labd.jobs.order import Surroundings, order_for, record_of, request_of
from labd.jobs.queue import Queue
from labd.jobs.schedule import Key, Line, Start, holder
from labd.jobs.share import Shares, weight
from labd.resources.ledger import Ledger

log = logging.getLogger("labd.jobs")


ACKNOWLEDGED = 4
"""Turns of the loop that a launch lets pass: whoever submitted gets the answer first, it is ready by now."""


class Runner:
    """The service that turns queued jobs into processes. *surroundings* says what a job finds."""

    def __init__(
        self,
        queue: Queue,
        ledger: Ledger,
        launcher: Launcher,
        follower: Follower,
        clock: SystemClock,
        folder: Callable[[Job], str],
        surroundings: Callable[[Job], Surroundings],
    ) -> None:
        self._queue = queue
        self._ledger = ledger
        self._launcher = launcher
        self._follower = follower
        self._clock = clock
        self._folder = folder
        self._surroundings = surroundings
        self.shares = Shares()
        self.line = Line(share=lambda user: self.shares.used(user, clock.boot()))
        self._wake = trio.Event()
        self._spawn: Callable[..., None] = follower.spawn
        self.draining = False

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Recover, be ready, then start jobs whenever something changed."""
        async with trio.open_nursery() as nursery:
            self._spawn = self._follower.spawn = nursery.start_soon
            self._queue.on_change = self._changed
            self._queue.on_undone = self._undone
            self.recover(self._queue.live.values())
            task_status.started()
            while True:
                await self._wake.wait()
                self._wake = trio.Event()
                self._start_what_fits()

    def remember(self, past: Iterable[tuple[Job, Attempt]]) -> None:
        """Take up what users have had before this daemon began, from attempts that have ended."""
        shift = self._clock.boot() - self._clock.wall()
        self.shares.load(
            (job.uid, weight(request_of(job.spec)) * (attempt.seconds or 0.0), (attempt.ended or 0.0) + shift)
            for job, attempt in past
        )

    def kick(self) -> None:
        """Look soon whether something can start."""
        self._wake.set()

    async def cancel(self, job_id: int, actor: str, reason: str) -> Job:
        """Ask for the end of a job; the request is durable on return. Raises NotFound, Conflict."""
        job = await self._queue.cancel(job_id, actor, reason)
        self._follower.pass_on(job)
        return job

    async def steer(self, job_id: int, decision: Callable[[Job], list[decide.Draft]]) -> Job:
        """Do with a job what *decision* makes of it, and tell its shim. Raises NotFound, Conflict."""
        job = await self._queue.steer(job_id, decision)
        self._follower.pass_on(job)
        return job

    # -- taking up -------------------------------------------------------------------------------

    def recover(self, jobs: Iterable[Job]) -> None:
        """Make everything here what *jobs* (all that are unfinished) and their attempt folders say."""
        self._follower.forget_all()
        with self._ledger.quiet():
            for job_id in self.line.running():
                self._ledger.release(holder(job_id))
                self.shares.ends(job_id, self._clock.boot())
            self.line = self.line.emptied()
            for job in list(jobs):
                self._take_up(job)
        self._queue.record(self._queue.dependents.load(list(self._queue.live.values())))
        self.kick()

    def _take_up(self, job: Job) -> None:
        if not job.busy:
            if job.state == QUEUED:
                self._enqueue(job)
            return
        assert job.current is not None, "a busy job has an attempt"
        self._ledger.claim(holder(job.id), request_of(job.spec), job.current.gpu_ids)
        self._runs(job)
        self._follower.follow(job)
        self._follower.settle(job.id, found="adopted after a restart")

    def _changed(self, job: Job) -> None:
        """The queue has a new record of *job* (not yet durable)."""
        if job.state == QUEUED:
            self._release(job)
            self._enqueue(job)
        elif not job.busy:
            self.line.discard(job.id)
            self._release(job)
        self.kick()

    def _undone(self, job: Job, stored: Job | None) -> None:
        """What *job* was to become could not be stored: it is what it was, or nothing."""
        self.line.discard(job.id)
        if stored is None or not stored.busy:
            self._release(job)
        if stored is not None and stored.state == QUEUED:
            self._enqueue(stored)

    def _runs(self, job: Job) -> None:
        self.line.runs(job.id, key_of(job))
        self.shares.begins(job.id, job.uid, request_of(job.spec), self._clock.boot())

    def _release(self, job: Job) -> None:
        self._ledger.release(holder(job.id))
        self.line.ended(job.id)
        self.shares.ends(job.id, self._clock.boot())
        self._follower.forget(job.id)

    # -- waiting ---------------------------------------------------------------------------------

    def _enqueue(self, job: Job) -> None:
        delay = decide.seconds_until_ready(job, self._clock)
        if delay > 0:
            self._spawn(self._enqueue_later, job.id, job.attempt, delay)
        else:
            self.line.add(job.id, job.spec.priority, key_of(job))

    async def _enqueue_later(self, job_id: int, attempt: int, delay: float) -> None:
        await trio.sleep(delay)
        job = self._queue.live.get(job_id)
        if job is not None and job.state == QUEUED and job.attempt == attempt and job_id not in self.line:
            self._enqueue(job)
            self.kick()

    # -- starting --------------------------------------------------------------------------------

    def _start_what_fits(self) -> None:
        if self.draining:
            return
        for start in self.line.plan(self._ledger):
            self._start(start)

    def _start(self, start: Start) -> None:
        job = self._queue.live[start.job]
        self.shares.begins(job.id, job.uid, start.lease.request, self._clock.boot())
        draft = decide.starting(job, secrets.token_hex(8), start.lease.gpu_ids)
        self._queue.record([draft], then=partial(self._begin, job.id))

    def _begin(self, job_id: int) -> None:
        """The attempt is durable as *starting*: now it may be launched."""
        self._follower.launching.add(job_id)
        self._spawn(self._launch, job_id)

    async def _launch(self, job_id: int) -> None:
        job = self._queue.live.get(job_id)
        if job is None:
            return  # the store failed in between, and what it says is another story
        for _ in range(ACKNOWLEDGED):
            await trio.lowlevel.checkpoint()
        try:
            await self._spawn_shim(job)
        except (LaunchUnknown, Conflict):
            self._follower.launching.discard(job_id)
            self._follower.settle(job_id, found="launched, though nobody said so")
        except (OSError, LabdError) as error:
            self._follower.never_began(job_id, f"could not be launched: {error}", LAUNCH_DELAY)
        else:
            self._launched(job_id, job.attempt)
        finally:
            self._follower.launching.discard(job_id)

    async def _spawn_shim(self, job: Job) -> None:
        folder = self._folder(job)
        lock = attempts.prepare(folder, order_for(job, folder, self._surroundings(job)), record_of(job))
        try:
            self._follower.follow(job)
        except BaseException:
            os.close(lock)
            raise
        await self._launcher.launch(folder, lock)

    def _launched(self, job_id: int, attempt: int) -> None:
        job = self._queue.live.get(job_id)
        if job is not None and job.state == STARTING and job.attempt == attempt:
            data = {"job": job_id, "attempt": attempt, "started": self._clock.wall()}
            self._queue.record([decide.Draft("job.started", data)])
            if self._queue.live[job_id].cancel_reason is not None:
                self._follower.pass_on(self._queue.live[job_id])


def key_of(job: Job) -> Key:
    """What makes the job like others to the schedule."""
    return Key(job.uid, job.spec.group, request_of(job.spec))
