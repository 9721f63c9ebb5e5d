"""Follows attempts to their end: reads how each stands from its folder, and records what is new.

A watch on the folder tells the moment that something happened; what happened is then read. Where no
watch can be had (the kernel's limit is reached), the folder is looked at now and then.
"""

import logging
import signal
from collections import deque
from collections.abc import Callable
from functools import partial
from typing import Any

import msgspec
import trio

from labd.errors import DeadlineExceeded, Overloaded
from labd.jobs import arrays, attempts, decide, strays
from labd.jobs.decide import Clocks
from labd.jobs.model import PAUSED, RUNNING, STARTING, Job
from labd.jobs.queue import Queue
from labd.jobs.reports import Reports
from labd.jobs.shim import marks
from labd.jobs.watch import CLOSE_WRITE, IGNORED, MOVED_TO, Event, Watch, Watcher

log = logging.getLogger("labd.jobs")

LAUNCH_DELAY = 5.0
"""Seconds before a job is tried again that could not be launched (no disk space, no descriptors)."""

SETTLED = 0.1
"""Seconds after which what an attempt reports is followed; until then, what it says is read at the end."""

YOUNG = 0.005
"""Seconds that an attempt may run before it is recorded as running."""

LOOK_AGAIN = 2.0
"""Seconds between two looks at a folder that cannot be watched or could not be read."""


