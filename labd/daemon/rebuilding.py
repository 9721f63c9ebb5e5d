"""After a repair of the store: what the folders of the jobs know and it does not, and how that is told.

It is done once for a repair, and again when labd was killed meanwhile: what is known by then is left alone.
"""

import logging
from collections.abc import Iterable

import msgspec

from labd.jobs import attempts, rebuild, table, traces
from labd.jobs.clock import SystemClock
from labd.jobs.decide import Draft
from labd.jobs.model import IllegalTransition, Job
from labd.jobs.queue import Queue
from labd.store.batch import Done
from labd.store.note import Repair, path_of
from labd.store.writer import Store

log = logging.getLogger("labd")


def cause_by_folders(store: Store, state_dir: str) -> Repair | None:
    """A store that knows less than the folders has lost something, however sound it looks."""
    last, known = attempts.last_job(state_dir), store.read(table.last_job)
    if last <= known:
        return None
    text = f"there are folders of jobs up to {last}, and the database knows jobs up to {known} only"
    return Repair((), store.path, text)


class Rebuilder:
    """Gives the queue what the folders in *state_dir* know; before anything is started or adopted."""

    def __init__(self, store: Store, queue: Queue, clock: SystemClock, state_dir: str) -> None:
        self._store = store
        self._queue = queue
        self._clock = clock
        self._state_dir = state_dir
        self._unreadable: list[str] = []

    def run(self) -> None:
        """Rebuild when the store was repaired, and say so. Raises StoreUnavailable."""
        repair = self._store.repair or cause_by_folders(self._store, self._state_dir)
        if repair is None or repair.rebuilt is not None:
            return
        if repair.known is None:
            repair = msgspec.structs.replace(repair, known=self._store.read(table.last_job))
            self._store.note(repair)
        self._queue.record([Draft("store.repaired", msgspec.to_builtins(repair))])
        self._store.enqueue(lambda conn: None, self._then_note(self._rebuild(repair)))

    def _rebuild(self, repair: Repair) -> Repair:
        folders = attempts.all_attempts(self._state_dir)
        known = self._store.read(table.newest_attempts)
        rebuilt = sum(self._rebuild_job(job, known.get(job), numbers) for job, numbers in folders.items())
        blocks = self._store.read(table.task_ids) + self._queue.task_ids()
        missing = _unaccounted(repair.known or 0, set(known) | set(folders), blocks)
        return msgspec.structs.replace(
            repair, rebuilt=rebuilt, unaccounted=missing, unreadable=tuple(self._unreadable)
        )

    def _rebuild_job(self, job: int, known: int | None, numbers: list[int]) -> bool:
        """Whether there was something to tell of *job*, whose newest attempt is *known* to the store."""
        record = self._queue.known(job)
        busy = record is not None and record.busy
        wanted = [n for n in numbers if known is None or n > known or (busy and n == known)]
        found, unreadable = traces.read(self._state_dir, job, wanted)
        self._unreadable += unreadable
        if not found:
            return False
        try:
            env = "" if known is not None else self._environment(found[0])
            record = record or self._task_of_a_lost_array(found[0].job)
            drafts = rebuild.lost_events(record, found, self._clock, env)
        except (IllegalTransition, KeyError, TypeError, ValueError) as error:
            self._unreadable.append(f"job {job} ({error})")
            return False
        self._queue.record(drafts)
        return bool(drafts)

    def _task_of_a_lost_array(self, task: Job) -> Job | None:
        if not task.array:
            return None
        self._queue.record(rebuild.lost_array(task))
        return self._queue.known(task.id)

    def _environment(self, trace: traces.Trace) -> str:
        """The digest of the job's environment, which the store has afterwards."""
        digest = trace.job.environment
        if self._store.read(lambda conn: table.has_environment(conn, digest)):
            return digest
        env = traces.environment(self._state_dir, trace.job.id, trace.number)
        digest, data = table.environment_digest(env)
        self._store.enqueue(lambda conn: table.put_environment(conn, digest, data))
        return digest

    def _then_note(self, repair: Repair) -> Done:
        def done(_: object, error: BaseException | None) -> None:
            if error is None:
                self._store.note(repair)
                for line in sentences(repair):
                    log.error("%s", line)

        return done


def sentences(repair: Repair) -> list[str]:
    """A repair in words."""
    source = "nothing: no snapshot was good" if repair.restored_from is None else repair.restored_from
    lines = [f"the store was damaged ({repair.cause}) and restored from {source}"]
    if repair.rebuilt:
        lines.append(f"{_jobs(repair.rebuilt)} rebuilt from what is in the folders of attempts")
    if repair.unaccounted:
        lines.append(
            f"{_jobs(repair.unaccounted)} unaccounted for, with numbers above {repair.known}: they were "
            "accepted after the last good copy and had not begun, or their folders are gone"
        )
    if repair.unreadable:
        lines.append(f"these folders do not tell whose they are: {_some(repair.unreadable)}")
    return lines


def acknowledge(store: Store) -> str:
    """What to do once a repair was read."""
    return f"once you have read this: rm {path_of(store.path)}"


def _unaccounted(known: int, accounted: set[int], blocks: Iterable[range]) -> int:
    """How many numbers after *known*, up to the highest one, are of no job; *blocks* are those of tasks."""
    last = max(accounted, default=0)
    missing = set(range(known + 1, last + 1)) - accounted
    for block in blocks:
        missing -= set(range(block.start, min(block.stop, last + 1)))
    return len(missing)


def _jobs(count: int) -> str:
    return "1 job is" if count == 1 else f"{count} jobs are"


def _some(names: Iterable[str], most: int = 5) -> str:
    listed = list(names)
    return ", ".join(listed[:most]) + (f" and {len(listed) - most} more" if len(listed) > most else "")
