"""Accounting: what jobs held of the machine, and how well they used it. Pure, but for the local time zone.

A run is an attempt, from its start to its end, or to now while it runs. It can be cut: at the ends of the
time that is asked about, and at midnight. The attempt and its job count where the last piece is.
"""

import statistics
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import msgspec

REMOVED = "(removed)"
"""Stands for the name and tags of jobs that were removed."""

QUARTER = 900
"""Seconds: days begin at a multiple of this in every time zone."""


class Run(NamedTuple):
    """One attempt, or a piece of it. *state* is how its job ended, ``running`` while it runs, and empty when
    another attempt followed or will. *used* are seconds of processor time, *peak* and *memory* bytes, *wait*
    is how long the job had waited for its first attempt; None: not known, or not the first."""

    user: str
    group: str
    name: str
    tags: tuple[str, ...]
    state: str
    start: float
    end: float
    cores: float = 0.0
    gpus: float = 0.0
    memory: int = 0
    used: float | None = None
    peak: int | None = None
    wait: float | None = None
    last: bool = True

    def piece(self, start: float, end: float) -> "Run":
        """The part from *start* to *end*; processor time is taken for evenly spread."""
        share = (end - start) / (self.end - self.start) if self.end > self.start else 1.0
        used = None if self.used is None else self.used * share
        return self._replace(start=start, end=end, used=used, last=self.last and end == self.end)

    def within(self, since: float, until: float) -> "Run | None":
        """The part between *since* and *until*, if there is one."""
        if self.start >= since and self.end <= until:
            return self
        if self.end < since or self.start > until:
            return None
        return self.piece(max(self.start, since), min(self.end, until))


class Sums(msgspec.Struct):
    """What runs come to. ``cpu_of`` are the core-seconds of those whose processor time is known,
    ``peak_of`` the bytes that those asked for whose peak is known."""

    jobs: int = 0
    succeeded: int = 0
    failed: int = 0
    cancelled: int = 0
    running: int = 0
    attempts: int = 0
    core_seconds: float = 0.0
    gpu_seconds: float = 0.0
    memory_seconds: float = 0.0
    cpu_seconds: float = 0.0
    cpu_of: float = 0.0
    peak: float = 0.0
    peak_of: float = 0.0
    waits: list[float] = []

    def add(self, run: Run) -> None:
        seconds = run.end - run.start
        self.core_seconds += run.cores * seconds
        self.gpu_seconds += run.gpus * seconds
        self.memory_seconds += run.memory * seconds
        if run.used is not None and run.cores:
            self.cpu_seconds += run.used
            self.cpu_of += run.cores * seconds
        if run.last:
            self._add_end(run)

    def _add_end(self, run: Run) -> None:
        self.attempts += 1
        if run.state:
            field = run.state if run.state in _ALONE else "failed"
            self.jobs += 1
            setattr(self, field, getattr(self, field) + 1)
        if run.peak is not None and run.memory:
            self.peak += run.peak
            self.peak_of += run.memory
        if run.wait is not None:
            self.waits.append(run.wait)

    def merge(self, counts: Iterable[float]) -> None:
        """Add *counts*, in the order of :data:`COUNTS`."""
        for field, count in zip(COUNTS, counts, strict=True):
            setattr(self, field, getattr(self, field) + count)

    def include(self, other: "Sums") -> None:
        """Add all of *other*."""
        self.merge(other.counts)
        self.waits += other.waits

    @property
    def counts(self) -> tuple[float, ...]:
        return tuple(getattr(self, field) for field in COUNTS)

    def shown(self) -> dict[str, Any]:
        """As clients see it, with the shares that follow (None: not known)."""
        plain = {
            field: getattr(self, field) for field in COUNTS if field not in ("cpu_of", "peak", "peak_of")
        }
        return plain | {
            "cpu_efficiency": self.cpu_seconds / self.cpu_of if self.cpu_of else None,
            "memory_efficiency": self.peak / self.peak_of if self.peak_of else None,
            "median_wait": statistics.median(self.waits) if self.waits else None,
        }


COUNTS = tuple(name for name in Sums.__struct_fields__ if name != "waits")
_ALONE = frozenset({"succeeded", "cancelled", "running"})
"""States with a count of their own; the others are failures."""


class Days:
    """The local days of moments, as ``2026-01-31``."""

    def __init__(self) -> None:
        self._known: dict[int, str] = {}

    def of(self, moment: float) -> str:
        quarter = int(moment // QUARTER)
        if quarter not in self._known:
            self._known[quarter] = time.strftime("%Y-%m-%d", time.localtime(quarter * QUARTER))
        return self._known[quarter]

    def pieces(self, run: Run) -> Iterator[tuple[str, Run]]:
        """*run* cut at midnight, each piece with its day."""
        day = self.of(run.start)
        while day != self.of(run.end):
            midnight = self._after(run.start, day)
            if midnight >= run.end:
                break  # it ended at midnight sharp: nothing of it is of the next day
            yield day, run.piece(run.start, midnight)
            run = run.piece(midnight, run.end)
            day = self.of(run.start)
        yield day, run

    def _after(self, moment: float, day: str) -> float:
        after = (moment // QUARTER + 1) * QUARTER
        while self.of(after) == day:
            after += QUARTER
        return after


def add_up(runs: Iterable[Run], by: str, since: float, until: float) -> tuple[dict[str, Sums], Sums]:
    """The sums of *runs* from *since* to *until* for each key of *by*, and in all."""
    found: defaultdict[str, Sums] = defaultdict(Sums)
    total, days = Sums(), Days()
    parts = (part for run in runs if (part := run.within(since, until)) is not None)
    if by in ("user", "group", "name"):  # nothing is cut or counted twice, and there may be very many
        for part in parts:
            found[getattr(part, by)].add(part)
        for sums in found.values():
            total.include(sums)
        return found, total
    for part in parts:
        total.add(part)
        for key, piece in days.pieces(part) if by == "day" else _tagged(part):
            found[key].add(piece)
    return found, total


def _tagged(run: Run) -> list[tuple[str, Run]]:
    return [(tag, run) for tag in run.tags or ("",)]


def daily(runs: Iterable[Run]) -> dict[tuple[str, str, str], Sums]:
    """The sums of *runs* by day, user and group: what is kept of jobs that are removed."""
    found: dict[tuple[str, str, str], Sums] = {}
    days = Days()
    for run in runs:
        for day, piece in days.pieces(run):
            found.setdefault((day, run.user, run.group), Sums()).add(piece)
    return found
