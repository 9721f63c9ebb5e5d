"""When the store is back, nothing is accepted before memory is again what the disk says. R17."""

import sqlite3
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import trio

from labd.api.jobs import JobSpec
from labd.api.methods import Peer, Role
from labd.daemon.events import Bus
from labd.daemon.healing import Healer
from labd.errors import StoreUnavailable
from labd.jobs import table
from labd.jobs.clock import SystemClock
from labd.jobs.queue import Queue
from labd.store import Store, connect
from tests.support import wait_until_async

pytestmark = pytest.mark.real

PEER = Peer(pid=1, uid=0, gid=0, name="root", role=Role.ADMIN)


class Weak(sqlite3.Connection):
    """A connection that cannot commit while *full*."""

    full = False

    def execute(self, sql: str, *parameters: object) -> sqlite3.Cursor:  # type: ignore[override]
        if Weak.full and sql.startswith("COMMIT"):
            error = sqlite3.OperationalError("database or disk is full")
            error.sqlite_errorcode = sqlite3.SQLITE_FULL
            raise error
        return super().execute(sql, *parameters)  # type: ignore[arg-type]


async def nothing_older(seq: int, limit: int) -> list[object]:
    return []


@pytest.fixture(autouse=True)
def quick_switches() -> Iterator[None]:
    """Clients that ask at every turn would starve the thread that writes."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-4)
    yield
    sys.setswitchinterval(before)


async def test_r17_no_job_is_accepted_that_the_queue_then_forgets(
    nursery: trio.Nursery, tmp_path: Path
) -> None:
    """Five clients ask at every turn of the loop, so that some do between the opening and the reading."""
    store = Store.open(str(tmp_path / "labd.db"), make=lambda path: connect.writer(path, Weak))
    await nursery.start(store.run)
    queue = Queue(store, Bus(0, nothing_older), SystemClock())  # type: ignore[arg-type]
    queue.load()
    await nursery.start(Healer(store, lambda: read_anew(queue), lambda cause, seconds: None).run)
    accepted: list[int] = []

    async def client() -> None:
        while True:
            try:
                accepted.append((await queue.submit(JobSpec(argv=("true",)), PEER, None))[0].id)
                await trio.sleep(0.003)
            except StoreUnavailable:
                await trio.lowlevel.checkpoint()

    with trio.CancelScope() as scope:
        async with trio.open_nursery() as clients:
            for _ in range(5):
                clients.start_soon(client)
            for _ in range(2):
                await break_and_heal(store)
                healed = len(accepted)
                await wait_until_async(lambda before=healed: len(accepted) > before + 5)  # type: ignore[misc]
            scope.cancel()
    assert len(accepted) == len(set(accepted))
    assert set(accepted) <= {job.id for job in store.read(table.live_jobs)[0]} <= set(queue.live)
    store.close()


def read_anew(queue: Queue) -> None:
    queue.load()


async def break_and_heal(store: Store) -> None:
    Weak.full = True
    await store.wait_failed()
    Weak.full = False
    await wait_until_async(lambda: not store.failed)
