"""The queue: what people can ask of jobs, over their :mod:`labd.jobs.records`."""

from collections.abc import Callable
from functools import partial

import msgspec
import trio

from labd.api.jobs import JobSpec
from labd.api.methods import Peer
from labd.errors import Overloaded
from labd.jobs import arrays, decide, table
from labd.jobs.decide import Clocks, Draft
from labd.jobs.model import BLOCKED, HELD, Job
from labd.jobs.records import Publisher, Records
from labd.store.writer import Store


class Limits(msgspec.Struct, frozen=True):
    """How many unfinished jobs there may be."""

    queued: int = 1_000_000
    queued_per_user: int = 1_000_000


UNLIMITED = Limits()


class Queue(Records):
    """Accepts, ends, repeats and finds jobs; each answer is durable."""

    def __init__(self, store: Store, bus: Publisher, clocks: Clocks, last_job: int = 0) -> None:
        super().__init__(store, bus, clocks, last_job)
        self.limits = UNLIMITED
        self._keys: dict[tuple[int, str], int] = {}

    def load(self) -> list[Job]:
        self._keys = {}
        return super().load()

    # -- commands --------------------------------------------------------------------------------

    async def submit(self, spec: JobSpec, peer: Peer, key: str | None) -> tuple[Job, bool]:
        """Accept a job, durable on return; with a *key* seen before, the job that it made.

        Returns the job and whether it is new. Raises NotFound, Overloaded, StoreUnavailable.
        """
        if key is not None and (known := await self._known(peer.uid, key)) is not None:
            return known, False
        self._check_limits(peer)
        for dependency in spec.after:
            self.find(dependency.job)  # it may have been removed since the spec was checked
        digest, env = table.environment_digest(spec.env)
        job_id = self._next_job
        self._next_job += 1 + (spec.array.count if spec.array else 0)
        if key is not None:
            self._keys[peer.uid, key] = job_id
        drafts = _submission(job_id, spec, peer, key, digest, self._clocks)
        await self.commit(
            drafts,
            lambda conn: table.put_environment(conn, digest, env),
            lambda: self._forget_key(peer.uid, key),
        )
        return self.find(job_id), True

    def _forget_key(self, uid: int, key: str | None) -> None:
        """The submission with this key is decided: the store knows it now, or will never."""
        self._keys.pop((uid, key or ""), None)

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
                raise Overloaded(
                    f"there are {count} {whose}, the limit is {limit}", hint="wait for some to end"
                )

    async def steer(self, job_id: int, decision: Callable[[Job], list[Draft]]) -> Job:
        """Do with a job what *decision* makes of it, durable on return. Raises NotFound, Conflict.

        What is done with an array is done with its tasks.
        """
        await self.commit(self.decided(job_id, decision))
        return self.find(job_id)

    def decided(self, job_id: int, decision: Callable[[Job], list[Draft]]) -> list[Draft]:
        """What :meth:`steer` would do. Raises NotFound, Conflict."""
        job = self.find(job_id)
        self._check_early(job)
        return decision(job) if job.tasks is None else arrays.spread(job, self.children(job.id), decision)

    def _check_early(self, job: Job) -> None:
        if job.array and job.id not in self.live and (array := self.known(job.array)):
            arrays.check_room(array, job)

    async def cancel(self, job_id: int, actor: str, reason: str) -> Job:
        """Ask for the end of a job, durable on return. Raises NotFound, Conflict."""
        return await self.steer(job_id, lambda job: [decide.cancel(job, actor, reason)])

    async def retry(self, job_id: int, actor: str) -> Job:
        """Queue an ended job again; of an array, what did not succeed. Raises NotFound, Conflict."""
        if (job := self.find(job_id)).tasks is not None:
            self.again(job, actor)
            await self._store.write(lambda conn: None)  # its tasks are looked for where all is durable
        return await self.steer(job_id, lambda job: self.again(job, actor))

    def again(self, job: Job, actor: str) -> list[Draft]:
        """What a retry of *job* is. Raises Conflict."""
        drafts = [decide.retry(job, actor, self._clocks)]
        arrays.check_repeatable(job)
        array = self.array_of(job)
        if array is not None and array.state in (HELD, BLOCKED) and self.dependents.waits(job):
            drafts.append(Draft("job.blocked", {"job": job.id}))
        return drafts

    def next_task(self, array_id: int) -> Job | None:
        """The task of an array that is to start next, as it stands; None when there is none now."""
        array = self.live[array_id]
        assert array.tasks is not None, "only arrays have tasks"
        if array.tasks.again is not None:
            if (task := self._failed_task(array_id, array_id + array.tasks.again)) is not None:
                return task
            self.record([Draft("job.array_repeated", {"job": array_id})])
            array = self.live[array_id]
        position = arrays.first_untouched(array)
        return None if position is None else self.find(array_id + 1 + position)

    def _failed_task(self, array: int, above: int) -> Job | None:
        """The next one that a retry repeats; one that is in memory is dealt with by itself."""
        found: int | None = above
        while found is not None and (found == above or found in self.live):
            last = found
            found = self._store.read(
                partial(table.next_in_state, array=array, states=arrays.REPEATED, above=last)
            )
        return None if found is None else self.find(found)

    # -- looking ---------------------------------------------------------------------------------

    async def listed(self, where: table.Filter, limit: int, order: str = "newest") -> list[Job]:
        """Jobs that match, as the disk has them: a filter by state then misses none."""
        return await self._store.read_slow(lambda conn: table.listed(conn, where, limit, order))

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
