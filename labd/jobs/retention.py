"""What may go: which ended jobs, which folders, which events. Pure.

A job goes with its attempts, its folders and its events; an array goes with its tasks, as one. The oldest
go first. What ended within the last :data:`SETTLED` seconds stays whatever the limits say: its submission
may be sent again under the same key, and a damaged store may be replaced by a copy from before its end.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence, Set
from itertools import takewhile
from typing import NamedTuple

SETTLED = 86_400.0
"""Seconds after its end before anything of a job goes, and after which a blob that nobody names does."""


class Limits(NamedTuple):
    """How much is kept. Ages are seconds, None: for ever; of the counts and bytes 0 is no limit."""

    keep_jobs: float | None = None
    max_jobs: int = 0
    max_bytes: int = 0
    keep_folders: float | None = None
    keep_events: float | None = None
    max_events: int = 0


class Unit(NamedTuple):
    """An ended job, or an ended array with its tasks: *rows* jobs, that ended at *ended*.

    *size* are the bytes of its folders, *blobs* the digests that its spec names; *folders* says whether
    it has any.
    """

    id: int
    ended: float
    rows: int = 1
    folders: bool = False
    size: int = 0
    blobs: tuple[str, ...] = ()


class Plan(NamedTuple):
    """What goes, oldest first: units whole, folders of units that stay, folders that belong to no job."""

    jobs: tuple[int, ...] = ()
    folders: tuple[int, ...] = ()
    strays: tuple[int, ...] = ()


def plan(
    units: Iterable[Unit],
    wanted: Set[int],
    limits: Limits,
    now: float,
    blobs: Mapping[str, int] | None = None,
    strays: Mapping[int, float] | None = None,
) -> Plan:
    """What goes of *units*, all that ended. Those in *wanted* stay: unfinished jobs depend on them.

    *blobs* are the sizes of what the units name and no unfinished job does. *strays* are job numbers with
    folders and without a record, and when these were last touched.
    """
    oldest = sorted(units, key=lambda unit: (unit.ended, unit.id))
    free = [unit for unit in oldest if unit.id not in wanted and unit.ended <= now - SETTLED]
    gone = _gone(free, _Kept(oldest, blobs or {}), limits, now)
    return Plan(
        tuple(unit.id for unit in free[:gone]),
        tuple(
            unit.id for unit in free[gone:] if unit.folders and _past(unit.ended, limits.keep_folders, now)
        ),
        tuple(number for number, touched in (strays or {}).items() if _past(touched, limits.keep_jobs, now)),
    )


def _gone(free: Sequence[Unit], kept: "_Kept", limits: Limits, now: float) -> int:
    """How many of *free*, from the oldest on, go: what stays falls with each, so the first that may stay
    is the last to be looked at."""
    for number, unit in enumerate(free):
        over_age = _past(unit.ended, limits.keep_jobs, now)
        over_count = 0 < limits.max_jobs < kept.rows
        over_bytes = 0 < limits.max_bytes < kept.size
        if not (over_age or over_count or over_bytes):
            return number
        kept.drop(unit)
    return len(free)


class _Kept:
    """What stays so far, in sum: a blob counts as long as one unit names it."""

    def __init__(self, units: Sequence[Unit], blobs: Mapping[str, int]) -> None:
        self._blobs = blobs
        self._named = Counter(digest for unit in units for digest in unit.blobs)
        self.rows = sum(unit.rows for unit in units)
        self.size = sum(unit.size for unit in units) + sum(blobs.get(digest, 0) for digest in self._named)

    def drop(self, unit: Unit) -> None:
        self.rows -= unit.rows
        self.size -= unit.size
        for digest in unit.blobs:
            self._named[digest] -= 1
            if not self._named[digest]:
                self.size -= self._blobs.get(digest, 0)


def old_events(loose: Sequence[tuple[int, float]], limits: Limits, now: float) -> list[int]:
    """The numbers of those events that go: *loose* are (number, time) of all that are about no job that is
    there, in order. The first that is young enough keeps those after it: the clock may have been set."""
    surplus = max(0, len(loose) - limits.max_events) if limits.max_events else 0
    aged = sum(1 for _ in takewhile(lambda event: _past(event[1], limits.keep_events, now), loose))
    return [number for number, _ in loose[: max(surplus, aged)]]


def _past(since: float, age: float | None, now: float) -> bool:
    return age is not None and since < now - max(age, SETTLED)
