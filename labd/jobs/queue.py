"""The queue: every unfinished job in memory, every change on disk before anybody hears of it.

A change is decided here, on the loop, against the records in memory, and written in the order of the
decisions; replies and events leave when it is durable. When the store fails, memory is ahead of the
disk: :meth:`Queue.load` makes it what the disk says, which is also how the daemon starts.
"""

from collections import Counter
from collections.abc import Callable, Iterable
from sqlite3 import Connection
from typing import Protocol

import msgspec
import trio

from labd.api.jobs import JobSpec
from labd.api.methods import Peer
from labd.api.node import Event
from labd.errors import NotFound, Overloaded, StoreUnavailable
from labd.jobs import decide, model, table
from labd.jobs.decide import Clocks, Draft
from labd.jobs.depend import Dependents
from labd.jobs.model import Job
from labd.store import eventlog
from labd.store.writer import Store

Change = Callable[[Connection], None]


class Publisher(Protocol):
    """Where durable events go."""

    last: int

    def publish(self, events: list[Event]) -> None: ...


class Limits(msgspec.Struct, frozen=True):
    """How many unfinished jobs there may be."""

    queued: int = 1_000_000
    queued_per_user: int = 1_000_000


UNLIMITED = Limits()


class Queue:
    """Owns the records of unfinished jobs and the numbering of events.

    *last_job* is a number that new jobs must be above, whatever the store says.
    """

    def __init__(self, store: Store, bus: Publisher, clocks: Clocks, last_job: int = 0) -> None:
        self._store = store
        self._bus = bus
        self._clocks = clocks
        self.limits = UNLIMITED
        self._last_job = last_job
        self.live: dict[int, Job] = {}
        self.dependents = Dependents(self.find)
        self._per_user: Counter[int] = Counter()
        self._keys: dict[tuple[int, str], int] = {}
        self._newest: dict[int, int] = {}
        self._next_seq = 1
        self._next_job = 1
        self._ahead = False  # memory may hold what the disk does not: nothing is changed until it is loaded
        self._changes: dict[int, trio.Event] = {}
        self.on_change: Callable[[Job], None] = lambda job: None
        self.on_failure: Callable[[BaseException], None] = lambda error: None

    def load(self) -> list[Job]:
        """Forget memory and take up what the store says: the unfinished jobs, oldest first.

        Only while nothing is on its way to the disk: at the start, and after the store failed. Loaded
        during a failure, the queue takes no changes until it was loaded once more after it.
        """
        self._ahead = self._store.failed
        jobs = self._store.read(table.live_jobs)
        self.live = {job.id: job for job in jobs}
        self._per_user = Counter(job.uid for job in jobs)
        self._keys, self._newest = {}, {}
        self._next_seq = self._store.read(eventlog.bounds)[1] + 1
        self._next_job = max(self._store.read(table.last_job), self._last_job) + 1
        return jobs

    # -- changes ---------------------------------------------------------------------------------

    def record(self, drafts: Iterable[Draft], then: Callable[[], None] | None = None) -> None:
        """Make *drafts* happen: now in memory, soon on disk, and then *then* is called.

        When the store refuses, *then* is never called: whoever heals the store loads the queue anew.
        While the store is out of order nothing happens, for the same reason.
        """
        if self._store.failed or self._ahead:
            return
        events, jobs = self._happen(drafts)
        self._write(_change(events, jobs), events, lambda error: then() if then and error is None else None)
        self._follow_up(jobs)

    async def commit(self, drafts: Iterable[Draft], extra: Change | None = None) -> list[Event]:
        """The same, and wait until it is durable. Raises StoreUnavailable."""
        if self._store.failed or self._ahead:
            raise self._store.cause or StoreUnavailable(f"{self._store.path} is being read", hint="try again")
        events, jobs = self._happen(drafts)
        outcome, settled = [], trio.Event()

        def done(error: BaseException | None) -> None:
            outcome.append(error)
            settled.set()

        self._write(_change(events, jobs, extra), events, done)
        self._follow_up(jobs)
        await settled.wait()
        if outcome[0] is not None:
            raise outcome[0]
        return events

    def _follow_up(self, jobs: Iterable[Job]) -> None:
        """What the ends of *jobs* mean for those that wait for them."""
        drafts: list[Draft] = []
        for job in jobs:
            if job.state == model.BLOCKED:
                drafts += self.dependents.add(job)
            elif not job.live:
                drafts += self.dependents.ended(job)
        if drafts:
            self.record(drafts)

    def _write(self, change: Change, events: list[Event], then: Callable[[BaseException | None], None]) -> None:
        def done(_: object, error: BaseException | None) -> None:
            if error is None:
                self._durable(events)
            else:
                self.on_failure(error)
            then(error)

        self._store.enqueue(change, done)

    def _happen(self, drafts: Iterable[Draft]) -> tuple[list[Event], list[Job]]:
        now = self._clocks.wall()
        events, touched = [], {}
        for draft in drafts:
            event = Event(self._next_seq, now, draft.kind, draft.actor, draft.cause, draft.data)
            self._next_seq += 1
            events.append(event)
            if draft.kind in model.TRANSITIONS or draft.kind == "job.submitted":
                job = self._apply(event)
                touched[job.id] = job
        return events, list(touched.values())

    def _apply(self, event: Event) -> Job:
        job_id = event.data["job"]
        before = self.live.get(job_id) or (None if event.kind == "job.submitted" else self._ended(job_id))
        job = model.apply(before, event)
        was, now = before is not None and before.live, job.live
        self._per_user[job.uid] += int(now) - int(was)
        self.live[job_id] = job
        self._newest[job_id] = event.seq
        self.on_change(job)
        return job

    def _durable(self, events: list[Event]) -> None:
        self._bus.publish(events)
        for job_id in {e.data["job"] for e in events if "job" in e.data}:
            newest = max(e.seq for e in events if e.data.get("job") == job_id)
            if self._newest.get(job_id) == newest:
                self._settled(job_id)
            self._changes.pop(job_id, trio.Event()).set()

    def _settled(self, job_id: int) -> None:
        """Everything about this job is on disk; one that has ended need not be in memory."""
        del self._newest[job_id]
        if not self.live[job_id].live:
            del self.live[job_id]

    # -- commands --------------------------------------------------------------------------------

    async def submit(self, spec: JobSpec, peer: Peer, key: str | None) -> tuple[Job, bool]:
        """Accept a job, durable on return; with a *key* seen before, the job that it made.

        Returns the job and whether it is new. Raises Overloaded, StoreUnavailable.
        """
        if key is not None and (known := await self._known(peer.uid, key)) is not None:
            return known, False
        self._check_limits(peer)
        digest, env = table.environment_digest(spec.env)
        job_id, self._next_job = self._next_job, self._next_job + 1
        if key is not None:
            self._keys[peer.uid, key] = job_id
        drafts = _submission(job_id, spec, peer, key, digest, self._clocks)
        try:
            await self.commit(drafts, lambda conn: table.put_environment(conn, digest, env))
        finally:
            self._keys.pop((peer.uid, key or ""), None)
        return self.find(job_id), True

    async def _known(self, uid: int, key: str) -> Job | None:
        """The job of an earlier submission with this key, once it is durable."""
        if (uid, key) in self._keys:
            await self._store.write(lambda conn: None)
        return self._store.read(lambda conn: table.job_with_key(conn, uid, key))

    def _check_limits(self, peer: Peer) -> None:
        for count, limit, whose in (
            (len(self.live), self.limits.queued, "unfinished jobs"),
            (self._per_user[peer.uid], self.limits.queued_per_user, f"unfinished jobs of {peer.name}"),
        ):
            if count >= limit:
                raise Overloaded(f"there are {count} {whose}, the limit is {limit}", hint="wait for some to end")

    async def steer(self, job_id: int, decision: Callable[[Job], list[Draft]]) -> Job:
        """Do with a job what *decision* makes of it, durable on return. Raises NotFound, Conflict."""
        await self.commit(decision(self.find(job_id)))
        return self.find(job_id)

    async def cancel(self, job_id: int, actor: str, reason: str) -> Job:
        """Ask for the end of a job, durable on return. Raises NotFound, Conflict."""
        await self.commit([decide.cancel(self.find(job_id), actor, reason)])
        return self.find(job_id)

    async def retry(self, job_id: int, actor: str) -> Job:
        """Queue an ended job again. Raises NotFound, Conflict."""
        await self.commit([decide.retry(self.find(job_id), actor, self._clocks)])
        return self.find(job_id)

    # -- looking ---------------------------------------------------------------------------------

    def find(self, job_id: int) -> Job:
        """The job, unfinished or not. Raises NotFound."""
        job = self.live.get(job_id) or self._ended(job_id)
        if job is None:
            raise NotFound(f"there is no job {job_id}", hint="labctl status --all lists jobs")
        return job

    def listed(self, where: table.Filter, limit: int) -> list[Job]:
        """Jobs that match, newest first, as the disk has them: a filter by state then misses none."""
        return self._store.read(lambda conn: table.listed(conn, where, limit))

    async def wait_ended(self, job_id: int) -> Job:
        """The job once its end is durable. Raises NotFound."""
        while (job := self.find(job_id)).live or job_id in self.live:
            await self._changes.setdefault(job_id, trio.Event()).wait()
        return job

    async def wait_changed(self, job_id: int) -> None:
        """Wait for the next change of an unfinished job. Raises NotFound."""
        if self.find(job_id).live or job_id in self.live:
            await self._changes.setdefault(job_id, trio.Event()).wait()

    async def wait_idle(self) -> None:
        """Wait until no job is starting or running."""
        while busy := [job.id for job in self.live.values() if job.busy]:
            await self.wait_changed(busy[0])

    def _ended(self, job_id: int) -> Job | None:
        return self._store.read(lambda conn: table.job(conn, job_id))


def _submission(
    job_id: int, spec: JobSpec, peer: Peer, key: str | None, digest: str, clocks: Clocks
) -> list[Draft]:
    kept = msgspec.to_builtins(msgspec.structs.replace(spec, env={}))
    data = {
        "job": job_id,
        "uid": peer.uid,
        "gid": peer.gid,
        "user": peer.name,
        "key": key,
        "environment": digest,
        "spec": kept,
    }
    if spec.begin is not None:
        data |= decide.ready_in(max(0.0, spec.begin - clocks.wall()), clocks)
    drafts = [Draft("job.submitted", data, actor=peer.name)]
    if spec.hold or spec.after:
        kind = "job.held" if spec.hold else "job.blocked"
        drafts.append(Draft(kind, {"job": job_id}, actor=peer.name, cause="submitted so"))
    return drafts


def _change(events: list[Event], jobs: list[Job], extra: Change | None = None) -> Change:
    def change(conn: Connection) -> None:
        if extra is not None:
            extra(conn)
        eventlog.put(conn, events)
        table.put_jobs(conn, jobs)

    return change
