"""Copies of a database that is being written; the newest few are kept."""

import calendar
import os
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
import trio

from labd.errors import StateError, StoreUnavailable
from labd.store import Store, connect, keeping, run_snapshots, snapshot
from tests.store.rows import Open, add, fill, numbers
from tests.support import wait_until_async

pytestmark = pytest.mark.real


async def test_a_snapshot_taken_while_writing_is_of_one_moment(store: Store, tmp_path: Path) -> None:
    stored: list[int] = []

    async def write() -> None:
        while True:
            stored.append(await store.write(add(len(stored) + 1, "x" * 2000)))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(write)
        for number in range(5):
            await wait_until_async(lambda: len(stored) > 10)
            known = len(stored)
            await store.snapshot(str(tmp_path / f"{number}.db"))
            with closing(connect.reader(str(tmp_path / f"{number}.db"), immutable=True)) as copy:
                found = numbers(copy)
            assert found == list(range(1, len(found) + 1))
            assert len(found) >= known
        nursery.cancel_scope.cancel()


async def test_the_service_keeps_the_newest(store: Store, nursery: trio.Nursery) -> None:
    await store.write(add(1))
    taken: set[str] = set()
    await nursery.start(run_snapshots, store, 0.01, 2)
    await wait_until_async(lambda: taken.update(snapshot.newest_first(store.path)) or len(taken) >= 5)
    await wait_until_async(lambda: len(snapshot.newest_first(store.path)) == 2)


async def test_the_first_snapshot_is_due_an_interval_after_the_newest(
    store: Store, autojump_clock: trio.testing.MockClock
) -> None:
    made = snapshot.take_dated(store.path, 0.0, keep=3)
    os.utime(made, (1000.0, 1000.0))
    store.now = lambda: 1600.0
    assert keeping._until_due(store, 3600.0) == 3000.0
    store.now = lambda: 9999.0
    assert keeping._until_due(store, 3600.0) == 0.0
    store.now = lambda: 0.0
    assert keeping._until_due(store, 3600.0) == 3600.0


async def test_a_snapshot_that_fails_is_logged_and_tried_again(
    store: Store, nursery: trio.Nursery, caplog: pytest.LogCaptureFixture
) -> None:
    folder = trio.Path(snapshot.folder(store.path))
    await folder.write_text("in the way")
    await nursery.start(run_snapshots, store, 0.01, 2)
    await wait_until_async(lambda: "no snapshot of" in caplog.text)
    await folder.unlink()
    await wait_until_async(lambda: snapshot.newest_first(store.path))


def test_a_damaged_database_makes_no_snapshot(path: str, opened: Open) -> None:
    fill(opened(), 200)
    data = bytearray(Path(path).read_bytes())
    data[9 * 4096 : 10 * 4096] = bytes(4096)
    Path(path).write_bytes(data)
    with pytest.raises((StateError, StoreUnavailable)):
        snapshot.take_dated(path, 0.0, keep=1)
    assert os.listdir(snapshot.folder(path)) == []


def test_snapshots_of_one_second_are_told_apart_and_sorted(path: str, opened: Open) -> None:
    opened()
    taken = [snapshot.take_dated(path, 0.0, keep=9) for _ in range(3)]
    assert snapshot.newest_first(path) == list(reversed(taken))


def test_a_snapshot_of_nothing_says_so(tmp_path: Path) -> None:
    with pytest.raises(StoreUnavailable, match=r"gone\.db"):
        snapshot.take(str(tmp_path / "gone.db"), str(tmp_path / "copy.db"))


def test_the_copy_is_a_database_that_labd_opens(path: str, opened: Open, tmp_path: Path) -> None:
    fill(opened(), 10)
    snapshot.take(path, str(tmp_path / "copy.db"))
    with closing(sqlite3.connect(tmp_path / "copy.db")) as copy:
        assert numbers(copy) == list(range(1, 11))


def test_names_from_a_clock_that_was_ahead_do_not_push_out_what_is_new(path: str) -> None:
    Store.open(path).close()
    for year in (2097, 2098, 2099):
        snapshot.take_dated(path, calendar.timegm((year, 1, 1, 0, 0, 0)), 3)
    made = [snapshot.take_dated(path, 1_000_000.0 + n, 2) for n in range(3)]
    assert snapshot.newest_first(path) == made[:0:-1]
