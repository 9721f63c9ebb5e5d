"""Removes what :mod:`labd.jobs.retention` says may go, a little at a time.

First the folders of some jobs go, then, in one transaction, their records, attempts and events. Whatever
happens in between leaves jobs that have ended and have no output any more, and the next run removes them.
An array goes task by task, and then itself. Between two steps everybody else has their turn.
"""

import logging
from collections.abc import Awaitable, Callable, Collection, Iterator, Sequence
from functools import partial
from typing import NamedTuple, TypeVar

import msgspec
import trio

from labd.jobs import folders, removal, retention
from labd.jobs.census import Census, Counter
from labd.jobs.decide import Clocks, Draft
from labd.jobs.queue import Queue
from labd.jobs.retention import SETTLED, Limits, Plan
from labd.store import eventlog, owners
from labd.store.blobs import Blobs
from labd.store.writer import Store

T = TypeVar("T")
log = logging.getLogger("labd.jobs")

STEP = 40
"""Jobs that go in one transaction: it holds up those who wait for theirs by some milliseconds."""

EVENTS = 500
"""Events that go in one transaction."""

PAUSE = 0.01
"""Seconds between two steps, about as long as one takes."""


class Counts(msgspec.Struct):
    """What went, or would. Jobs count with their tasks; bytes are those of folders and blobs."""

    jobs: int = 0
    folders: int = 0
    events: int = 0
    environments: int = 0
    blobs: int = 0
    bytes: int = 0


class Outcome(msgspec.Struct, frozen=True):
    """What *went*, how many jobs (an array as one) or lone folders are *left* to go, and the paths that
    could not be removed, each with the reason."""

    went: Counts
    left: int
    kept: dict[str, str]


class Things(NamedTuple):
    """What is collected from."""

    store: Store
    queue: Queue
    counter: Counter
    blobs: Blobs


class Collector:
    """Removes what *limits* do not keep. *collected* is told from which number on the log is whole."""

    def __init__(
        self, things: Things, state_dir: str, clock: Clocks, collected: Callable[[int], None]
    ) -> None:
        self.limits = Limits()
        self._things = things
        self._state_dir = state_dir
        self._clock = clock
        self._collected = collected
        self._turn = trio.Lock()

    async def would(self) -> Outcome:
        """What there is to remove now. Raises StoreUnavailable."""
        run = await self._begin(0.0, sizes=True)
        return Outcome(await run.would(), run.left, {})

    async def collect(self, actor: str = "labd", seconds: float = 30.0) -> Outcome:
        """Remove what may go, for *seconds* or until all is gone. Raises StoreUnavailable.

        One at a time: whoever comes second waits, and finds less.
        """
        async with self._turn:
            run = await self._begin(seconds)
            try:
                await run.remove()
            finally:
                folders.remove_empty(self._state_dir, self._things.queue.highest)
                self._tell(run, actor)
            return Outcome(run.went, run.left, run.kept)

    async def _begin(self, seconds: float, sizes: bool = False) -> "Run":
        census = await self._things.counter.take(self.limits, sizes)
        now = self._clock.wall()
        ask = partial(
            retention.plan, census.units, census.named.wanted, self.limits, now, census.blobs, census.strays
        )
        plan = await trio.to_thread.run_sync(ask)
        deadline = trio.current_time() + seconds
        return Run(self._things, census, plan, self.limits, now, deadline)

    def _tell(self, run: "Run", actor: str) -> None:
        for path, why in run.kept.items():
            log.warning("%s cannot be removed: %s", path, why)
        if any(msgspec.structs.astuple(run.went)):
            self._collected(self._things.store.read(eventlog.bounds)[0])
            self._things.queue.record([Draft("store.collected", msgspec.to_builtins(run.went), actor)])


