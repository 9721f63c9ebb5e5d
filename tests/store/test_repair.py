"""A damaged database is set aside and the newest good snapshot takes its place; never in silence."""

import os
import re
from contextlib import closing
from pathlib import Path
from random import Random

import pytest

from labd.errors import StateError
from labd.store import Store, note, repair, snapshot
from tests.store.rows import Open, add, fill, numbers

ROWS = list(range(1, 201))
OLD_ROWS = ROWS[:-1]


@pytest.fixture
def database(path: str, opened: Open) -> Path:
    """A closed database of 200 rows; its snapshot has the first 199."""
    fill(opened(), len(OLD_ROWS))
    snapshot.take_dated(path, 0.0, keep=3)
    store = opened()
    store.enqueue(add(ROWS[-1]))
    store.close()
    return Path(path)


def flip(data: bytearray, dice: Random, start: int, stop: int) -> None:
    for _ in range(dice.randrange(1, 9)):
        data[dice.randrange(start, stop)] ^= dice.randrange(1, 256)


def mutated(data: bytes, seed: int) -> bytes:
    """One of four kinds of damage: the header, the tables' description, a cut, noise over pages."""
    dice, changed = Random(seed), bytearray(data)
    if seed % 4 == 0:
        flip(changed, dice, 0, 100)
    elif seed % 4 == 1:
        flip(changed, dice, 100, 4096)
    elif seed % 4 == 2:
        del changed[dice.randrange(len(changed)) :]
    else:
        start = dice.randrange(len(changed) - 4096)
        changed[start : start + 4096] = dice.randbytes(4096)
    return bytes(changed)


@pytest.mark.parametrize("seed", range(40))
def test_damage_never_ends_in_a_silent_loss(database: Path, seed: int) -> None:
    damaged = mutated(database.read_bytes(), seed)
    database.write_bytes(damaged)
    try:
        store = Store.open(str(database))
    except StateError:  # it may look newer: it is refused, and not touched
        assert database.read_bytes() == damaged
        return
    with closing(store):
        if store.repair is None:
            assert store.read(numbers) == ROWS
        else:
            assert store.read(numbers) == OLD_ROWS
            assert Path(store.repair.set_aside[0]).read_bytes() == damaged
            assert store.repair.cause


def test_a_repair_says_what_was_done(database: Path, opened: Open) -> None:
    database.write_bytes(b"This is not a database." * 500)
    store = opened(now=lambda: 0.0)
    assert store.repair is not None
    assert store.repair.cause == "the file is not a SQLite database"
    assert store.repair.set_aside == (f"{database}.damaged-19700101T000000Z",)
    assert store.repair.restored_from == str(database.parent / "snapshots" / "labd-19700101T000000Z.db")
    assert store.read(numbers) == OLD_ROWS
    said = store.repair
    store.close()
    assert opened().repair == said


def test_a_repair_is_spoken_of_until_its_note_is_removed(database: Path, opened: Open) -> None:
    database.write_bytes(b"")
    store = opened()
    assert store.repair is not None
    os.unlink(note.path_of(str(database)))
    assert store.repair is None
    store.close()
    assert opened().repair is None


def test_a_note_that_cannot_be_read_is_no_reason_to_be_silent(database: Path, opened: Open) -> None:
    Path(note.path_of(str(database))).write_text("{")
    store = opened()
    assert store.repair is not None
    assert "cannot be read" in store.repair.cause
    assert store.read(numbers) == ROWS


def test_a_missing_file_is_damage_when_the_caller_knows_of_one(path: str, opened: Open) -> None:
    store = opened(evidence="there are folders of jobs")
    assert store.repair is not None
    assert store.repair.cause == f"{path} is missing while there are folders of jobs"


@pytest.fixture
def killed(path: str, opened: Open, tmp_path: Path) -> Path:
    """What a labd leaves that was killed with 200 rows in its log."""
    store = opened()
    for number in ROWS:
        store.enqueue(add(number))
    take, drop = store._writer._queue.get, lambda report: None
    for _ in ROWS:
        store._writer._write([take()], drop)
    copies = tmp_path / "killed"
    copies.mkdir()
    for suffix in ("", "-wal", "-shm"):
        (copies / f"labd.db{suffix}").write_bytes(Path(path + suffix).read_bytes())
    return copies / "labd.db"


