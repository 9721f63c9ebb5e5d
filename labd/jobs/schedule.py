"""Which waiting job starts next. Pure: given the queue and the ledger, it says what to start.

Order is priority, then age. The first job that does not fit is the *head*: others may pass it only
when it would still fit once everything that stands before it has ended (conservative backfill). So
passing never delays the head, without anybody's estimate of a run time.

Jobs that ask for the same resources form a group, and only a group's first job is ever looked at:
the cost of a decision does not grow with the queue.
"""

import heapq

import msgspec

from labd.resources.ledger import Ledger, Lease, Request

Rank = tuple[int, int]
"""Smaller starts first: ``(-priority, job id)``."""


class Start(msgspec.Struct, frozen=True):
    """A decision: this job starts now, with this lease (taken in the ledger already)."""

    job: int
    lease: Lease


def holder(job: int) -> str:
    """The name under which a job stands in the ledger."""
    return f"job {job}"


class Waiting:
    """The jobs that could start as far as they themselves are concerned."""

    def __init__(self) -> None:
        self._groups: dict[Request, list[Rank]] = {}
        self._ranks: dict[int, tuple[Rank, Request]] = {}

    def __len__(self) -> int:
        return len(self._ranks)

    def __contains__(self, job: int) -> bool:
        return job in self._ranks

    def add(self, job: int, priority: int, request: Request) -> None:
        rank = (-priority, job)
        self._ranks[job] = (rank, request)
        heapq.heappush(self._groups.setdefault(request, []), rank)

    def discard(self, job: int) -> None:
        """Forget *job*; its place in the group's heap is dropped when it comes up."""
        self._ranks.pop(job, None)

    def first(self, skip: "set[Request]") -> tuple[Rank, Request] | None:
        """The first waiting job outside the groups in *skip*."""
        best: tuple[Rank, Request] | None = None
        for request in list(self._groups):
            if request in skip or not self._top(request):
                continue
            rank = self._groups[request][0]
            if best is None or rank < best[0]:
                best = (rank, request)
        return best

    def _top(self, request: Request) -> bool:
        """Drop what was discarded from the group's front; False when the group is empty and gone."""
        heap = self._groups[request]
        while heap and self._ranks.get(heap[0][1]) != (heap[0], request):
            heapq.heappop(heap)
        if not heap:
            del self._groups[request]
        return bool(heap)


def plan(waiting: Waiting, ledger: Ledger, running: dict[str, Rank]) -> list[Start]:
    """Take from *waiting* all that may start now; their leases are booked in *ledger*.

    *running* gives the rank of each holder that is a job; other holders stay for good.
    """
    starts: list[Start] = []
    blocked: set[Request] = set()
    head: tuple[Rank, Request] | None = None
    while (found := waiting.first(blocked)) is not None:
        rank, request = found
        lease = ledger.take_nowait(holder(rank[1]), request)
        if lease is None:
            head = head or found
            blocked.add(request)
            continue
        running[lease.holder] = rank
        if head is not None and _delayed(head, ledger, running):
            ledger.release(lease.holder)
            del running[lease.holder]
            blocked.add(request)
            continue
        waiting.discard(rank[1])
        starts.append(Start(rank[1], lease))
    return starts


def _delayed(head: tuple[Rank, Request], ledger: Ledger, running: dict[str, Rank]) -> bool:
    """Whether *head* would still not fit once everything that stands before it has ended."""
    rank, request = head
    staying = [x for x in ledger.leases if x.holder not in running or running[x.holder] > rank]
    return bool(ledger.replaying(staying).missing(request))
