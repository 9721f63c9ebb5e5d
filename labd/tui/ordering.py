"""The rows that a table shows, in their order, kept up as jobs change. Pure.

A change costs a search in a sorted list. A new filter or order is made in slices, so that whoever draws
can go on meanwhile.
"""

from bisect import bisect_left, bisect_right, insort
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from heapq import merge
from itertools import accumulate, islice
from typing import Any, NamedTuple

from labd.cli.view import ENDED, LIVE
from labd.tui.filtering import Test
from labd.tui.rows import JobRow

SLICE = 2_000
"""Rows that are looked at in one go."""

Entry = tuple[Any, ...]
"""Group, key, and the number of the job."""

_RANKS = {state: rank for rank, state in enumerate((*LIVE, *ENDED))}


def _ranked(row: JobRow) -> tuple[int, int, int]:
    """What runs, then what waits in its order, then what has ended, the newest first."""
    rank = _RANKS.get(row.state, len(_RANKS))
    if row.state in ENDED:
        return len(LIVE), 0, -row.id
    return (rank, -(row.priority or 0), row.id) if rank > 2 else (rank, 0, -row.id)


SORTS: dict[str, Callable[[JobRow], Any]] = {
    "state": _ranked,
    "id": lambda row: row.id,
    "name": lambda row: row.name.lower(),
    "user": lambda row: row.user,
    "group": lambda row: row.group,
    "prio": lambda row: -(row.priority or 0),
    "takes": lambda row: (-(row.gpus or 0), -(row.cpus or 0), -(row.memory or 0)),
    "submitted": lambda row: -(row.submitted or 0.0),
    "started": lambda row: -(row.started or 0.0),
    "ended": lambda row: -(row.ended or 0.0),
    "progress": lambda row: -(row.progress or 0.0),
}
GROUPS: dict[str, Callable[[JobRow], str]] = {
    "": lambda row: "",
    "state": lambda row: row.state,
    "user": lambda row: row.user,
    "group": lambda row: row.group or "no group",
    "name": lambda row: row.name or "no name",
}


class Choice(NamedTuple):
    """What is to be shown, and how."""

    tests: tuple[Test, ...] = ()
    sort: str = "state"
    reverse: bool = False
    group: str = ""


USUAL = Choice()


class Heading(NamedTuple):
    """The line above a group."""

    name: str
    size: int
    folded: bool


class Ordering:
    """Numbers of jobs in the order of *choice*; lines are those and the headings of groups."""

    def __init__(self, choice: Choice = USUAL) -> None:
        self.choice = choice
        self.folded: set[str] = set()
        self._order: list[Entry] = []
        self._entries: dict[int, Entry] = {}
        self._sizes: Counter[str] = Counter()
        self._names: list[str] = []
        self._starts: list[int] = []
        self._count = 0

    # -- change ----------------------------------------------------------------------------------

    def update(self, jobs: Mapping[int, JobRow], numbers: Iterable[int]) -> None:
        """Look at these jobs again; those that are gone go."""
        for number in numbers:
            self._replace(number, self._entry(jobs.get(number)))
        self.arrange()

    def fill(self, jobs: Mapping[int, JobRow]) -> Iterator[None]:
        """Take all of *jobs*, and yield after every slice. What changes meanwhile is for :meth:`update`."""
        runs: list[list[Entry]] = []
        numbers = list(jobs)
        for start in range(0, len(numbers), SLICE):
            found = (self._entry(jobs.get(number)) for number in numbers[start : start + SLICE])
            runs.append(sorted(entry for entry in found if entry is not None))
            yield
        merged = merge(*runs)
        self._order, self._entries, self._sizes = [], {}, Counter()
        while part := list(islice(merged, SLICE)):
            self._order += part
            self._entries.update((entry[2], entry) for entry in part)
            self._sizes.update(entry[0] for entry in part)
            yield
        self.arrange()

    def arrange(self) -> None:
        """Find the lines anew, after groups changed or were folded."""
        self._names = sorted(name for name, size in self._sizes.items() if size)
        lengths = [1 + self._sizes[n] * (n not in self.folded) for n in self._names]
        self._starts = list(accumulate(lengths, initial=0))
        self._count = self._starts[-1] if self.choice.group else len(self._order)

    def _entry(self, row: JobRow | None) -> Entry | None:
        choice = self.choice
        if row is None or not all(test(row) for test in choice.tests):
            return None
        key = SORTS[choice.sort](row)
        return GROUPS[choice.group](row), _Reversed(key) if choice.reverse else key, row.id

    def _replace(self, number: int, entry: Entry | None) -> None:
        before = self._entries.pop(number, None)
        if before == entry and before is not None:
            self._entries[number] = before
            return
        if before is not None:
            del self._order[bisect_left(self._order, before)]
            self._sizes[before[0]] -= 1
        if entry is not None:
            insort(self._order, entry)
            self._entries[number] = entry
            self._sizes[entry[0]] += 1

    # -- look ------------------------------------------------------------------------------------

    def __len__(self) -> int:
        """How many lines."""
        return self._count

    @property
    def jobs(self) -> int:
        """How many jobs match."""
        return len(self._order)

    def numbers(self) -> list[int]:
        """The jobs that match, in order."""
        return [entry[2] for entry in self._order]

    def line(self, index: int) -> int | Heading:
        """The number of the job in a line, or the heading there. Raises IndexError."""
        if not self.choice.group:
            return int(self._order[index][2])
        group = bisect_right(self._starts, index) - 1
        within = index - self._starts[group]
        name = self._names[group]
        if within == 0:
            return Heading(name, self._sizes[name], name in self.folded)
        return int(self._order[self._before(group) + within - 1][2])

    def place(self, number: int) -> int | None:
        """The line of a job; None where it is not shown."""
        entry = self._entries.get(number)
        if entry is None or entry[0] in self.folded:
            return None
        at = bisect_left(self._order, entry)
        if not self.choice.group:
            return at
        group = self._names.index(entry[0])
        return self._starts[group] + 1 + at - self._before(group)

    def _before(self, group: int) -> int:
        """How many jobs stand in the groups before."""
        return bisect_left(self._order, (self._names[group],))


class _Reversed:
    """A key that sorts the other way round."""

    __slots__ = ("key",)

    def __init__(self, key: Any) -> None:
        self.key = key

    def __lt__(self, other: "_Reversed") -> bool:
        return bool(other.key < self.key)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Reversed) and other.key == self.key

    __hash__ = None  # type: ignore[assignment]
