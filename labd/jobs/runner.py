"""Starts what may start, and takes up what it finds after a restart.

Event driven: a change of the queue or an end wakes it, nothing polls. What becomes of an attempt is the
business of :mod:`labd.jobs.follow`.
"""

import logging
import secrets
from collections.abc import Awaitable, Callable, Iterable
from functools import partial

import trio

from labd.errors import Conflict, LabdError, StoreUnavailable
from labd.jobs import arrays, attempts, decide, steer
from labd.jobs.clock import SystemClock
from labd.jobs.code import CodeUnusable
from labd.jobs.delays import Delays
from labd.jobs.follow import LAUNCH_DELAY, Follower
from labd.jobs.launch import LaunchUnknown
from labd.jobs.model import PAUSED, QUEUED, RUNNING, STARTING, Job
from labd.jobs.order import Surroundings, order_for, record_of, request_of
from labd.jobs.queue import Queue
from labd.jobs.schedule import Array, Key, Line, Start, holder
from labd.jobs.share import Shares, weight
from labd.jobs.shims import Shims
from labd.jobs.table import Past
from labd.jobs.trees import Trees
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
        shims: Shims,
        follower: Follower,
        clock: SystemClock,
        folder: Callable[[Job], str],
        surroundings: Callable[[Job], Awaitable[Surroundings]],
        trees: Trees,
    ) -> None:
        self._queue = queue
        self._ledger = ledger
        self._shims = shims
        self._follower = follower
        self._clock = clock
        self._folder = folder
        self._surroundings = surroundings
        self._trees = trees
        self.shares = Shares()
        self.line = Line(share=lambda user: self.shares.used(user, clock.boot()))
        self._delays = Delays(self._due)
        self._wake = trio.Event()
        self._spawn: Callable[..., None] = follower.spawn
        self.draining = False
        self.past: Callable[[], Awaitable[list[Past]]] = _nothing
        """Reads what users have had before: asked once, and nothing starts before it has answered."""

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Recover, be ready, then start jobs whenever something changed."""
        async with trio.open_nursery() as nursery:
            self._spawn = self._follower.spawn = nursery.start_soon
            self._queue.on_change = self._changed
            self._queue.on_undone = self._undone
            nursery.start_soon(self._delays.run)
            self.recover(self._queue.live.values())
            task_status.started()
            await self._remember()
            while True:
                await self._wake.wait()
                self._wake = trio.Event()
                self._start_what_fits()

    async def _remember(self) -> None:
        """Take up what users have had before this daemon began, from attempts that have ended."""
        try:
            past = await self.past()
        except StoreUnavailable as error:
            log.warning("what users have had before is not known, all begin alike: %s", error)
            return
        shift = self._clock.boot() - self._clock.wall()
        self.shares.load(
            (one.uid, weight(request_of(one.spec)) * one.seconds, one.ended + shift) for one in past
        )

    def kick(self) -> None:
        """Look soon whether something can start."""
        self._wake.set()

    async def cancel(self, job_id: int, actor: str, reason: str) -> Job:
        """Ask for the end of a job; the request is durable on return. Raises NotFound, Conflict."""
        return self._told(await self._queue.cancel(job_id, actor, reason))

    async def steer(self, job_id: int, decision: Callable[[Job], list[decide.Draft]]) -> Job:
        """Do with a job what *decision* makes of it, and tell its shim. Raises NotFound, Conflict."""
        return self._told(await self._queue.steer(job_id, decision))

    def _told(self, job: Job) -> Job:
        for one in (job, *(self._queue.children(job.id) if job.tasks is not None else ())):
            self._follower.pass_on(one)
        return job

    # -- taking up -------------------------------------------------------------------------------

    def recover(self, jobs: Iterable[Job]) -> None:
        """Make everything here what *jobs* (all that are unfinished) and their attempt folders say."""
        self._follower.forget_all()
        self._delays.clear()
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
        if job.tasks is not None:
            self._array_changed(job)
            return
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
        if job.tasks is not None:
            self._array_changed(job)
        elif job.state == QUEUED:
            self._release(job)
            self._enqueue(job)
        elif job.busy:
            if job.cancel_reason is not None:
                self.line.ending(job.id)
        else:
            self.line.discard(job.id)
            self._release(job)
        self.kick()

    def _undone(self, job: Job, stored: Job | None) -> None:
        """What *job* was to become could not be stored: it is what it was, or nothing."""
        self.line.discard(job.id)
        if stored is None or not stored.busy:
            self._release(job)
        if stored is not None and stored.tasks is not None:
            self._array_changed(stored)
        elif stored is not None and stored.state == QUEUED:
            self._enqueue(stored)

    def _array_changed(self, array: Job) -> None:
        """Let *array* wait while there are tasks of it to start."""
        if array.state in arrays.STARTS and array.tasks and array.tasks.unstarted:
            self._enqueue(array)
        else:
            self.line.discard(array.id)

    def _runs(self, job: Job) -> None:
        self.line.runs(job.id, key_of(job), job.spec.priority)
        if job.cancel_reason is not None:
            self.line.ending(job.id)
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
            self._delays.add(job.id, job.attempt, delay)
        else:
            self.line.add(job.id, job.spec.priority, key_of(job), self._array_of(job))

    def _array_of(self, job: Job) -> Array | None:
        if job.tasks is None or job.spec.array is None:
            return None
        return Array(partial(self._next_task, job.id), job.id + job.tasks.count)

    def _next_task(self, array: int) -> int | None:
        task = self._queue.next_task(array)
        return None if task is None else task.id

    def _due(self, job_id: int, attempt: int) -> None:
        job = self._queue.live.get(job_id)
        if job is None or job.attempt != attempt or job_id in self.line:
            return
        if job.tasks is not None:
            self._array_changed(job)
        elif job.state == QUEUED:
            self._enqueue(job)
        self.kick()

    # -- starting --------------------------------------------------------------------------------

    def _start_what_fits(self) -> None:
        if self.draining:
            return
        for start in self.line.plan(self._ledger):
            if not self._start(start):
                return  # the store is out of order: the queue is read anew when it is healed
        for job_id in self.line.victims(self._ledger):
            self._preempt(self._queue.live[job_id])

    def _preempt(self, job: Job) -> None:
        """End *job* and queue it again, for what is first in line."""
        if job.state in (RUNNING, PAUSED):
            reason = f"preempted by job {self.line.head}"
            told = partial(self._tell_shim, job.id)
            self._queue.record(steer.requeue(job, "labd", reason), then=told)

    def _tell_shim(self, job_id: int) -> None:
        if (job := self._queue.live.get(job_id)) is not None:
            self._follower.pass_on(job)

    def _start(self, start: Start) -> bool:
        job = self._queue.find(start.job)
        self.shares.begins(job.id, job.uid, start.lease.request, self._clock.boot())
        drafts = [decide.starting(job, secrets.token_hex(8), start.lease.gpu_ids)]
        if not job.live:
            drafts.insert(0, decide.repeated(job, self._queue.find(job.array).why_queued, self._clock))
        self._queue.record(drafts, then=partial(self._begin, job.id))
        return start.job in self._queue.live and self._queue.live[start.job].state == STARTING

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
            self._follower.follow(job)
            self._follower.settle(job_id, found="launched, though nobody said so")
        except CodeUnusable as error:
            self._follower.never_began(job_id, f"could not be launched: {error}", 0.0, hold=True)
        except (OSError, LabdError) as error:
            self._follower.never_began(job_id, f"could not be launched: {error}", LAUNCH_DELAY)
        else:
            self._launched(job_id, job.attempt)
        finally:
            self._follower.launching.discard(job_id)

    async def _spawn_shim(self, job: Job) -> None:
        folder, around = self._folder(job), await self._surroundings(job)
        async with self._trees.laid_out(job, around.user) as tree:
            lock = attempts.prepare(folder, order_for(job, folder, around), tree, record_of(job))
        self._follower.attend(job)
        await self._shims.launch(folder, lock, partial(self._follower.heard, job.id, job.attempt))

    def _launched(self, job_id: int, attempt: int) -> None:
        job = self._queue.live.get(job_id)
        if job is not None and job.state == STARTING and job.attempt == attempt:
            self._follower.begun(job, self._clock.wall())


async def _nothing() -> list[Past]:
    return []


def key_of(job: Job) -> Key:
    """What makes the job like others to the schedule. Tasks are unlike where their array limits them."""
    at_once = job.spec.array.limit if job.spec.array else 0
    array = (job.array or job.id) if at_once else 0
    return Key(job.uid, job.spec.group, request_of(job.spec), array, at_once, job.spec.preemptible)