@pytest.mark.parametrize("seed", range(30))
def test_no_damage_to_the_log_ends_in_a_silent_loss(killed: Path, seed: int) -> None:
    dice, log = Random(seed), Path(f"{killed}-wal")
    data = bytearray(log.read_bytes())
    if seed % 3 == 0:
        data[dice.randrange(len(data))] ^= 1 << dice.randrange(8)
    elif seed % 3 == 1:
        del data[dice.randrange(len(data)) :]
    else:
        data[:] = dice.randbytes(len(data))
    log.write_bytes(data)
    with closing(Store.open(str(killed))) as store:
        there = store.read(numbers)
        assert there == ROWS[: len(there)]
        if len(there) < len(ROWS):
            assert store.repair is not None
            assert re.search(r"of \d+ records in the log \d+ can be read", store.repair.cause)
            assert Path(store.repair.set_aside[0]).read_bytes() == data


def test_an_index_of_an_earlier_boot_proves_nothing(killed: Path) -> None:
    """After a power cut the index may be newer than the log, and no commit is missing."""
    os.truncate(f"{killed}-wal", 0)
    os.utime(f"{killed}-shm", (1.0, 1.0))
    with closing(Store.open(str(killed))) as store:
        assert store.repair is None


def test_an_empty_file_with_a_log_is_damage_and_the_log_is_kept(database: Path, opened: Open) -> None:
    database.write_bytes(b"")
    Path(f"{database}-wal").write_bytes(b"the log of another life")
    store = opened()
    assert store.repair is not None
    assert store.repair.cause == "the file is 0 bytes long"
    moved, log = store.repair.set_aside
    assert log == f"{moved}-wal"
    assert Path(log).read_bytes() == b"the log of another life"
    assert store.read(numbers) == OLD_ROWS


@pytest.mark.parametrize("log", [True, False])
def test_a_missing_file_is_damage_when_something_speaks_of_it(
    database: Path, opened: Open, log: bool
) -> None:
    database.unlink()
    if log:
        Path(f"{database}-wal").write_bytes(b"the log of another life")
    store = opened()
    assert store.repair is not None
    assert "is missing while" in store.repair.cause
    assert store.read(numbers) == OLD_ROWS


def test_an_empty_directory_is_simply_new(path: str, opened: Open) -> None:
    os.makedirs(os.path.dirname(path))
    store = opened()
    assert store.repair is None
    assert store.read(numbers) == []


def test_without_a_snapshot_the_database_begins_anew_and_says_so(path: str, opened: Open) -> None:
    fill(opened(), 3)
    Path(path).write_bytes(Path(path).read_bytes()[:5000])
    store = opened()
    assert store.repair is not None
    assert store.repair.restored_from is None
    assert store.read(numbers) == []


def test_a_cut_between_setting_aside_and_restoring_is_not_silent(path: str, opened: Open) -> None:
    fill(opened(), 3)
    repair.set_aside(path, 0.0)
    store = opened()
    assert store.repair is not None
    assert "set aside" in store.repair.cause


def test_a_damaged_snapshot_is_passed_over(database: Path, opened: Open) -> None:
    bad = snapshot.take_dated(str(database), 86400.0, keep=3)
    Path(bad).write_bytes(Path(bad).read_bytes()[:9000])
    database.write_bytes(b"")
    store = opened()
    assert store.repair is not None
    assert store.repair.restored_from == str(database.parent / "snapshots" / "labd-19700101T000000Z.db")


def test_a_killed_labd_leaves_a_log_that_is_taken_up(path: str, opened: Open, tmp_path: Path) -> None:
    store = opened()
    for number in ROWS:
        store.enqueue(add(number))
    store._writer._write([store._writer._queue.get() for _ in ROWS], lambda report: None)
    killed = tmp_path / "killed"
    killed.mkdir()
    for suffix in ("", "-wal"):
        (killed / f"labd.db{suffix}").write_bytes(Path(path + suffix).read_bytes())
    with closing(Store.open(str(killed / "labd.db"))) as after:
        assert (after.repair, after.read(numbers)) == (None, ROWS)
        assert after.statistics().log_bytes == 0
