"""Starts what may start, notices what ends, and takes up what it finds after a restart.

Event driven: a change of the queue or an end wakes it, nothing polls. What it knows of an attempt it
reads from the attempt's folder, never from a pid; so recovery and normal life share :meth:`Runner.settle`.
"""

import logging
import os
import secrets
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

import msgspec
import trio

from labd.errors import Conflict, DeadlineExceeded, Overloaded
from labd.jobs import attempts, decide, strays
from labd.jobs.clock import SystemClock
from labd.jobs.launch import Launcher, LaunchError, LaunchUnknown
from labd.jobs.model import QUEUED, RUNNING, STARTING, Job
from labd.jobs.order import order_for, request_of
from labd.jobs.queue import Queue
from labd.jobs.reports import Reports
from labd.jobs.schedule import Rank, Start, Waiting, holder, plan
from labd.jobs.shim import marks
from labd.jobs.watch import CLOSE_WRITE, IGNORED, MOVED_TO, Event, Watch, Watcher
from labd.resources.ledger import Ledger

log = logging.getLogger("labd.jobs")

LAUNCH_DELAY = 5.0
"""Seconds before a job is tried again that could not be launched (no disk space, no descriptors)."""


class Runner:
    """The service that turns queued jobs into processes and ends into records."""

    def __init__(
        self,
        queue: Queue,
        ledger: Ledger,
        launcher: Launcher,
        watcher: Watcher,
        reports: Reports,
        clock: SystemClock,
        state_dir: str,
        environment: Callable[[Job], dict[str, str]],
    ) -> None:
        self._queue = queue
        self._ledger = ledger
        self.launcher = launcher
        self._watcher = watcher
        self._reports = reports
        self._clock = clock
        self._state_dir = state_dir
        self._environment = environment
        self._waiting = Waiting()
        self._running: dict[str, Rank] = {}
        self._watches: dict[int, Watch] = {}
        self._launching: set[int] = set()
        self._wake = trio.Event()
        self._nursery: trio.Nursery | None = None
        self.draining = False

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Recover, be ready, then start jobs whenever something changed."""
        async with trio.open_nursery() as self._nursery:
            self._queue.on_change = self._changed
            self.recover(self._queue.live.values())
            task_status.started()
            while True:
                await self._wake.wait()
                self._wake = trio.Event()
                self._start_what_fits()

    # -- taking up -------------------------------------------------------------------------------

    def recover(self, jobs: Iterable[Job]) -> None:
        """Make everything here what *jobs* (all that are unfinished) and their attempt folders say."""
        for job_id in list(self._watches):
            self._forget(job_id)
        for name in self._running:
            self._ledger.release(name)
        self._waiting, self._running = Waiting(), {}
        for job in list(jobs):
            self._take_up(job)
        self.kick()

    def _take_up(self, job: Job) -> None:
        if job.state == QUEUED:
            self._enqueue(job)
            return
        assert job.current is not None, "a busy job has an attempt"
        self._ledger.release(holder(job.id))
        self._ledger.claim(holder(job.id), request_of(job.spec), job.current.gpu_ids)
        self._running[holder(job.id)] = _rank(job)
        try:
            self._watch(job)
        except FileNotFoundError:
            pass  # labd was killed before it made the folder, or somebody removed that: settle tells which
        self.settle(job.id, found="adopted after a restart")

    def kick(self) -> None:
        """Look soon whether something can start."""
        self._wake.set()

    def _changed(self, job: Job) -> None:
        """The queue has a new record of *job* (not yet durable)."""
        if job.state == QUEUED:
            self._release(job)
            self._enqueue(job)
        elif not job.live:
            self._waiting.discard(job.id)
            self._release(job)
            self._forget(job.id)
        self.kick()

    def _enqueue(self, job: Job) -> None:
        delay = decide.seconds_until_ready(job, self._clock)
        if delay > 0:
            self._soon(self._enqueue_later, job.id, job.attempt, delay)
        else:
            self._waiting.add(job.id, job.spec.priority, request_of(job.spec))

    async def _enqueue_later(self, job_id: int, attempt: int, delay: float) -> None:
        await trio.sleep(delay)
        job = self._queue.live.get(job_id)
        if job is not None and job.state == QUEUED and job.attempt == attempt and job_id not in self._waiting:
            self._enqueue(job)
            self.kick()

    # -- starting --------------------------------------------------------------------------------

    def _start_what_fits(self) -> None:
        if self.draining:
            return
        for start in plan(self._waiting, self._ledger, self._running):
            self._start(start)

    def _start(self, start: Start) -> None:
        job = self._queue.live[start.job]
        draft = decide.starting(job, secrets.token_hex(8), start.lease.gpu_ids)
        self._queue.record([draft], then=partial(self._begin, job.id))

    def _begin(self, job_id: int) -> None:
        self._launching.add(job_id)
        self._soon(self._launch, job_id)

    async def _launch(self, job_id: int) -> None:
        """The attempt is durable as *starting*: now its folder, its lock, its shim."""
        job = self._queue.live[job_id]
        try:
            await self._spawn(job)
        except (OSError, LaunchError, Overloaded) as error:
            self._never_began(job_id, f"could not be launched: {error}", LAUNCH_DELAY)
        except (LaunchUnknown, Conflict):
            self._launching.discard(job_id)
            self.settle(job_id, found="launched, though nobody said so")
        else:
            self._launched(job_id, job.attempt)
        finally:
            self._launching.discard(job_id)

    async def _spawn(self, job: Job) -> None:
        folder = self._folder(job)
        order = order_for(job, folder, self._environment(job), self._ledger.capacity.gpus)
        lock = attempts.prepare(folder, order)
        try:
            self._watch(job)
        except BaseException:
            os.close(lock)
            raise
        await self.launcher.launch(folder, lock)

    def _launched(self, job_id: int, attempt: int) -> None:
        job = self._queue.live.get(job_id)
        if job is not None and job.state == STARTING and job.attempt == attempt:
            data = {"job": job_id, "attempt": attempt, "started": self._clock.wall()}
            self._queue.record([decide.Draft("job.started", data)])

    def _never_began(self, job_id: int, cause: str, delay: float) -> None:
        job = self._queue.live.get(job_id)
        if job is not None and job.busy:
            log.warning("job %d attempt %d never began: %s", job_id, job.attempt, cause)
            self._queue.record(decide.never_began(job, cause, self._clock, delay))

    # -- ending ----------------------------------------------------------------------------------

    async def cancel(self, job_id: int, actor: str, reason: str) -> Job:
        """Ask for the end of a job; the request is durable on return. Raises NotFound, Conflict."""
        job = await self._queue.cancel(job_id, actor, reason)
        self._pass_on_cancel(job)
        return job

    def _pass_on_cancel(self, job: Job) -> None:
        """Tell the shim; one that has not opened its fifo yet is told when it says *started*."""
        if job.state == RUNNING and job.cancel_reason is not None:
            attempts.cancel(self._folder(job), job.spec.grace or 0.0)

    def settle(self, job_id: int, found: str = "") -> None:
        """Read how the current attempt stands and record what is new."""
        job = self._queue.live.get(job_id)
        if job is None or not job.busy or job_id in self._launching:
            return
        finding = attempts.inspect(self._folder(job))
        if finding.kind == "exited":
            self._queue.record(decide.ended(job, ending_of(finding.exit or {}), self._clock))
        elif finding.kind == "lost" or (finding.why and job.state == RUNNING):
            self._soon(self._lost, job_id, finding.why)
        elif finding.kind == "never":
            cause = "labd stopped before the attempt began" if found else "its shim could not begin"
            self._never_began(job_id, cause, 0.0 if found else LAUNCH_DELAY)
        elif found:
            self._adopt(job, finding, found)

    def _adopt(self, job: Job, finding: attempts.Finding, found: str) -> None:
        started = (finding.started or {}).get("started", job.submitted)
        data = {"job": job.id, "attempt": job.attempt, "started": started}
        self._queue.record([decide.Draft("job.adopted", data, cause=found)])
        self._pass_on_cancel(self._queue.live[job.id])

    async def _lost(self, job_id: int, cause: str) -> None:
        """The shim is dead without an exit marker: end what it left, then say so."""
        job = self._queue.live.get(job_id)
        if job is None or not job.busy or job.current is None:
            return
        cause += await self._end_strays(job.current.token)
        now = self._queue.live.get(job_id)
        if now is not None and now.busy and now.attempt == job.attempt:
            ending = decide.Ending(reason="lost", message=cause, ended=self._clock.wall())
            self._queue.record(decide.ended(now, ending, self._clock))

    async def _end_strays(self, token: str) -> str:
        """Kill what a dead shim left behind; what to say of it."""
        try:
            killed = await trio.to_thread.run_sync(strays.end, token)
        except DeadlineExceeded as error:
            log.error("%s", error)
            return f"; {error}"
        return f"; {killed} left-over processes killed" if killed else ""

    # -- watching --------------------------------------------------------------------------------

    def _watch(self, job: Job) -> None:
        if job.id not in self._watches:
            folder = self._folder(job)
            seen = partial(self._noticed, job.id)
            self._watches[job.id] = self._watcher.add(folder, MOVED_TO | CLOSE_WRITE, seen)
            self._reports.follow(job.id, job.attempt, folder)

    def _noticed(self, job_id: int, event: Event) -> None:
        job = self._queue.live.get(job_id)
        if job is None:
            return
        if event.name == marks.STARTED:
            self._pass_on_cancel(job)
        elif event.name in (marks.EXIT, marks.LOCK) or event.mask & IGNORED:
            self._launching.discard(job_id)
            self.settle(job_id)

    def _forget(self, job_id: int) -> None:
        self._reports.forget(job_id)
        watch = self._watches.pop(job_id, None)
        if watch is not None:
            watch.close()

    def _release(self, job: Job) -> None:
        self._ledger.release(holder(job.id))
        self._running.pop(holder(job.id), None)
        self._forget(job.id)

    def _folder(self, job: Job) -> str:
        return attempts.folder(self._state_dir, job.id, job.attempt)

    def _soon(self, fn: Callable[..., object], *args: object) -> None:
        if self._nursery is not None:
            self._nursery.start_soon(fn, *args)  # type: ignore[arg-type]


def ending_of(record: dict[str, Any]) -> decide.Ending:
    """The exit record of a shim (of this release or another) as an ending."""
    known = {f.name: record[f.name] for f in msgspec.structs.fields(decide.Ending) if f.name in record}
    return msgspec.convert({"reason": "exited"} | known, decide.Ending, strict=False)


def _rank(job: Job) -> Rank:
    return (-job.spec.priority, job.id)
