"""The first start on a state that `labd restore` made: what it says, and what of it is not true any more.

A job that ran when the backup was made may still run where that was, also on this very machine. Its shim is
that labd's. So here it has ended, as lost, and nothing is signalled; a retry of it waits for a person.
"""

import logging
import sqlite3
from collections.abc import Callable, Iterator

import msgspec

from labd.errors import Conflict
from labd.jobs import attempts, decide, steer
from labd.jobs.decide import Clocks, Draft, ending_of
from labd.jobs.model import Job
from labd.jobs.queue import Queue
from labd.store.writer import Store

log = logging.getLogger("labd")


class Restored(msgspec.Struct, frozen=True, kw_only=True):
    """The note that the restore left. Times are Unix seconds."""

    file: str
    made: float
    host: str
    labd: str
    state_dir: str
    restored: float
    hold: bool = False


def own_up(store: Store, queue: Queue, clocks: Clocks, folder: Callable[[Job], str]) -> None:
    """On a state that was restored and was not started since: say so, and end what runs elsewhere."""
    note = store.read(_note)
    if note is None:
        return
    over = {job.id for job in queue.live.values() if job.busy and not _has_ended(folder(job))}
    data = msgspec.to_builtins(note) | {"lost": sorted(over)}
    queue.record([Draft("store.restored", data)], extra=_forget)
    for job in list(queue.live.values()):
        queue.record(_lost(job, note, clocks) if job.id in over else [])
    for job in list(queue.live.values()):
        if note.hold or job.id in over:
            queue.record(_held(job, over))
    log.warning("this state was restored from %s; %d jobs that ran then count as lost", note.file, len(over))


def _has_ended(folder: str) -> bool:
    """Whether the copy of the attempt's folder says how it ended; then that is how."""
    try:
        found = attempts.inspect(folder)
        if found.kind == "exited":
            ending_of(found.exit or {})
    except (OSError, msgspec.ValidationError):
        return False
    return found.kind == "exited"


def _lost(job: Job, note: Restored, clocks: Clocks) -> list[Draft]:
    why = f"it ran on {note.host} when the backup {note.file} was made, which does not say how it ended"
    return decide.ended(job, decide.Ending(reason="lost", message=why, ended=note.made), clocks)


def _held(job: Job, over: set[int]) -> Iterator[Draft]:
    try:
        drafts = steer.hold(job, "labd")
    except Conflict:  # it has ended, is held already, or is still to be settled
        return
    cause = "it may still run where the backup was made" if job.id in over else "restored with --hold"
    yield from (msgspec.structs.replace(draft, cause=cause) for draft in drafts)


def _note(conn: sqlite3.Connection) -> Restored | None:
    row = conn.execute("select value from meta where key = 'restored'").fetchone()
    return msgspec.json.decode(row[0], type=Restored) if row else None


def _forget(conn: sqlite3.Connection) -> None:
    conn.execute("delete from meta where key = 'restored'")
