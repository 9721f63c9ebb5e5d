"""Jobs that wait for other jobs: who waits for whom, and what an end means for them.

A job can only wait for jobs that were there before it, so there are no circles.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable

from labd.api.jobs import Dependency
from labd.jobs.arrays import holds, spread
from labd.jobs.decide import Draft, cancel
from labd.jobs.model import BLOCKED, ENDED, SUCCEEDED, Job

Find = Callable[[int], Job | None]
"""The job with a number, None when it was removed: which no job is while an unfinished one depends on it."""


def outcome(dependency: Dependency, state: str) -> bool | None:
    """Whether a dependency on a job in *state* is met; None while that cannot be said."""
    if state not in ENDED:
        return None
    if dependency.when == "any":
        return True
    return (state == SUCCEEDED) == (dependency.when == "ok")


class Dependents:
    """The index of blocked jobs by the jobs that they wait for.

    *find* gives a job by its id, *tasks* the unfinished tasks of an array.
    """

    def __init__(self, find: Find, tasks: Callable[[int], Iterable[Job]] = lambda array: ()) -> None:
        self._find = find
        self._tasks = tasks
        self._waiting: defaultdict[int, set[int]] = defaultdict(set)

    def load(self, jobs: Iterable[Job]) -> list[Draft]:
        """Start anew from all unfinished jobs; the drafts for those whose wait is over meanwhile."""
        self._waiting.clear()
        return [draft for job in jobs if job.state == BLOCKED for draft in self.add(job)]

    def add(self, job: Job) -> list[Draft]:
        """Watch over a blocked job; the drafts if its wait is over already."""
        for dependency in job.spec.after:
            self._waiting[dependency.job].add(job.id)
        return self._look(job)

    def waits(self, job: Job) -> bool:
        """Whether *job* has still to wait for another (or waits in vain)."""
        return any(self.outcome(d) is not True for d in job.spec.after)

    def outcome(self, dependency: Dependency) -> bool | None:
        """Whether *dependency* is met; None while that cannot be said.

        A job that is gone had ended, and mattered to nobody: whoever names it was run again by hand since.
        """
        job = self._find(dependency.job)
        return True if job is None else outcome(dependency, job.state)

    def ended(self, job: Job) -> list[Draft]:
        """The drafts for the jobs that waited for *job*, which has ended for good."""
        ended = [job.id] if job.tasks is None else [n for n in self._waiting if n == job.id or holds(job, n)]
        waiters = sorted(set().union(*(self._waiting.pop(number, ()) for number in ended)))
        found = [self._find(number) for number in waiters]
        blocked = [waiter for waiter in found if waiter is not None and waiter.state == BLOCKED]
        return [draft for waiter in blocked for draft in self._look(waiter)]

    def in_vain(self, job_id: int) -> list[int]:
        """The jobs that would be cancelled with *job_id*, as they need it or one of these to end well."""
        found: dict[int, None] = {}
        look = [job_id]
        while look:
            number = look.pop(0)
            lost = [waiter for waiter in sorted(self._waiting.get(number, ())) if self._needs(waiter, number)]
            look += [waiter for waiter in lost if waiter not in found]
            found |= dict.fromkeys(lost)
        return list(found)

    def _needs(self, waiter: int, number: int) -> bool:
        job = self._find(waiter)
        needs = job is not None and any(d.job == number and d.when == "ok" for d in job.spec.after)
        return needs and job is not None and job.state == BLOCKED

    def _look(self, job: Job) -> list[Draft]:
        told = [(d, self.outcome(d)) for d in job.spec.after]
        for dependency, met in told:
            if met is False and (other := self._find(dependency.job)) is not None:
                state = other.state.replace("_", " ")
                return self._vain(job, f"job {other.called} {state}, it was to end {_WORDS[dependency.when]}")
        return [Draft("job.unblocked", {"job": job.id})] if all(met for _, met in told) else []

    def _vain(self, job: Job, why: str) -> list[Draft]:
        """*job* is cancelled and, of an array, all that waits; a task that runs goes on."""
        waiting = [task for task in self._tasks(job.id) if not task.busy] if job.tasks is not None else []
        return spread(job, waiting, lambda one: [cancel(one, "labd", why)])


_WORDS = {"ok": "well", "failed": "in failure", "any": "in any way"}