class Follower:
    """Knows of every attempt that may be alive. *spawn* (set by the runner) starts a task."""

    def __init__(
        self, queue: Queue, watcher: Watcher, reports: Reports, clock: Clocks, folder: Callable[[Job], str]
    ) -> None:
        self._queue = queue
        self._watcher = watcher
        self._reports = reports
        self._clock = clock
        self._folder = folder
        self._watches: dict[int, Watch | None] = {}
        self._young: deque[tuple[float, int, int, float]] = deque()
        self._fresh: deque[tuple[float, int, int]] = deque()
        self._looking: set[int] = set()
        self.launching: set[int] = set()
        """Jobs whose launch is under way: how they stand is not yet to be read from their folders."""
        self.spawn: Callable[..., None] = _no_loop

    # -- following -------------------------------------------------------------------------------

    def follow(self, job: Job) -> None:
        """Be told of everything that happens to the job's current attempt."""
        if job.id in self._watches:
            return
        folder = self._folder(job)
        try:
            seen = partial(self._noticed, job.id)
            self._watches[job.id] = self._watcher.add(folder, MOVED_TO | CLOSE_WRITE, seen)
        except (OSError, Overloaded) as error:
            log.warning(
                "job %d cannot be watched, it is looked at now and then: %s", job.id, error, extra=_about(job)
            )
            self._watches[job.id] = None
            self.spawn(self._look_again, job.id, job.attempt)
        self._reports.follow(job.id, job.attempt, folder)

    def attend(self, job: Job) -> None:
        """Hear what the job's current attempt reports; its shim tells of its end (:meth:`heard`)."""
        self._fresh.append((trio.current_time() + SETTLED, job.id, job.attempt))
        if len(self._fresh) == 1:
            self.spawn(self._attend)

    async def _attend(self) -> None:
        """Follow the reports of those that last a while: for the others it would cost more than it tells."""
        while self._fresh:
            await trio.sleep_until(self._fresh[0][0] + SETTLED)  # so that many are looked at together
            while self._fresh and self._fresh[0][0] <= trio.current_time():
                _, job_id, attempt = self._fresh.popleft()
                job = self._queue.live.get(job_id)
                if job is not None and job.busy and job.attempt == attempt:
                    self._reports.follow(job.id, attempt, self._folder(job))

    def begun(self, job: Job, started: float) -> None:
        """The attempt runs. Recorded in a moment, or with its end if that comes first: a write less."""
        self._young.append((trio.current_time() + YOUNG, job.id, job.attempt, started))
        if len(self._young) == 1:
            self.spawn(self._grow)

    async def _grow(self) -> None:
        while self._young:
            await trio.sleep_until(self._young[0][0])
            while self._young and self._young[0][0] <= trio.current_time():
                _, job_id, attempt, started = self._young.popleft()
                job = self._queue.live.get(job_id)
                if job is not None and job.state == STARTING and job.attempt == attempt:
                    self.begins(job, started)

    def heard(self, job_id: int, attempt: int, over: bool) -> None:
        """The shim of *attempt* said that it is *over*, or is gone without a word."""
        job = self._queue.live.get(job_id)
        if job is None or job.attempt != attempt:
            return
        self.launching.discard(job_id)
        if not over:
            self.follow(job)
        self.settle(job_id)

    def forget(self, job_id: int) -> None:
        """Be told no more."""
        self._reports.forget(job_id)
        watch = self._watches.pop(job_id, None)
        if watch is not None:
            watch.close()

    def forget_all(self) -> None:
        for job_id in list(self._watches):
            self.forget(job_id)

    def _noticed(self, job_id: int, event: Event) -> None:
        job = self._queue.live.get(job_id)
        if job is None:
            return
        if event.name == marks.STARTED:
            if job.cancel_reason is not None or job.state == PAUSED:
                self.pass_on(job)
        elif event.name in (marks.EXIT, marks.LOCK) or event.mask & IGNORED:
            self.launching.discard(job_id)
            self.settle(job_id)

    async def _look_again(self, job_id: int, attempt: int) -> None:
        """Stand in for a watch, until the attempt is over. One such task is enough for a job."""
        if job_id in self._looking:
            return
        self._looking.add(job_id)
        try:
            await self._look_until_over(job_id, attempt)
        finally:
            self._looking.discard(job_id)

    async def _look_until_over(self, job_id: int, attempt: int) -> None:
        while True:
            await trio.sleep(LOOK_AGAIN)
            job = self._queue.live.get(job_id)
            if job is None or not job.busy or job.attempt != attempt:
                return
            self.settle(job_id)
            self.pass_on(job)

    # -- what happened ---------------------------------------------------------------------------

    def settle(self, job_id: int, found: str = "") -> None:
        """Read how the current attempt stands and record what is new; *found* says how we came by it."""
        job = self._queue.live.get(job_id)
        if job is None or not job.busy or job_id in self.launching:
            return
        try:
            finding = attempts.inspect(self._folder(job))
        except OSError as error:
            log.warning("job %d cannot be looked at for now: %s", job_id, error, extra=_about(job))
            self.spawn(self._look_again, job_id, job.attempt)
            return
        self._record(job, finding, found)

    def _record(self, job: Job, finding: attempts.Finding, found: str) -> None:
        if finding.kind == "exited":
            self._exited(job, finding.exit or {})
        elif finding.kind == "lost" or (finding.why and job.state in (RUNNING, PAUSED)):
            self.spawn(self._lost, job.id, finding.why)
        elif finding.kind == "never":
            cause = "labd stopped before the attempt began" if found else "its shim could not begin"
            self.never_began(job.id, cause, 0.0 if found else LAUNCH_DELAY)
        elif found:
            self._adopt(job, finding, found)

    def _exited(self, job: Job, record: dict[str, Any]) -> None:
        try:
            ending = decide.ending_of(record)
        except msgspec.ValidationError as error:
            self.spawn(self._lost, job.id, f"its exit record is damaged: {error}")
        else:
            drafts = decide.ended(job, ending, self._clock)
            began = job.state == STARTING and ending.started is not None
            self._ends(job, [_started(job, ending.started or 0.0), *drafts] if began else drafts)

    def _ends(self, job: Job, drafts: list[decide.Draft]) -> None:
        self._queue.record(arrays.waiting_with(self._queue.array_of(job), job, drafts))

    def begins(self, job: Job, started: float, found: str = "") -> None:
        """The attempt runs; a task stands still when its array was paused meanwhile."""
        drafts = [_started(job, started, found)]
        array = self._queue.array_of(job)
        if array is not None and array.state == PAUSED:
            drafts.append(decide.Draft("job.paused", {"job": job.id}, cause=f"job {array.id} is paused"))
        self._queue.record(drafts)
        now = self._queue.live[job.id]
        if found or now.state == PAUSED or now.cancel_reason is not None:
            self.pass_on(now)

    def _adopt(self, job: Job, finding: attempts.Finding, found: str) -> None:
        started = (finding.started or {}).get("started")
        started = float(started) if isinstance(started, int | float) else job.submitted
        if job.state == STARTING:
            self.begins(job, started, found)
            return
        data = {"job": job.id, "attempt": job.attempt, "started": started}
        self._queue.record([decide.Draft("job.adopted", data, cause=found)])
        self.pass_on(self._queue.live[job.id])

    def never_began(self, job_id: int, cause: str, delay: float, *, hold: bool = False) -> None:
        """The attempt provably did not begin: queue the job again after *delay* seconds, or *hold* it."""
        job = self._queue.live.get(job_id)
        if job is not None and job.busy:
            log.warning("job %d attempt %d never began: %s", job_id, job.attempt, cause, extra=_about(job))
            self._ends(job, decide.never_began(job, cause, self._clock, delay, hold=hold))

    def pass_on(self, job: Job) -> None:
        """Tell the shim what was asked of its job: to end, to stand still, to go on. Twice does no harm."""
        if job.state not in (RUNNING, PAUSED) or job.tasks is not None:
            return
        try:
            attempts.send_signal(self._folder(job), signal.SIGSTOP if job.state == PAUSED else signal.SIGCONT)
            if job.cancel_reason is not None:
                attempts.cancel(self._folder(job), job.spec.grace or 0.0)
        except OSError as error:
            log.warning("job %d cannot be spoken to for now: %s", job.id, error, extra=_about(job))
            self.spawn(self._look_again, job.id, job.attempt)

    async def _lost(self, job_id: int, cause: str) -> None:
        """The shim is dead without an exit record: end what it left, then say so."""
        job = self._queue.live.get(job_id)
        if job is None or not job.busy or job.current is None:
            return
        cause += await _end_strays(job.current.token)
        now = self._queue.live.get(job_id)
        if now is not None and now.busy and now.attempt == job.attempt:
            ending = decide.Ending(reason="lost", message=cause, ended=self._clock.wall())
            self._ends(now, decide.ended(now, ending, self._clock))


async def _end_strays(token: str) -> str:
    """Kill what a dead shim left behind; what to say of it."""
    try:
        killed = await trio.to_thread.run_sync(strays.end, token)
    except (DeadlineExceeded, OSError) as error:
        log.warning("%s", error)
        return f"; {error}"
    return f"; {killed} left-over processes killed" if killed else ""


def _started(job: Job, started: float, found: str = "") -> decide.Draft:
    data = {"job": job.id, "attempt": job.attempt, "started": started}
    return decide.Draft("job.started", data, cause=found)


def _about(job: Job) -> dict[str, int]:
    """The fields of a line in the log that is about *job*."""
    return {"job": job.id, "attempt": job.attempt}


def _no_loop(*args: object) -> None:
    raise RuntimeError("the follower is used before the runner runs")
