"""What became of the tasks of a group: the journal folded. Pure."""

from collections import deque
from collections.abc import Iterable

import msgspec

from labd_descartes.model import GOOD, Failure, NewTask, Outcome


class Entry(msgspec.Struct, omit_defaults=True):
    """A line of the journal: a new task, tasks to make again, a run that begins (for *room* tasks at once, 0
    for any number), the end of a task, or of a run of which nothing more comes.
    """

    task: NewTask | None = None
    created: float = 0.0
    again: list[int] | None = None
    retries: int = 0
    run: list[int] | None = None
    room: int = 0
    over: int | None = None
    done: int | None = None
    outcome: Outcome | None = None


class Known(msgspec.Struct):
    """What is held of the end of a task; all of it is at *place* in the journal."""

    place: tuple[int, int]
    status: str
    failure: Failure | None
    runtime: float
    memory: int
    updated: float


class Task(msgspec.Struct):
    """A task; its arguments are at *place* in the journal. ``end`` is None while it waits or runs."""

    place: tuple[int, int]
    labels: tuple[str, ...]
    created: float
    retries: int
    end: Known | None = None


class Run(msgspec.Struct, frozen=True):
    """Tasks that went into one map, and how many of them may be made at once (0: any number)."""

    tasks: list[int]
    room: int


class State:
    """Tasks by number, those that wait for a run, and the tasks of each run."""

    def __init__(self) -> None:
        self.tasks: list[Task] = []
        self.queue: deque[int] = deque()
        self.runs: list[Run] = []
        self.open: dict[int, set[int]] = {}
        """The runs of which something is to come, and of which tasks."""

        self.good = self.bad = 0

    @property
    def pending(self) -> int:
        """Tasks without an end."""
        return len(self.tasks) - self.good - self.bad

    @property
    def working(self) -> int:
        """Tasks that are in a run."""
        return sum(map(len, self.open.values()))

    def apply(self, entry: Entry, place: tuple[int, int]) -> None:
        """Take up *entry*, which stands at *place* of the journal."""
        if entry.task is not None:
            labels = tuple(entry.task.attributes.labels or ())
            self.queue.append(len(self.tasks))
            self.tasks.append(Task(place, labels, entry.created, entry.task.retry_count))
        for number in entry.again or ():
            self._again(number, entry.retries)
        if entry.run is not None:
            self._begin(Run(entry.run, entry.room))
        if entry.over is not None:
            self.open.pop(entry.over, None)
        if entry.done is not None and entry.outcome is not None:
            self._end(entry.done, entry.outcome, place)

    def next_run(self, most: int) -> list[int]:
        """The first tasks that wait, *most* at most, all with the same number of retries."""
        found: list[int] = []
        for number in self.queue:
            if len(found) == most or (found and self.tasks[number].retries != self.tasks[found[0]].retries):
                break
            found.append(number)
        return found

    def repeatable(self, numbers: Iterable[int]) -> list[int]:
        """Those of *numbers* that have ended, each once."""
        known = dict.fromkeys(number for number in numbers if 0 <= number < len(self.tasks))
        return [number for number in known if self.tasks[number].end is not None]

    def _again(self, number: int, retries: int) -> None:
        task = self.tasks[number]
        if task.end is not None:
            self._count(task.end.status, -1)
            task.end, task.retries = None, retries
            self.queue.append(number)

    def _begin(self, run: Run) -> None:
        begun = set(run.tasks)
        self.queue = deque(number for number in self.queue if number not in begun)
        self.open[len(self.runs)] = begun
        self.runs.append(run)

    def _end(self, number: int, outcome: Outcome, place: tuple[int, int]) -> None:
        task = self.tasks[number]
        task.end = Known(
            place, outcome.status, outcome.failure, outcome.runtime, outcome.memory, outcome.updated
        )
        self._count(outcome.status, 1)
        for run in [run for run, waiting in self.open.items() if number in waiting]:
            self.open[run].discard(number)
            if not self.open[run]:
                del self.open[run]

    def _count(self, status: str, by: int) -> None:
        if status == GOOD:
            self.good += by
        else:
            self.bad += by
