"""The records of jobs: decided in memory, durable on disk before anybody hears of them.

A change is decided on the loop against the records in memory, and written in the order of the decisions;
replies and events leave when it is durable. When the store fails, memory is ahead of the disk:
:meth:`Records.load` makes it what the disk says, which is also how the daemon starts.
"""

import logging
import math
from bisect import bisect_left, insort
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Iterable, Iterator
from sqlite3 import Connection
from typing import Protocol

import msgspec
import trio

from labd.api.node import Event
from labd.errors import NotFound, StoreUnavailable
from labd.jobs import arrays, model, removal, table
from labd.jobs.decide import Clocks, Draft
from labd.jobs.depend import Dependents
from labd.jobs.model import Job
from labd.store import eventlog
from labd.store.writer import Store

Change = Callable[[Connection], None]

log = logging.getLogger("labd.jobs")


class Publisher(Protocol):
    """Where durable events go."""

    last: int

    def publish(self, events: list[Event]) -> None: ...


class Records:
    """Owns the records of unfinished jobs and the numbering of events.

    *last_job* is a number that new jobs must be above, whatever the store says.
    """

    def __init__(self, store: Store, bus: Publisher, clocks: Clocks, last_job: int = 0) -> None:
        self._store = store
        self._bus = bus
        self._clocks = clocks
        self._last_job = last_job
        self.live: dict[int, Job] = {}
        self._arrays: list[int] = []
        self._tasks: defaultdict[int, set[int]] = defaultdict(set)
        self.dependents = Dependents(self.known, self.children)
        self._per_user: Counter[int] = Counter()
        self._newest: dict[int, int] = {}
        self._ended_counts: Counter[str] = Counter()
        self._next_seq = 1
        self._next_job = 1
        self._ahead = False  # memory may hold what the disk does not: nothing is changed until it is loaded
        self._changes: dict[int, trio.Event] = {}
        self.on_change: Callable[[Job], None] = lambda job: None
        self.on_undone: Callable[[Job, Job | None], None] = lambda job, stored: None
        self.unreadable: list[int] = []
        self.leaving: frozenset[int] = frozenset()
        """Ended jobs that are being removed: nobody finds them any more."""

    def load(self) -> list[Job]:
        """Forget memory and take up what the store says: the unfinished jobs, oldest first.

        Only while nothing is on its way to the disk: at the start, and after the store failed. Loaded
        during a failure, nothing is changed until it was loaded once more after it.
        """
        self._ahead = self._store.failed
        jobs, self.unreadable = self._store.read(table.live_jobs)
        self.live, self._arrays, self._tasks = {}, [], defaultdict(set)
        for job in jobs:
            self._keep(job)
        self._per_user = Counter(job.uid for job in jobs)
        self._ended_counts = Counter(self._store.read(table.count_ended))
        self._newest = {}
        self._next_seq = self._store.read(eventlog.bounds)[1] + 1
        removed = self._store.read(removal.last_job)
        self._next_job = max(self._store.read(table.last_job), self._last_job, removed) + 1
        return jobs

    # -- changes ---------------------------------------------------------------------------------

    def record(
        self,
        drafts: Iterable[Draft],
        then: Callable[[], None] | None = None,
        extra: Change | None = None,
    ) -> None:
        """Make *drafts* happen: now in memory, soon on disk with *extra*, and then *then* is called.

        When the store refuses, *then* is never called: whoever heals the store loads the queue anew.
        While the store is out of order nothing happens, for the same reason.
        """
        if self._store.failed or self._ahead:
            return
        events, jobs = self._unfold(drafts)
        change = _change(events, jobs, extra)
        self._write(change, events, jobs, lambda error: then() if then and not error else None)

    async def commit(
        self, drafts: Iterable[Draft], extra: Change | None = None, then: Callable[[], None] = lambda: None
    ) -> list[Event]:
        """The same, and wait until it is durable. Raises StoreUnavailable. *then* is called in any case,
        also when nobody waits any more."""
        if self._store.failed or self._ahead:
            raise self._store.cause or StoreUnavailable(f"{self._store.path} is being read", hint="try again")
        events, jobs = self._unfold(drafts)
        outcome, settled = [], trio.Event()

        def done(error: BaseException | None) -> None:
            outcome.append(error)
            settled.set()
            then()

        self._write(_change(events, jobs, extra), events, jobs, done)
        await settled.wait()
        if outcome[0] is not None:
            raise outcome[0]
        return events

    def _unfold(self, drafts: Iterable[Draft]) -> tuple[list[Event], list[Job]]:
        """Apply *drafts* and what follows from them, to the last: the end of a job to those that wait for it,
        a task to its array. All of it is stored as one, so that no crash comes in between."""
        events, jobs = self._happen(drafts)
        changed = {job.id: job for job in jobs}
        look = deque(changed)
        while look:
            if follows := self._consequences(changed[look.popleft()]):
                more, jobs = self._happen(follows)
                events += more
                changed |= {job.id: job for job in jobs}
                look.extend(job.id for job in jobs)
        return events, list(changed.values())

    def _consequences(self, job: Job) -> list[Draft]:
        if job.tasks is not None and (drafts := arrays.consequence(job)):
            return drafts
        if job.state == model.BLOCKED:
            return self.dependents.add(job)
        return [] if job.live else self.dependents.ended(job)

    def _write(
        self,
        change: Change,
        events: list[Event],
        jobs: list[Job],
        then: Callable[[BaseException | None], None],
    ) -> None:
        def done(_: object, error: BaseException | None) -> None:
            if error is None:
                self._durable(events, jobs)
            elif not self._store.failed:
                log.error("a change could not be stored, it is undone: %r", error)
                self._undo(jobs, events[-1].seq if events else 0)
            then(error)

        self._store.enqueue(change, done)

    def _happen(self, drafts: Iterable[Draft]) -> tuple[list[Event], list[Job]]:
        """Apply *drafts*: all of them or, when one is not lawful, none."""
        now, seq = self._clocks.wall(), self._next_seq
        events: list[Event] = []
        after: dict[int, tuple[Job, int]] = {}
        fetched: dict[int, Job] = {}
        for draft in drafts:
            event = Event(seq, now, draft.kind, draft.actor, draft.cause, draft.data)
            seq += 1
            events.append(event)
            if draft.kind in model.KINDS:
                for job in self._changed_by(event, after, fetched):
                    after[job.id] = (job, event.seq)
        self._next_seq = seq
        self._ended_counts.subtract(job.state for job in fetched.values() if not job.array)
        for job, newest in after.values():
            self._take_in(job, newest)
        return events, [job for job, _ in after.values()]

    def _changed_by(
        self, event: Event, after: dict[int, tuple[Job, int]], fetched: dict[int, Job]
    ) -> Iterator[Job]:
        """The job of *event* as it is from now on and, if that is a task, its array."""

        def now(number: int) -> Job | None:
            if number in after:
                return after[number][0]
            if number not in self.live and (job := self.known(number)) is not None:
                fetched[number] = job
                return job
            return self.live.get(number)

        number = event.data["job"]
        before = None if event.kind == "job.submitted" else now(number)
        job = model.apply(before, event)
        yield job
        if before is not None and job.array and (array := now(job.array)):
            yield arrays.changed(array, before, job, event)
        if event.kind == "job.prioritised" and job.tasks is not None:  # tasks have the spec of their array
            yield from (msgspec.structs.replace(task, spec=job.spec) for task in self.children(job.id))

    def _take_in(self, job: Job, newest: int) -> None:
        """*job* is the record from now on, by the event *newest*."""
        self._count(job.id, -1)
        self._keep(job)
        self._count(job.id, +1)
        self._newest[job.id] = newest
        self.on_change(job)

    def _keep(self, job: Job) -> None:
        if job.tasks is not None and job.id not in self.live:
            insort(self._arrays, job.id)
        if job.array:
            self._tasks[job.array].add(job.id)
        self.live[job.id] = job

    def counts(self) -> dict[str, int]:
        """How many jobs there are in each state that has any; an array is one."""
        live = Counter(job.state for job in self.live.values() if not job.array)
        return dict(self._ended_counts + live)

    def _count(self, job_id: int, step: int) -> None:
        job = self.live.get(job_id)
        if job is not None and job.live:
            self._per_user[job.uid] += step

    def _undo(self, jobs: list[Job], last: int) -> None:
        """The records of *jobs* are again what the disk says, but for those that have changed after the event
        *last*: what they are now is on its way to the disk."""
        for job in jobs:
            if self._newest.get(job.id, 0) > last:
                continue
            self._count(job.id, -1)
            self._drop(job.id)
            self._newest.pop(job.id, None)
            stored = self._stored(job.id)
            if stored is not None and stored.live:
                self._keep(stored)
                self._count(job.id, +1)
            self.on_undone(job, stored)

    def _durable(self, events: list[Event], jobs: list[Job]) -> None:
        self._bus.publish([_slim(event) for event in events])
        for job in jobs:
            if self._newest.get(job.id, math.inf) <= events[-1].seq:
                self._settled(job.id)
            self._tell_waiting(job)

    def _settled(self, job_id: int) -> None:
        """Everything about this job is on disk; one that has ended need not be in memory."""
        del self._newest[job_id]
        job = self.live[job_id]
        if not job.live:
            self._drop(job_id)
            if not job.array:
                self._ended_counts[job.state] += 1

    def _drop(self, job_id: int) -> None:
        job = self.live.pop(job_id, None)
        if job is None:
            return
        if job.tasks is not None:
            self._arrays.remove(job_id)
        if job.array:
            self._tasks[job.array].discard(job_id)
            if not self._tasks[job.array]:
                del self._tasks[job.array]

    def _tell_waiting(self, job: Job) -> None:
        """Wake who waits for *job* and, when no more of its tasks start, for these."""
        self._changes.pop(job.id, trio.Event()).set()
        if job.tasks is not None and job.tasks.closed:
            for number in [number for number in self._changes if arrays.holds(job, number)]:
                self._changes.pop(number).set()

    # -- looking ---------------------------------------------------------------------------------

    def find(self, job_id: int) -> Job:
        """The job, unfinished or not. Raises NotFound."""
        job = self.known(job_id) if 0 < job_id < 2**63 else None
        if job is None or not self.leaving.isdisjoint((job.id, job.array)):
            raise NotFound(f"there is no job {job_id}", hint="labctl status --all lists jobs")
        return job

    def known(self, job_id: int) -> Job | None:
        """The job: from memory, from the disk, or a task to which nothing has happened yet."""
        return self.live.get(job_id) or self._stored(job_id) or self._unborn(job_id)

    def task_ids(self) -> list[range]:
        """The ids of the tasks of each unfinished array."""
        found = [self.live[number] for number in self._arrays]
        return [range(job.id + 1, job.id + job.tasks.count + 1) for job in found if job.tasks is not None]

    @property
    def highest(self) -> int:
        """The highest id that was given away."""
        return self._next_job - 1

    def removed(self, states: Counter[str]) -> None:
        """So many jobs that had ended in each state are gone."""
        self._ended_counts.subtract(states)

    def children(self, array: int) -> list[Job]:
        """The unfinished tasks of *array* that have a record of their own."""
        return [self.live[number] for number in sorted(self._tasks.get(array, ()))]

    def array_of(self, task: Job) -> Job | None:
        """The array of *task* while it is unfinished, as it always is while a task is."""
        return self.live.get(task.array)

    def _stored(self, job_id: int) -> Job | None:
        return self._store.read(lambda conn: table.job(conn, job_id))

    def _unborn(self, job_id: int) -> Job | None:
        before = bisect_left(self._arrays, job_id)
        array = self.live[self._arrays[before - 1]] if before else None
        if array is None or not arrays.holds(array, job_id):
            array = self._store.read(lambda conn: table.array_before(conn, job_id))
        return arrays.born(array, job_id) if array and arrays.holds(array, job_id) else None


def _slim(event: Event) -> Event:
    """The event as it is kept in memory for listeners: a script is long, and nobody is shown it."""
    if event.kind != "job.submitted" or event.data["spec"].get("script") is None:
        return event
    spec = event.data["spec"] | {"script": None}
    return msgspec.structs.replace(event, data=event.data | {"spec": spec})


def _change(events: list[Event], jobs: list[Job], extra: Change | None = None) -> Change:
    def change(conn: Connection) -> None:
        if extra is not None:
            extra(conn)
        eventlog.put(conn, events)
        table.put_jobs(conn, jobs)

    return change
