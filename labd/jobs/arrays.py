"""Arrays: one job that stands for up to a million tasks. Pure.

The tasks of array *n* have the ids *n* + 1, *n* + 2, ... A task has a record of its own from its first event
on; until then it is :func:`born` anew, whenever somebody looks, from the record of its array. So what an
array costs does not depend on how many tasks wait in it. Tasks start in order; one that something happened
to before its turn (it was cancelled, or held) is remembered in ``early``.
"""

from collections.abc import Callable, Iterable, Iterator

import msgspec

from labd.api.jobs import ArraySpec
from labd.api.node import Event
from labd.errors import Conflict
from labd.jobs.decide import Draft
from labd.jobs.model import (
    BLOCKED,
    CANCELLED,
    ENDED,
    FAILED,
    HELD,
    PAUSED,
    QUEUED,
    RUNNING,
    SUCCEEDED,
    Job,
    Tasks,
)

REPEATED = ("failed", "timed_out", "lost", "cancelled")
"""States of the tasks that a retry of their array runs again."""

MAX_EARLY = 10_000


# -- which task is which ----------------------------------------------------------------------------


def index_of(spec: ArraySpec, position: int) -> int:
    """The index of the task at *position*, counted from 0. Raises IndexError."""
    left = position
    for first, last, step in spec.ranges:
        size = (last - first) // step + 1
        if 0 <= left < size:
            return first + left * step
        left -= size
    raise IndexError(position)


def position_of(spec: ArraySpec, index: int) -> int | None:
    """Where the task with *index* stands, None when there is none."""
    before = 0
    for first, last, step in spec.ranges:
        if first <= index <= last and (index - first) % step == 0:
            return before + (index - first) // step
        before += (last - first) // step + 1
    return None


def holds(array: Job, number: int) -> bool:
    """Whether *number* is the id of a task of *array*."""
    return array.tasks is not None and array.id < number <= array.id + array.tasks.count


def born(array: Job, number: int) -> Job:
    """The task *number* as it is before anything happened to it alone."""
    assert array.spec.array is not None, "only arrays have tasks"
    return Job(
        id=number,
        uid=array.uid,
        gid=array.gid,
        user=array.user,
        spec=array.spec,
        environment=array.environment,
        submitted=array.submitted,
        state=_unborn_state(array),
        retries_left=array.spec.retries,
        cancel_reason=array.cancel_reason if array.tasks and array.tasks.closed else None,
        why_queued=array.why_queued,
        array=array.id,
        index=index_of(array.spec.array, number - array.id - 1),
    )


def _unborn_state(array: Job) -> str:
    if array.tasks is not None and array.tasks.closed:
        return CANCELLED
    if array.state == BLOCKED:
        return BLOCKED
    return HELD if array.state in (HELD, PAUSED) else QUEUED


# -- what an event of a task is to its array --------------------------------------------------------


def changed(array: Job, was: Job, task: Job, event: Event) -> Job:
    """The record of *array* once its task, which *was* another, is *task* by *event*."""
    tasks = array.tasks
    assert tasks is not None, "only arrays have tasks"
    position = task.id - array.id - 1
    tasks = _counted(tasks, was, -1) if tasks.touched(position) else _reached(tasks, position)
    if event.data.get("repeated"):
        tasks = msgspec.structs.replace(tasks, again=position + 1)
    return msgspec.structs.replace(array, tasks=_counted(tasks, task, +1))


def _counted(tasks: Tasks, task: Job, step: int) -> Tasks:
    if task.busy:
        return msgspec.structs.replace(tasks, busy=tasks.busy + step)
    if task.live:
        return msgspec.structs.replace(tasks, waiting=tasks.waiting + step)
    ended = tasks.ended | {task.state: tasks.ended.get(task.state, 0) + step}
    return msgspec.structs.replace(tasks, ended=ended)


def _reached(tasks: Tasks, position: int) -> Tasks:
    if position != tasks.next:
        return msgspec.structs.replace(tasks, early=tuple(sorted({*tasks.early, position})))
    reached, early = position + 1, list(tasks.early)
    while early and early[0] == reached:
        reached += 1
        del early[0]
    return msgspec.structs.replace(tasks, next=reached, early=tuple(early))


def consequence(array: Job) -> list[Draft]:
    """What follows for *array* from how its tasks stand."""
    tasks = array.tasks
    assert tasks is not None, "only arrays have tasks"
    if array.state in ENDED:
        return [_draft("job.array_started", array)] if tasks.busy or tasks.waiting else []
    if not tasks.unfinished:
        state, cause = outcome(array)
        return [_draft(f"job.{state}", array, cause)]
    return [_draft("job.array_started", array)] if array.state == QUEUED and tasks.busy else []


