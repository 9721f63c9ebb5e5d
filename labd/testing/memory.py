"""The store and the blobs, nowhere on disk: they forget, and they fail when a test says so."""

import hashlib
import sqlite3
from collections.abc import Callable
from typing import Any, TypeVar

import trio

from labd.daemon.node import NodeBlobs
from labd.errors import NotFound, StateError, StoreUnavailable
from labd.store import migrate
from labd.store.batch import Done
from labd.store.blobs import check_digest
from labd.store.schema import MIGRATIONS
from labd.store.writer import Store

T = TypeVar("T")


class Disk:
    """Whether there is room; while there is none, nothing is accepted, and nothing changes."""

    def __init__(self) -> None:
        self.on_room: Callable[[], None] = lambda: None
        self._room = trio.Event()
        self._room.set()

    @property
    def full(self) -> bool:
        """Whether nothing more fits."""
        return not self._room.is_set()

    def fill(self) -> None:
        """Let no more fit on the disk."""
        self._room = trio.Event()

    def free(self) -> None:
        """Make room: labd goes on where it stopped."""
        self._room.set()
        self.on_room()

    async def wait_room(self) -> None:
        """Wait until there is room."""
        await self._room.wait()

    def error(self) -> StoreUnavailable:
        return StoreUnavailable(
            "labd.db: database or disk is full (SQLITE_FULL)", hint="make room on that file system"
        )

    def check(self) -> None:
        """Raise StoreUnavailable when it is full."""
        if self.full:
            raise self.error()


class MemoryStore(Store):
    """The twin of :class:`labd.store.writer.Store`: the same SQL, in memory, told of on the next turn."""

    def __init__(self, disk: Disk) -> None:
        self.path = "labd.db"
        self._disk = disk
        self._connection = migrate.in_memory(MIGRATIONS)

    @property
    def failed(self) -> bool:
        return self._disk.full

    @property
    def cause(self) -> StoreUnavailable | None:  # type: ignore[override]
        return self._disk.error() if self._disk.full else None

    def enqueue(self, change: Callable[[sqlite3.Connection], T], done: Done | None = None) -> None:
        value, error = self._applied(change)
        if done is not None:
            _soon(done, value, error)

    async def write(self, change: Callable[[sqlite3.Connection], T]) -> T:
        await trio.lowlevel.checkpoint()
        value, error = self._applied(change)
        if error is not None:
            raise error
        answer: T = value
        return answer

    def read(self, query: Callable[[sqlite3.Connection], T]) -> T:
        return query(self._connection)

    async def read_slow(self, query: Callable[[sqlite3.Connection], T]) -> T:
        await trio.lowlevel.checkpoint()
        return query(self._connection)

    def close(self) -> None:
        self._connection.close()

    def _applied(self, change: Callable[[sqlite3.Connection], T]) -> tuple[Any, Exception | None]:
        if self._disk.full:
            return None, self._disk.error()
        self._connection.execute("BEGIN")
        try:
            value = change(self._connection)
        except Exception as error:
            self._connection.execute("ROLLBACK")
            return None, error
        self._connection.execute("COMMIT")
        return value, None


def _soon(done: Done, value: Any, error: BaseException | None) -> None:
    """As from a thread: not before whoever asked has gone on. Outside of trio there is nobody else."""
    try:
        trio.lowlevel.current_trio_token().run_sync_soon(done, value, error)
    except RuntimeError:
        done(value, error)


class MemoryBlobs(NodeBlobs):
    """The twin of :class:`labd.daemon.node.NodeBlobs`."""

    def __init__(self, disk: Disk) -> None:
        self._disk = disk
        self._kept: dict[str, bytes] = {}

    async def put(self, data: bytes) -> str:
        await trio.lowlevel.checkpoint()
        self._disk.check()
        digest = hashlib.sha256(data).hexdigest()
        self._kept[digest] = bytes(data)
        return digest

    async def get(self, digest: str) -> bytes:
        await trio.lowlevel.checkpoint()
        check_digest(digest)
        if digest not in self._kept:
            raise NotFound(f"no blob {digest} in blobs")
        data = self._kept[digest]
        if hashlib.sha256(data).hexdigest() != digest:
            raise StateError(f"blobs/{digest} has changed on disk", hint="check the disk; submit again")
        return data

    def damage(self, digest: str) -> None:
        """Turn the first byte of a blob over, as a bad disk would. Raises KeyError for an unknown one."""
        data = self._kept[digest]
        self._kept[digest] = bytes([data[0] ^ 0xFF]) + data[1:] if data else b"?"
