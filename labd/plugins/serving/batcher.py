"""What goes to a worker next, and what becomes of each request. Pure: time is told, nothing is awaited.

An idle worker takes what there is. So a batch waits only while every worker is busy, and a lone request
never does, unless the model asks for it by ``max_wait``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from math import inf
from typing import Protocol

from labd.api import Answer, DeadlineExceeded, LabdError, ModelFailed, ModelSpec, Overloaded, TooLarge
from labd.plugins.serving.item import OVER, QUEUED, RUNNING, Item
from labd.plugins.serving.queue import Queue

MARGIN = 0.002
"""Seconds before its deadline at which a request is given up, so that the client hears of it in time."""


NOBODY_KNOWS = 1.0
"""Seconds after which to come again while no batch has been computed yet."""


class Batch:
    """Items that go to a worker together. *released*: why now."""

    __slots__ = ("began", "items", "released", "rows")

    def __init__(self, items: list[Item], rows: int, began: float, released: str) -> None:
        self.items, self.rows, self.began, self.released = items, rows, began, released

    @property
    def alone(self) -> bool:
        return len(self.items) == 1


class Counts(Protocol):
    """Who counts what happens; see :class:`labd.plugins.serving.figures.Figures`."""

    def succeeded(self, item: Item, now: float) -> None: ...
    def failed(self, item: Item, error: LabdError, now: float) -> None: ...
    def cancelled(self, item: Item) -> None: ...
    def released(self, batch: Batch) -> None: ...
    def repeated(self, split: int, retried: int) -> None: ...
    def seconds_for(self, rows: int) -> float: ...


class Batcher:
    """The requests of one model that are not answered yet. *defect* hears what a ``done`` has raised."""

    def __init__(
        self, spec: ModelSpec, counts: Counts, defect: Callable[[Exception], object] = lambda error: None
    ) -> None:
        self._spec, self._counts, self._defect = spec, counts, defect
        self.most = spec.max_batch_size
        """Rows of a batch; 1 for models that stream."""
        self.queue = Queue()
        self.running: set[Batch] = set()
        self.soonest = inf
        """No deadline is before this."""

    @property
    def empty(self) -> bool:
        """Whether nobody waits for anything."""
        return not self.queue.count and not self.running

    # -- requests --------------------------------------------------------------------------------

    def check_room(self, size: int) -> None:
        """Raises TooLarge, Overloaded: a request of *size* bytes cannot be queued."""
        spec, queue = self._spec, self.queue
        if size > spec.max_request_bytes > 0:
            raise TooLarge(
                f"a request of {size} bytes is over the model's max_request_bytes of {spec.max_request_bytes}"
            )
        if queue.count >= spec.max_queue > 0:
            self._refuse(f"{queue.count} requests wait, as many as max_queue lets")
        if queue.count and queue.size + size > spec.max_queue_bytes > 0:
            self._refuse(f"{queue.size} bytes wait, and max_queue_bytes is {spec.max_queue_bytes}")

    def admit(self, item: Item, now: float) -> None:
        """Queue *item*. Raises DeadlineExceeded when it comes too late."""
        if item.deadline <= now:
            raise _late(item)
        if item.deadline < self.soonest:
            self.soonest = item.deadline
        self.queue.put(item)

    def drop(self, item: Item) -> None:
        """Nobody waits for *item* any more: queued, it never runs; running, its answer goes nowhere."""
        queued = item.state == QUEUED
        item.state = OVER
        if queued:
            self.queue.drop(item)
        self._counts.cancelled(item)

    def expire(self, now: float) -> None:
        """Give up those whose deadline is there, and look when the next one is."""
        self.soonest = inf
        for item in [*self._live()]:
            if item.deadline - MARGIN <= now:
                self._settle(item, _late(item), now)
            elif item.deadline < self.soonest:
                self.soonest = item.deadline

    def give_up(self, error: LabdError, now: float) -> None:
        """Tell *error* to everybody who still waits."""
        for item in [*self._live()]:
            self._settle(item, error, now)

    # -- batches ---------------------------------------------------------------------------------

    def next_batch(self, now: float) -> Batch | None:
        """What an idle worker is to do now; None when it is to wait."""
        if not self.queue.count:
            return None
        released = "idle"
        if self._spec.max_wait:
            if self.release_at() > now:
                return None
            released = "wait"
        items = self.queue.take(self.most)
        rows = 0
        for item in items:
            item.state, item.began = RUNNING, now
            rows += item.rows
        batch = Batch(items, rows, now, "full" if rows >= self.most else released)
        self.running.add(batch)
        return batch

    def release_at(self) -> float:
        """When the first ones in line are to go to an idle worker, full or not."""
        first = self.queue.first()
        if first is None:
            return inf
        if first.alone or self.queue.rows_with_first() >= self.most:
            return first.arrived
        return min(first.arrived + self._spec.max_wait, first.deadline - self._counts.seconds_for(first.rows))

    def part(self, batch: Batch, item: Item, answer: Answer) -> None:
        """A piece of a streamed answer came."""
        if item.state == RUNNING:
            self.tell(item, answer)

    def succeeded(self, batch: Batch, answers: Iterable[Answer | LabdError], now: float) -> None:
        """The worker answered: one answer for each item, or what was wrong with that one."""
        self.running.discard(batch)
        self._counts.released(batch)
        for item, answer in zip(batch.items, answers, strict=True):
            if item.state == RUNNING:
                self._settle(item, answer, now)

    def failed(self, batch: Batch, error: LabdError, now: float) -> None:
        """The model's code raised: whose fault it was is found by running each item alone."""
        self.running.discard(batch)
        self._counts.released(batch)
        if batch.alone or not self._spec.retries:
            self._settle_all(batch, error, now)
            return
        again = self._again(batch)
        self._counts.repeated(len(again), 0)

    def lost(self, batch: Batch, error: LabdError, now: float) -> None:
        """The worker died: each item goes once more, alone; one that was lost too often is an error."""
        self.running.discard(batch)
        for item in batch.items:
            item.lost += 1
            if item.lost > self._spec.retries and item.state == RUNNING:
                self._settle(item, _lost(item, error), now)
        again = self._again(batch)
        self._counts.repeated(0, len(again))

    def put_back(self, batch: Batch) -> None:
        """The batch never began: all as before."""
        self.running.discard(batch)
        self.queue.put_back([item for item in batch.items if item.state == RUNNING])

    # -- steps -----------------------------------------------------------------------------------

    def _again(self, batch: Batch) -> list[Item]:
        items = [item for item in batch.items if item.state == RUNNING]
        for item in items:
            item.alone = True
        self.queue.put_back(items)
        return items

    def _settle_all(self, batch: Batch, error: LabdError, now: float) -> None:
        for item in batch.items:
            if item.state == RUNNING:
                self._settle(item, error, now)

    def _settle(self, item: Item, outcome: Answer | LabdError, now: float) -> None:
        if item.state == QUEUED:
            self.queue.drop(item)
        item.state = OVER
        if isinstance(outcome, LabdError):
            self._counts.failed(item, outcome, now)
        else:
            self._counts.succeeded(item, now)
        self.tell(item, outcome)

    def tell(self, item: Item, outcome: Answer | LabdError) -> None:
        """Say what became of *item*: who fails at hearing it harms nobody else."""
        try:
            item.done(outcome)
        except Exception as error:
            self._defect(error)

    def _live(self) -> Iterator[Item]:
        yield from self.queue
        for batch in self.running:
            for item in batch.items:
                if item.state == RUNNING:
                    yield item

    def _refuse(self, why: str) -> None:
        wait = max(self._counts.seconds_for(self.queue.rows) or NOBODY_KNOWS, 0.001)
        raise Overloaded(
            f"the queue is full: {why}",
            hint=f"try again in {wait:.3f} s, or raise the limit, or `workers`",
            data={"retry_after": round(wait, 3)},
        )


def _late(item: Item) -> DeadlineExceeded:
    where = "was waiting" if item.state == QUEUED else "was with a worker"
    limit = item.deadline - item.arrived
    return DeadlineExceeded(
        f"the request was not answered within {limit:g} s of its arrival: it {where}",
        hint="ask for a longer timeout, or look at the queue: labctl model stats",
    )


def _lost(item: Item, error: LabdError) -> ModelFailed:
    times = "once" if item.lost == 1 else f"{item.lost} times"
    return ModelFailed(f"the request lost its worker {times}: {error.message}", hint=error.hint)
