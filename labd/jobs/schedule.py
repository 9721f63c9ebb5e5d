"""Which waiting job starts next. Pure: given the line and the ledger, it says what to start.

Order is priority, then whose user has had least lately (:mod:`labd.jobs.share`), then age. The first job
that does not fit is the *head*: others may pass it only when it would still fit once everything that is
not passing it has ended (conservative backfill). So passing never delays the head, without anybody's
estimate of a run time.

A job that would not fit even on the empty machine, since a GPU is away, is passed over as well: it is never
the head, and holds up nobody.

Jobs of one user and group that ask for the same resources are looked at through their first: the cost of
a decision does not grow with the queue.
"""

import heapq
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

import msgspec

from labd.jobs.preempt import Candidate, victims
from labd.resources.ledger import MILLI, Lease, Ledger, Request


class Key(NamedTuple):
    """What makes jobs alike to the schedule: also the array of which they are tasks, where that lets only
    so many run ``at_once``."""

    user: int
    group: str
    request: Request
    array: int = 0
    at_once: int = 0
    preemptible: bool = False


class Quota(msgspec.Struct, frozen=True):
    """What one user may run at once (0: no limit), and how many jobs of each group may run."""

    jobs: int = 0
    cores: float = 0
    gpus: int = 0
    groups: dict[str, int] = {}


class Start(msgspec.Struct, frozen=True):
    """A decision: this job starts now, with this lease (taken in the ledger already).

    Of an array *job* is the task.
    """

    job: int
    lease: Lease


class _Waiter(NamedTuple):
    priority: int
    key: Key
    rank: int


class Array(NamedTuple):
    """What waits as an array: *next* gives the id of the task that starts next (None: there is none),
    *last* is the highest id of any."""

    next: Callable[[], int | None]
    last: int


_Rank = tuple[int, float, int, int]
"""Less is earlier: against the priority, by what the user has had, by age; and the job."""


class _Order:
    """The keys of a line, each by its first job. A key that came up is left out until :meth:`again`."""

    def __init__(self, rank: Callable[[Key], _Rank | None], keys: Iterable[Key]) -> None:
        self._rank = rank
        self._heap = [(found, key) for key in list(keys) if (found := rank(key)) is not None]
        heapq.heapify(self._heap)

    def first(self) -> int | None:
        """The first job of all."""
        while self._heap:
            found, key = heapq.heappop(self._heap)
            now = self._rank(key)
            if now is not None and (now[0], now[3]) == (found[0], found[3]):
                return now[3]
            self.again(key)  # that job waits no more, or elsewhere
        return None

    def again(self, key: Key) -> None:
        if (found := self._rank(key)) is not None:
            heapq.heappush(self._heap, (found, key))


class _Runner(NamedTuple):
    key: Key
    passing: bool
    priority: int = 0
    ending: bool = False


def holder(job: int) -> str:
    """The name under which a job stands in the ledger."""
    return f"job {job}"