class Run:
    """One removal: what was found, what is to go, what has gone."""

    def __init__(
        self, things: Things, census: Census, plan: Plan, limits: Limits, now: float, deadline: float
    ) -> None:
        self._store, self._queue, self._counter, self._blobs = things
        self._census = census
        self._plan = plan
        self._limits = limits
        self._now = now
        self._deadline = deadline
        self._units = {unit.id: unit for unit in census.units}
        self._seen = census.named.last
        self.left = len(plan.jobs) + len(plan.folders) + len(plan.strays)
        self.went = Counts()
        self.kept: dict[str, str] = {}

    # -- what would go ---------------------------------------------------------------------------

    async def would(self) -> Counts:
        """The same as :meth:`remove` would count, without a change."""
        members = [number for unit in self._plan.jobs for number in await self._members(unit)]
        lone = [n for number in self._plan.folders for n in await self._members(number)]
        paths = self._paths([*members, *lone, *self._plan.strays])
        doomed = frozenset(self._plan.jobs)
        old = await self._counter.unused_blobs(doomed)
        sizes = [size for digest in old if (size := self._blobs.size(digest, self._now - SETTLED))]
        return Counts(
            jobs=len(members),
            folders=len(paths),
            events=len(await self._old_events()) + await self._events_about(members),
            environments=len(await self._counter.unused_environments(doomed)),
            blobs=len(sizes),
            bytes=sum(self._census.sizes.get(path, 0) for path in paths) + sum(sizes),
        )

    async def _events_about(self, numbers: Sequence[int]) -> int:
        return sum([
            await self._store.read_slow(partial(removal.events_about, numbers=part))
            for part in _parts(numbers, removal.PAGE)
        ])  # fmt: skip

    # -- what goes -------------------------------------------------------------------------------

    async def remove(self) -> None:
        """Remove as much as there is time for; what is quick to find goes when all else has gone."""
        await self._each(self._plan.jobs, self._whole)
        await self._each(self._plan.folders, self._thin)
        await self._each(self._plan.strays, self._stray)
        await self._events()
        if not self.left:
            await self._environments()
            await self._unused_blobs()

    async def _each(self, numbers: Sequence[int], remove: Callable[[list[int]], Awaitable[None]]) -> None:
        for part in _parts(numbers, STEP):
            await remove(part)
            if self._over:
                return
            self.left -= len(part)

    @property
    def _over(self) -> bool:
        return trio.current_time() >= self._deadline

    async def _whole(self, units: list[int]) -> None:
        """Remove jobs, and arrays after their tasks. Nobody finds them from now on."""
        ended = [unit for unit in units if unit not in self._queue.live]
        self._queue.leaving = frozenset(ended)
        try:
            members = [number for unit in ended for number in await self._members(unit)]
            for part in _parts(members, STEP):
                if self._over:
                    return
                await self._rows(await self._without_folders(part))
                await trio.sleep(PAUSE)
        finally:
            self._queue.leaving = frozenset()

    async def _rows(self, numbers: Collection[int]) -> None:
        """The records of these, whose folders are gone."""
        removed = await self._store.write(partial(removal.remove, numbers=numbers, above=self._seen))
        self._seen = removed.since.last
        self._queue.removed(removed.states)
        self.went.jobs += removed.jobs
        self.went.events += removed.events

    async def _thin(self, units: list[int]) -> None:
        for unit in units:
            if unit not in self._queue.live:
                await self._without_folders(await self._members(unit))
                await trio.sleep(PAUSE)

    async def _stray(self, numbers: list[int]) -> None:
        """Folders of jobs that nobody knows: those of a time before the store was restored."""
        unknown = [n for n in numbers if not self._store.read(partial(removal.exists, number=n))]
        await self._without_folders([n for n in unknown if n not in self._queue.live])

    async def _members(self, unit: int) -> list[int]:
        """A job, or the tasks of an array and then the array."""
        if self._units[unit].rows == 1:
            return [unit]
        return [*await self._store.read_slow(partial(removal.tasks, array=unit)), unit]

    async def _without_folders(self, numbers: Sequence[int]) -> list[int]:
        """Remove the folders of these; those of which none is left."""
        went, kept = await trio.to_thread.run_sync(_removed, self._paths(numbers))
        self.went.folders += len(went)
        self.went.bytes += sum(went.values())
        self.kept |= kept
        return [number for number in numbers if kept.keys().isdisjoint(self._paths([number]))]

    def _paths(self, numbers: Sequence[int]) -> list[str]:
        return [path for number in numbers for path in self._census.folders.get(number, ())]

    # -- what nothing names ----------------------------------------------------------------------

    async def _events(self) -> None:
        for part in _parts(await self._old_events(), EVENTS):
            self.went.events += await self._store.write(partial(eventlog.remove, numbers=part))
            await trio.sleep(PAUSE)

    async def _old_events(self) -> list[int]:
        loose: list[tuple[int, float]] = []
        above = 0
        while page := await self._store.read_slow(partial(eventlog.loose, above=above, limit=20_000)):
            loose += page
            above = page[-1][0]
        return retention.old_events(loose, self._limits, self._now)

    async def _environments(self) -> None:
        for part in _parts(await self._counter.unused_environments(), STEP):
            remove = partial(removal.remove_environments, digests=part, above=self._seen)
            self.went.environments += await self._store.write(remove)
            await trio.sleep(PAUSE)

    async def _unused_blobs(self) -> None:
        """Whoever is about to name one has asked for it within the last day, and that keeps it."""
        for part in _parts(await self._counter.unused_blobs(), STEP):
            remove = partial(_removed_blobs, self._blobs, part, self._now - SETTLED)
            went = await trio.to_thread.run_sync(remove)
            await self._store.write(partial(owners.forget, digests=list(went)))
            self.went.blobs += len(went)
            self.went.bytes += sum(went.values())


def _removed(paths: Sequence[str]) -> tuple[dict[str, int], dict[str, str]]:
    """The bytes of each folder that went, and why others did not. Blocks."""
    went, kept = {}, {}
    for path in paths:
        try:
            went[path] = folders.remove(path)
        except OSError as error:
            kept[path] = str(error)
    return went, kept


def _removed_blobs(blobs: Blobs, digests: Sequence[str], before: float) -> dict[str, int]:
    sizes = {digest: blobs.remove(digest, before) for digest in digests}
    return {digest: size for digest, size in sizes.items() if size is not None}


def _parts(items: Sequence[T], size: int) -> Iterator[list[T]]:
    return (list(items[start : start + size]) for start in range(0, len(items), size))
