"""What there is that may go: read page by page, so that nobody else waits long for the disk."""

from collections.abc import Callable, Iterable, Sequence, Set
from functools import partial
from sqlite3 import Connection
from typing import Any, NamedTuple, Protocol, TypeVar

import msgspec
import trio

from labd.api.jobs import JobSpec
from labd.jobs import folders, removal
from labd.jobs.removal import Named
from labd.jobs.retention import Limits, Unit
from labd.store import owners
from labd.store.blobs import Blobs
from labd.store.writer import Store

T = TypeVar("T", bound="tuple[Any, ...]", covariant=True)


class Query(Protocol[T]):
    """Rows whose first fields are ids above a number, in order: a page of them."""

    def __call__(self, conn: Connection, above: int) -> Sequence[T]: ...


Names = Callable[[JobSpec], Iterable[str]]
"""Gives the digests of the blobs that a spec names, by its code and its array. May block."""

PIECE = 200
"""Folders that are looked at in one go."""


class Census(NamedTuple):
    """Ended jobs as units, those that unfinished ones depend on, the folders by job, when those that
    belong to no job were touched, and the sizes of blobs that only ended jobs name and of the folders; sizes
    only where they were asked for."""

    units: list[Unit]
    named: Named
    folders: dict[int, list[str]]
    strays: dict[int, float]
    blobs: dict[str, int]
    sizes: dict[str, int]


class _Record(msgspec.Struct):
    spec: JobSpec


_spec = msgspec.json.Decoder(_Record).decode


class Counter:
    """Counts what is in *store*, below *state_dir* and among *blobs*; *names* say what specs name."""

    def __init__(self, store: Store, state_dir: str, blobs: Blobs, names: Sequence[Names]) -> None:
        self._store = store
        self._state_dir = state_dir
        self._blobs = blobs
        self._names = names

    async def take(self, limits: Limits, sizes: bool = False) -> Census:
        """Raises StoreUnavailable. With *sizes*, or where a limit asks for it, folders are measured."""
        # first: a job that is new has its record before its folder, and is no stray then
        listed = await trio.to_thread.run_sync(folders.listed, self._state_dir)
        named = await self._store.read_slow(lambda conn: removal.named(conn, 0))
        rows = await self._pages(removal.ended_units)
        owner = dict(await self._pages(removal.units_above))
        measured = sizes or bool(limits.max_bytes)
        size = await self._sizes(listed) if measured else {}
        specs = await self._blobs_weighed() if measured else {}
        held = await trio.to_thread.run_sync(_by_unit, listed, owner, size)
        units = [
            Unit(row.id, row.ended, row.rows, row.id in held, held.get(row.id, 0), specs.get(row.id, ()))
            for row in rows
        ]
        ended = {row.id for row in rows}
        live = {digest for number, digests in specs.items() if number not in ended for digest in digests}
        blobs = {digest for unit in units for digest in unit.blobs} - live
        strays = await self._strays(listed, owner)
        return Census(units, named, listed, strays, self._blob_sizes(blobs), size)

    async def blobs_named(self) -> dict[int, tuple[str, ...]]:
        """The blobs that each job names; tasks do so through their arrays."""
        if not self._names or not await self._store.read_slow(owners.known):
            return {}
        found: dict[int, tuple[str, ...]] = {}
        known: dict[Any, tuple[str, ...]] = {}
        above = 0
        while rows := await self._store.read_slow(partial(removal.records, above=above)):
            found |= await trio.to_thread.run_sync(_named, rows, self._names, known)
            above = rows[-1][0]
        return found

    async def _blobs_weighed(self) -> dict[int, tuple[str, ...]]:
        try:
            return await self.blobs_named()
        except msgspec.MsgspecError:
            return {}

    async def unused_environments(self, without: Set[int] = frozenset()) -> list[str]:
        """Those that no job names, or none but *without*."""
        there = await self._store.read_slow(removal.environments)
        found = await self._pages(removal.environments_of)
        named = {digest for number, digest in found if number not in without}
        return [digest for digest in there if digest not in named]

    async def unused_blobs(self, without: Set[int] = frozenset()) -> list[str]:
        """Those that users have put and that no job names, or none but *without*."""
        there = await self._store.read_slow(owners.known) if self._names else []
        if not there:
            return []
        try:
            jobs = await self.blobs_named()
        except msgspec.MsgspecError:
            return []
        named = {digest for number, digests in jobs.items() if number not in without for digest in digests}
        return [digest for digest in there if digest not in named]

    async def _pages(self, query: Query[T]) -> list[T]:
        """All that *query* gives, from one id to the next."""
        found: list[T] = []
        above = 0
        while page := await self._store.read_slow(partial(query, above=above)):
            found += page
            above = page[-1][0]
        return found

    async def _sizes(self, listed: dict[int, list[str]]) -> dict[str, int]:
        paths = [path for each in listed.values() for path in each]
        found: dict[str, int] = {}
        for start in range(0, len(paths), PIECE):
            piece = paths[start : start + PIECE]
            found |= zip(piece, await trio.to_thread.run_sync(_measured, piece), strict=True)
        return found

    async def _strays(self, listed: dict[int, list[str]], owner: dict[int, int]) -> dict[int, float]:
        unknown = {number: paths for number, paths in listed.items() if number not in owner}
        return await trio.to_thread.run_sync(
            lambda: {number: folders.touched(paths) for number, paths in unknown.items()}
        )

    def _blob_sizes(self, digests: Iterable[str]) -> dict[str, int]:
        return {digest: self._blobs.size(digest) or 0 for digest in digests}


def _named(
    rows: Iterable[tuple[int, int, str]], names: Sequence[Names], known: dict[Any, tuple[str, ...]]
) -> dict[int, tuple[str, ...]]:
    """The blobs that the job of each row names; what many have in common is looked at once (*known*). Blocks.

    Raises msgspec.MsgspecError when the record of an unfinished job cannot be read: it may name any.
    """
    found = {}
    for number, live, record in rows:
        try:
            spec = _spec(record).spec
        except msgspec.MsgspecError:
            if live:
                raise
            continue
        key = (spec.code, spec.array)
        if key not in known:
            known[key] = tuple(digest for names_of in names for digest in names_of(spec))
        found[number] = known[key]
    return {number: digests for number, digests in found.items() if digests}


def _measured(paths: Sequence[str]) -> list[int]:
    return [folders.size(path) for path in paths]


def _by_unit(listed: dict[int, list[str]], owner: dict[int, int], size: dict[str, int]) -> dict[int, int]:
    """The bytes of the folders of each unit that has any."""
    found: dict[int, int] = {}
    for number, paths in listed.items():
        unit = owner.get(number)
        if unit is not None:
            found[unit] = found.get(unit, 0) + sum(size.get(path, 0) for path in paths)
    return found