class Line:
    """The jobs that could start as far as they themselves are concerned, and those that run.

    *share* gives what a user has had; less goes first.
    """

    def __init__(self, quota: Quota | None = None, share: Callable[[int], float] = lambda user: 0.0) -> None:
        self.quota = quota or Quota()
        self._share = share
        self._heaps: dict[Key, list[tuple[int, int, int]]] = {}
        self._arrays: dict[int, Array] = {}
        self._waiting: dict[int, _Waiter] = {}
        self._running: dict[int, _Runner] = {}
        self._head: int | None = None

    def __len__(self) -> int:
        return len(self._waiting)

    def __contains__(self, job: int) -> bool:
        return job in self._waiting

    # -- who is there ----------------------------------------------------------------------------

    def add(self, job: int, priority: int, key: Key, array: Array | None = None) -> None:
        """Let *job* wait, or give it another place when it waits already.

        A task that waits by itself goes before those that wait in its *array*.
        """
        waiter = _Waiter(priority, key, array.last if array else job)
        if array is not None:
            self._arrays[job] = array
        if self._waiting.get(job) != waiter:
            self._waiting[job] = waiter
            heapq.heappush(self._heaps.setdefault(key, []), (-priority, waiter.rank, job))

    def discard(self, job: int) -> None:
        """Forget that *job* waits; its entry in the heap is dropped when it comes up."""
        self._waiting.pop(job, None)
        self._arrays.pop(job, None)

    def runs(self, job: int, key: Key, priority: int = 0) -> None:
        """*job* runs: it was found so after a restart."""
        self._running[job] = _Runner(key, passing=False, priority=priority)

    def ending(self, job: int) -> None:
        """*job* was asked to end: what it has will be free."""
        if job in self._running:
            self._running[job] = self._running[job]._replace(ending=True)

    def ended(self, job: int) -> None:
        """*job* runs no more."""
        self._running.pop(job, None)

    def emptied(self) -> "Line":
        """A line with nobody in it, under the same rules."""
        return Line(self.quota, self._share)

    def running(self) -> tuple[int, ...]:
        return tuple(self._running)

    # -- deciding --------------------------------------------------------------------------------

    def plan(self, ledger: Ledger) -> Iterator[Start]:
        """Take out of the line all that may start now, one by one; the lease of each is booked in *ledger*.

        Whoever takes a task of an array has it started before the next one is asked for.
        """
        if self._head not in self._waiting:
            self._forgive()
        head: _Waiter | None = None
        order = _Order(self._rank, self._heaps)
        while (job := order.first()) is not None:
            waiter = self._waiting[job]
            if self.refusal(waiter.key):
                continue
            if (task := self._task(job)) is None:
                self.discard(job)
                order.again(waiter.key)
            elif (lease := self._try(task, waiter, head, ledger)) is not None:
                self._leaves(job)
                yield Start(task, lease)
                order.again(waiter.key)
            elif head is None and not ledger.hopeless(waiter.key.request):
                head, self._head = waiter, job

    def victims(self, ledger: Ledger) -> list[int]:
        """The running jobs that are to give way to the head of the line, after :meth:`plan`."""
        head = self._waiting.get(self._head or 0)
        if head is None or self.refusal(head.key):
            return []
        candidates = (
            Candidate(job, holder(job), runner.priority, runner.ending)
            for job, runner in self._running.items()
            if runner.key.preemptible or runner.ending
        )
        return [one.job for one in victims(head.key.request, head.priority, candidates, ledger)]

    @property
    def head(self) -> int | None:
        """The first in line, which could not start."""
        return self._head

    def _task(self, job: int) -> int | None:
        """What starts when the turn has come to *job*: itself or, of an array, a task."""
        return self._arrays[job].next() if job in self._arrays else job

    def _leaves(self, job: int) -> None:
        """*job* has had its turn; an array waits on with its other tasks."""
        if job not in self._arrays:
            del self._waiting[job]
        elif job == self._head:
            self._forgive()

    def _try(self, task: int, waiter: _Waiter, head: _Waiter | None, ledger: Ledger) -> Lease | None:
        lease = ledger.offer(holder(task), waiter.key.request)
        if lease is None or (head is not None and self._delayed(head.key.request, ledger, lease)):
            return None
        self._running[task] = _Runner(waiter.key, head is not None, waiter.priority)
        return ledger.claim(lease.holder, lease.request, lease.gpu_ids)

    def _delayed(self, request: Request, ledger: Ledger, passing: Lease) -> bool:
        """Whether *request* would still not fit once all that is not passing it has ended."""
        ending = {holder(job) for job, runner in self._running.items() if not runner.passing}
        staying = [lease for lease in ledger.leases if lease.holder not in ending]
        return bool(ledger.replaying([*staying, passing]).missing(request))

    def _forgive(self) -> None:
        """The head has started: to the next one, whoever runs was simply there before."""
        self._head = None
        self._running = {job: runner._replace(passing=False) for job, runner in self._running.items()}

    def _rank(self, key: Key) -> _Rank | None:
        """Where the first job with *key* that waits stands in the line."""
        top = self._top(key)
        return None if top is None else (top[0], self._share(key.user), top[1], top[2])

    def _top(self, key: Key) -> tuple[int, int, int] | None:
        """The first entry of a heap that still holds, dropping those that do not."""
        heap = self._heaps.get(key, [])
        while heap:
            priority, rank, job = heap[0]
            if self._waiting.get(job) == _Waiter(-priority, key, rank):
                return heap[0]
            heapq.heappop(heap)
        self._heaps.pop(key, None)
        return None

    # -- limits ----------------------------------------------------------------------------------

    def refusal(self, key: Key) -> str:
        """Which limit keeps a job with *key* from starting now, or an empty string."""
        own = [r.key.request for r in self._running.values() if r.key.user == key.user]
        limit = (
            _over("running jobs", len(own) + 1, self.quota.jobs)
            or _over("cores", (sum(r.cores for r in own) + key.request.cores) / MILLI, self.quota.cores)
            or _over("GPUs", sum(r.gpu_milli for r in (*own, key.request)) / MILLI, self.quota.gpus)
        )
        return f"room under {limit}" if limit else self._group_is_full(key.group) or self._array_is_full(key)

    def _array_is_full(self, key: Key) -> str:
        running = sum(runner.key.array == key.array for runner in self._running.values()) if key.array else 0
        full = 0 < key.at_once <= running
        return f"a place in its array (it may run {_count(key.at_once, 'task')})" if full else ""

    def _group_is_full(self, group: str) -> str:
        limit = self.quota.groups.get(group, 0)
        members = Counter(runner.key.group for runner in self._running.values())[group]
        return (
            f"a place in the group {group} (it may run {_count(limit, 'job')})"
            if 0 < limit <= members
            else ""
        )

    def never(self, key: Key) -> str:
        """Which limit a job with *key* exceeds by itself, or an empty string."""
        return _over("cores", key.request.cores / MILLI, self.quota.cores) or _over(
            "GPUs", key.request.gpu_milli / MILLI, self.quota.gpus
        )

    def why(self, job: int, ledger: Ledger) -> str:
        """What a waiting *job* waits for, in words; empty when it does not wait."""
        waiter = self._waiting.get(job)
        if waiter is None:
            return ""
        missing = self.refusal(waiter.key) or ledger.missing(waiter.key.request)
        if missing or self._head in (None, job):
            return missing or "its turn"
        return f"job {self._head}, which is first in line and would be delayed"


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def _over(what: str, wanted: float, limit: float) -> str:
    noun = what.removesuffix("s") if limit == 1 else what
    return f"the limit of {limit:g} {noun} for one user" if limit and wanted > limit else ""
