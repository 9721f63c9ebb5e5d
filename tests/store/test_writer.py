"""Group commit, its order and its isolation; reading; closing."""

import os
import sqlite3
import stat
from typing import Any

import pytest
import trio

from labd.errors import InternalError, StoreUnavailable
from labd.store import Store
from labd.store.thread import MAX_BATCH, Item
from tests.store.rows import Open, add, numbers

pytestmark = pytest.mark.real


async def test_many_writers_share_few_commits(store: Store) -> None:
    async with trio.open_nursery() as nursery:
        for number in range(400):
            nursery.start_soon(store.write, add(number + 1))
    shown = store.statistics()
    assert shown.changes == 400
    assert shown.commits <= 100
    assert shown.mean_batch >= 4
    assert 0 < shown.median_commit < 30


async def test_a_batch_is_never_larger_than_its_limit(opened: Open, nursery: trio.Nursery) -> None:
    store = opened()
    for number in range(MAX_BATCH + 1):
        store.enqueue(add(number + 1))
    await nursery.start(store.run)
    await store.write(add(MAX_BATCH + 2))
    assert store.statistics().commits >= 2


async def test_outcomes_come_in_the_order_of_the_changes_and_on_the_loop(store: Store) -> None:
    told: list[int] = []

    def tell(value: int, error: BaseException | None) -> None:
        trio.lowlevel.current_trio_token()  # raises in any other thread
        told.append(value)

    for number in range(300):
        store.enqueue(add(number + 1), tell)
    await store.write(lambda _: None)
    assert told == list(range(1, 301))


async def test_what_was_acknowledged_can_be_read_at_once(store: Store) -> None:
    for number in range(1, 20):
        await store.write(add(number))
        assert store.read(numbers)[-1] == number


async def test_a_change_that_raises_rolls_back_alone(store: Store) -> None:
    def half(connection: sqlite3.Connection) -> None:
        add(2)(connection)
        raise ValueError("no")

    told: list[Any] = []
    for change in (add(1), half, add(3), add(3), add(4)):
        store.enqueue(change, lambda value, error: told.append(error or value))
    await store.write(lambda _: None)
    assert store.read(numbers) == [1, 3, 4]
    assert told[0::2] == [1, 3, 4]
    assert isinstance(told[1], ValueError)
    assert isinstance(told[3], sqlite3.IntegrityError)
    assert not store.failed


async def test_write_raises_what_the_change_raises(store: Store) -> None:
    await store.write(add(1))
    with pytest.raises(sqlite3.IntegrityError, match="UNIQUE"):
        await store.write(add(1))


async def test_a_change_that_exits_harms_nobody(store: Store) -> None:
    def leave(_: sqlite3.Connection) -> None:
        raise SystemExit(3)

    with pytest.raises(InternalError, match="raised SystemExit"):
        await store.write(leave)
    assert await store.write(add(1)) == 1


async def test_a_callback_that_raises_does_not_silence_the_next(
    store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    told: list[int] = []
    store.enqueue(add(1), lambda value, error: 1 / 0)  # type: ignore[arg-type, return-value]
    store.enqueue(add(2), lambda value, error: told.append(value))
    await store.write(lambda _: None)
    assert told == [2]
    assert "ZeroDivisionError" in caplog.text


async def test_a_cancelled_writer_waits_for_the_answer(store: Store) -> None:
    with trio.CancelScope() as scope:
        scope.cancel()
        await store.write(add(1))
    assert scope.cancelled_caught
    with trio.CancelScope() as scope:
        store.enqueue(lambda _: None, lambda value, error: scope.cancel())
        assert await store.write(add(2)) == 2
    assert store.read(numbers) == [2]


async def test_readers_cannot_write(store: Store) -> None:
    with pytest.raises(StoreUnavailable, match="readonly"):
        store.read(add(1))
    with pytest.raises(StoreUnavailable, match="readonly"):
        await store.read_slow(add(1))


async def test_a_wrong_query_is_its_callers_fault(store: Store) -> None:
    with pytest.raises(sqlite3.OperationalError, match="no such table"):
        store.read(lambda connection: connection.execute("SELECT * FROM absent"))
    assert store.read(numbers) == []


async def test_slow_reads_see_one_moment_while_others_write(store: Store) -> None:
    def twice(connection: sqlite3.Connection) -> tuple[list[int], list[int]]:
        before = numbers(connection)
        trio.from_thread.run(store.write, add(2))
        return before, numbers(connection)

    await store.write(add(1))
    assert await store.read_slow(twice) == ([1], [1])
    assert store.read(numbers) == [1, 2]


async def test_the_log_is_carried_over_now_and_then(opened: Open, nursery: trio.Nursery) -> None:
    store = opened(checkpoint_every=10)
    await nursery.start(store.run)
    for number in range(100):
        await store.write(add(number + 1, "x" * 3000))
    shown = store.statistics()
    assert shown.file_bytes > 100 * 3000
    assert shown.log_bytes < shown.file_bytes


async def test_closing_stores_what_is_queued_and_twice_is_fine(opened: Open, path: str) -> None:
    store, told = opened(), list[int]()
    async with trio.open_nursery() as nursery:
        await nursery.start(store.run)
        for number in range(50):
            store.enqueue(add(number + 1), lambda value, error: told.append(value))
        store.close()
        store.close()
    assert told == list(range(1, 51))
    assert os.listdir(os.path.dirname(path)) == ["labd.db"]
    assert opened().read(numbers) == list(range(1, 51))


async def test_cancelling_the_service_stores_what_is_queued(opened: Open) -> None:
    store = opened()
    async with trio.open_nursery() as nursery:
        await nursery.start(store.run)
        for number in range(50):
            store.enqueue(add(number + 1))
        nursery.cancel_scope.cancel()
    assert store.statistics().state == "closed"
    assert opened().read(numbers) == list(range(1, 51))


async def test_a_closed_store_refuses(store: Store) -> None:
    store.close()
    with pytest.raises(StoreUnavailable, match="is closed"):
        store.enqueue(add(1))
    with pytest.raises(StoreUnavailable, match="is closed"):
        await store.write(add(1))
    with pytest.raises(StoreUnavailable, match="is closed"):
        store.check()


async def test_writing_before_the_service_runs_is_a_defect(opened: Open) -> None:
    with pytest.raises(InternalError, match="before the store's service runs"):
        await opened().write(add(1))


async def test_the_death_of_the_thread_is_said_and_nobody_waits_for_ever(opened: Open) -> None:
    store, told = opened(), list[BaseException | None]()

    def die() -> list[Item]:
        raise KeyboardInterrupt

    store._writer._take = die  # type: ignore[method-assign]
    store.enqueue(add(1), lambda value, error: told.append(error))
    with pytest.raises(InternalError, match="has died"):
        await store.run()
    assert isinstance(told[0], StoreUnavailable)


def test_the_files_are_for_their_owner_alone(path: str, opened: Open) -> None:
    store = opened()
    store.read(numbers)
    folder = os.path.dirname(path)
    assert stat.S_IMODE(os.stat(folder).st_mode) == 0o700
    modes = {stat.S_IMODE(os.stat(os.path.join(folder, name)).st_mode) for name in os.listdir(folder)}
    assert modes == {0o600}
