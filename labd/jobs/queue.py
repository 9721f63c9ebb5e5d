"""The queue: what people can ask of jobs, over their :mod:`labd.jobs.records`."""

from collections.abc import Callable

import msgspec
import trio

from labd.api.jobs import JobSpec
from labd.api.methods import Peer
from labd.errors import Overloaded
from labd.jobs import decide, table
from labd.jobs.decide import Clocks, Draft
from labd.jobs.model import Job
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