def outcome(array: Job) -> tuple[str, str]:
    """How *array* ends, and the words for it, once all of its tasks have ended."""
    counts = totals(array)
    if counts[SUCCEEDED] == sum(counts.values()):
        return SUCCEEDED, ""
    failed = sum(counts[state] for state in (FAILED, "timed_out", "lost"))
    if failed:
        return FAILED, f"{failed} of {sum(counts.values())} tasks failed"
    return CANCELLED, array.cancel_reason or f"{counts[CANCELLED]} of {sum(counts.values())} tasks cancelled"


def totals(array: Job) -> dict[str, int]:
    """How many tasks of *array* there are in each ended state, and those that wait or run."""
    tasks = array.tasks
    assert tasks is not None, "only arrays have tasks"
    unborn = CANCELLED if tasks.closed else "waiting"
    counts = {"waiting": tasks.waiting, "running": tasks.busy}
    counts |= {state: tasks.ended.get(state, 0) for state in (SUCCEEDED, *REPEATED)}
    counts[unborn] += tasks.untouched
    return counts


def untouched(array: Job) -> Iterator[tuple[int, int]]:
    """The positions of tasks that have no record of their own, as (first, last)."""
    tasks = array.tasks
    assert tasks is not None, "only arrays have tasks"
    start = tasks.next
    for position in (*tasks.early, tasks.count):
        if position > start:
            yield start, position - 1
        start = position + 1


def first_untouched(array: Job) -> int | None:
    """The position of the first task that may start and has no record of its own."""
    tasks = array.tasks
    assert tasks is not None, "only arrays have tasks"
    return tasks.next if tasks.next < tasks.count and not tasks.closed else None


# -- what people ask of an array --------------------------------------------------------------------


def spread(array: Job, tasks: Iterable[Job], decision: Callable[[Job], list[Draft]]) -> list[Draft]:
    """What *decision* makes of *array* and of those of its unfinished *tasks* to which it can apply.

    Raises Conflict, in the words for the array, when it applies to none.
    """
    drafts, refusal = _decided(array, decision)
    kind = drafts[0].kind if drafts else ""
    for task in tasks:
        drafts += _decided(task, decision)[0] or _beside(task, kind)
    if not drafts and refusal is not None:
        raise refusal
    return drafts


def _beside(task: Job, kind: str) -> list[Draft]:
    """What a pause of an array, which stops what runs, is to a *task* that waits: it does not start."""
    if (kind, task.state) not in (("job.paused", QUEUED), ("job.resumed", HELD)):
        return []
    return [Draft("job.held" if kind == "job.paused" else "job.released", {"job": task.id})]


def waiting_with(array: Job | None, task: Job, drafts: list[Draft]) -> list[Draft]:
    """*drafts*, after which a *task* that waits again does not start while its *array* is held or paused."""
    again = drafts[-1].kind in ("job.queued", "job.never_began")
    if array is None or array.state not in (HELD, PAUSED) or not again:
        return drafts
    return [*drafts, Draft("job.held", {"job": task.id}, cause=f"job {array.id} is {array.state}")]


def _decided(job: Job, decision: Callable[[Job], list[Draft]]) -> tuple[list[Draft], Conflict | None]:
    try:
        return decision(job), None
    except Conflict as refusal:
        return [], refusal


def check_repeatable(job: Job) -> None:
    """Raises Conflict for an array of which nothing is to be run again."""
    if job.tasks is not None and totals(job)[SUCCEEDED] == job.tasks.count:
        raise Conflict(
            f"all tasks of job {job.id} have succeeded: there is nothing to run again",
            hint=f"labctl retry {born(job, job.id + 1).called} runs one of them again",
        )


def check_room(array: Job, task: Job) -> None:
    """Raises Conflict when too many tasks of *array* were dealt with before their turn."""
    if array.tasks is not None and len(array.tasks.early) >= MAX_EARLY:
        raise Conflict(
            f"job {task.called} would be one too many of job {array.id} that is dealt with before its turn",
            hint=f"labctl hold {array.id}, or cancel it whole",
        )


def _draft(kind: str, array: Job, cause: str = "", actor: str = "labd") -> Draft:
    return Draft(kind, {"job": array.id, "attempt": 0}, actor, cause)


STARTS = frozenset({QUEUED, RUNNING})
"""States of an array in which its tasks start."""
