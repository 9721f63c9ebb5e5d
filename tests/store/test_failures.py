"""R17 and R18: a full disk and a failing one. Nothing is acknowledged that is not stored; labd heals."""

import contextlib
import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import trio

from labd.errors import StoreUnavailable
from labd.store import Store, connect
from tests.store.rows import Open, add, numbers

pytestmark = pytest.mark.real
WRITER = str(Path(__file__).with_name("crash_writer.py"))


class Weak(sqlite3.Connection):
    """A connection whose statements that begin with one of *fails* end in a full disk."""

    fails: tuple[str, ...] = ()

    def execute(self, sql: str, *parameters: object) -> sqlite3.Cursor:  # type: ignore[override]
        if sql.startswith(Weak.fails or "\0"):
            error = sqlite3.OperationalError("database or disk is full")
            error.sqlite_errorcode = sqlite3.SQLITE_FULL
            raise error
        return super().execute(sql, *parameters)  # type: ignore[arg-type]


@pytest.fixture
async def weak(opened: Open, nursery: trio.Nursery) -> Store:
    Weak.fails = ()
    store = opened(make=lambda path: connect.writer(path, Weak), checkpoint_every=5)
    await nursery.start(store.run)
    return store


async def test_r17_the_batch_and_all_behind_it_fail_until_the_store_is_reopened(weak: Store) -> None:
    await weak.write(add(1))
    Weak.fails = ("COMMIT",)
    told: list[BaseException | None] = []
    for number in range(2, 10):
        weak.enqueue(add(number), lambda value, error: told.append(error))
    await weak.wait_failed()
    Weak.fails = ()
    with pytest.raises(StoreUnavailable, match="disk is full"):
        await weak.write(add(10))
    assert [type(error) for error in told] == [StoreUnavailable] * 8
    assert weak.statistics().state == "failed"
    await weak.reopen()
    await weak.write(add(11))
    assert weak.read(numbers) == [1, 11]
    assert (weak.statistics().state, weak.statistics().failures) == ("open", 1)


async def test_r17_the_refusal_names_the_file_the_cause_and_the_cure(weak: Store) -> None:
    Weak.fails = ("COMMIT",)
    with pytest.raises(StoreUnavailable) as caught:
        await weak.write(add(1))
    assert weak.path in caught.value.message
    assert "full" in caught.value.message
    assert "free space" in caught.value.hint
    with pytest.raises(StoreUnavailable, match="full"):
        weak.check()


@pytest.mark.parametrize("statement", ["PRAGMA wal_checkpoint", "PRAGMA quick_check", "INSERT OR REPLACE"])
async def test_reopening_fails_while_the_fault_persists(weak: Store, statement: str) -> None:
    await weak.write(add(1))
    Weak.fails = ("COMMIT", statement)
    with pytest.raises(StoreUnavailable):
        await weak.write(add(2))
    for _ in range(2):
        with pytest.raises(StoreUnavailable, match="full"):
            await weak.reopen()
        assert weak.failed
    assert weak.read(numbers) == [1]
    Weak.fails = ()
    await weak.reopen()
    assert await weak.write(add(3)) == 3
    assert weak.read(numbers) == [1, 3]


async def test_a_failing_checkpoint_fails_the_store_but_no_acknowledged_change(weak: Store) -> None:
    Weak.fails = ("PRAGMA wal_checkpoint",)
    for number in range(1, 6):
        await weak.write(add(number))
    await weak.wait_failed()
    with pytest.raises(StoreUnavailable):
        await weak.write(add(6))
    Weak.fails = ()
    await weak.reopen()
    assert weak.read(numbers) == [1, 2, 3, 4, 5]


async def test_closing_a_failed_store_keeps_what_was_acknowledged(weak: Store, opened: Open) -> None:
    await weak.write(add(1))
    Weak.fails = ("COMMIT", "PRAGMA wal_checkpoint")
    with pytest.raises(StoreUnavailable):
        await weak.write(add(2))
    weak.close()
    assert weak._thread is not None
    await trio.to_thread.run_sync(weak._thread.join)
    Weak.fails = ()
    assert opened().read(numbers) == [1]


async def test_reopening_a_healthy_store_changes_nothing(store: Store) -> None:
    await store.write(add(1))
    await store.reopen()
    assert not store.failed
    assert await store.write(add(2)) == 2


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 4 MiB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=4m", "labd-test", str(folder)]
    if not shutil.which("mount") or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("may not mount a tmpfs: needs root")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


async def test_r17_a_full_disk_refuses_and_heals_when_space_returns(small_disk: Path) -> None:
    store = Store.open(str(small_disk / "labd.db"), checkpoint_every=50)
    ballast, stored = small_disk / "ballast", list[int]()
    async with trio.open_nursery() as nursery:
        await nursery.start(store.run)
        ballast.write_bytes(bytes(2 << 20))
        while not store.failed:
            with contextlib.suppress(StoreUnavailable):
                stored.append(await store.write(add(len(stored) + 1, "x" * 8000)))
        assert store.cause is not None
        assert "free space" in store.cause.hint
        assert store.read(numbers) == stored
        ballast.unlink()
        await store.reopen()
        stored.append(await store.write(add(len(stored) + 1)))
        store.close()
    with contextlib.closing(Store.open(str(small_disk / "labd.db"))) as again:
        assert (again.repair, again.read(numbers)) == (None, stored)


@pytest.mark.skipif(not shutil.which("strace"), reason="needs the package strace")
@pytest.mark.parametrize(
    "fault",
    [
        "fdatasync:error=EIO:when=6..8",  # in a commit
        "fdatasync:error=EIO:when=8..10",  # in a checkpoint
        "pwrite64:error=ENOSPC:when=20..40",
        "pwrite64:error=EIO:when=30..33",
    ],
)
def test_r18_nothing_is_acknowledged_while_the_disk_fails_and_nothing_is_lost(path: str, fault: str) -> None:
    with contextlib.closing(Store.open(path)):
        pass
    argv = [sys.executable, WRITER, os.path.dirname(path), "FULL", "1", "60", "go"]
    strace = ["strace", "-f", "-qq", "-o", "/dev/null", "-e", "trace=fdatasync,pwrite64"]
    strace += ["-e", f"inject={fault}"]
    done = subprocess.run([*strace, *argv], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    said = [line.split() for line in done.stdout.splitlines() if line]
    stored = {int(words[1]) for words in said if words[0] == "ACK"}
    refused = {int(words[1]) for words in said if words[0] == "REFUSED"}
    assert ["REOPENED"] in said
    assert not acknowledged_while_failed([words[0] for words in said])
    with contextlib.closing(Store.open(path)) as store:
        assert store.repair is None
        assert set(store.read(numbers)) == stored
    assert stored | refused == set(range(1, max(stored) + 1))


def acknowledged_while_failed(said: list[str]) -> bool:
    failed = False
    for word in said:
        failed = word != "REOPENED" and (failed or word == "REFUSED")
        if failed and word == "ACK":
            return True
    return False
