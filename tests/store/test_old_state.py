"""R20: the files of every released version load, newer ones are refused, a copy precedes a migration."""

import os
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from labd.errors import StateError
from labd.store import Store, connect, migrate
from labd.store.schema import MIGRATIONS
from tests.store.rows import Open, fill, numbers

NOW = len(MIGRATIONS)
DATA = Path(__file__).parents[1] / "data"
SECOND = ("ALTER TABLE jobs ADD COLUMN place TEXT", "CREATE TABLE places (name TEXT)")
BROKEN = ("ALTER TABLE jobs ADD COLUMN place TEXT", "CREATE TABLE jobs (id)")
NOW = len(MIGRATIONS)
TABLES = ("meta", "events", "jobs", "attempts", "environments")


def beside(path: str) -> list[str]:
    return sorted(name for name in os.listdir(os.path.dirname(path)) if ".v" in name)


@pytest.mark.parametrize("release", ["state-0.1"])
def test_r20_the_state_of_a_released_version_loads(release: str, path: str, opened: Open) -> None:
    os.makedirs(os.path.dirname(path))
    shutil.copyfile(DATA / release / "labd.db", path)
    store = opened()
    assert store.repair is None
    counts = [store.read(lambda c, q=f"SELECT count(*) FROM {t}": c.execute(q).fetchone()[0]) for t in TABLES]
    assert counts[1:] == [3, 2, 2, 1]
    names = store.read(lambda c: c.execute("SELECT name, key FROM jobs ORDER BY id").fetchall())
    assert names == [("train", "key-1"), ("évaluer", None)]


def test_r20_a_newer_file_is_refused_and_not_touched(path: str, opened: Open) -> None:
    opened(migrations=(*MIGRATIONS, SECOND)).close()
    before = Path(path).read_bytes()
    with pytest.raises(StateError, match=f"format {NOW + 1}; this labd knows formats up to {NOW}") as caught:
        Store.open(path)
    assert caught.value.data == {"found": NOW + 1, "known": NOW}
    assert Path(path).read_bytes() == before


def test_r20_who_goes_back_is_told_which_copy_fits(path: str, opened: Open) -> None:
    fill(opened(), 5)
    opened(migrations=(*MIGRATIONS, SECOND), now=lambda: 0.0).close()
    with pytest.raises(StateError) as caught:
        Store.open(path)
    copy = f"labd.db.v{NOW}-19700101T000000Z"
    assert f"go back to {copy}" in caught.value.hint
    os.replace(Path(path).with_name(copy), path)
    assert opened().read(numbers) == [1, 2, 3, 4, 5]


def test_r20_an_older_file_is_copied_and_then_migrated(path: str, opened: Open) -> None:
    fill(opened(), 5)
    store = opened(migrations=(*MIGRATIONS, SECOND), now=lambda: 0.0)
    assert store.read(connect.version) == NOW + 1
    assert store.read(numbers) == [1, 2, 3, 4, 5]
    assert beside(path) == [f"labd.db.v{NOW}-19700101T000000Z"]
    with closing(connect.reader(f"{path}.v{NOW}-19700101T000000Z", immutable=True)) as copy:
        assert (connect.version(copy), numbers(copy)) == (NOW, [1, 2, 3, 4, 5])


def test_r20_a_migration_that_fails_leaves_the_old_file_usable(path: str, opened: Open) -> None:
    fill(opened(), 5)
    with pytest.raises(
        StateError, match=f"from format {NOW} to {NOW + 2}: table jobs already exists"
    ) as caught:
        Store.open(path, migrations=(*MIGRATIONS, SECOND, BROKEN[1:]))
    assert "unchanged" in caught.value.hint
    store = opened()
    assert store.repair is None
    assert store.read(numbers) == [1, 2, 3, 4, 5]


def test_two_copies_of_one_second_do_not_overwrite_each_other(path: str, opened: Open) -> None:
    opened().close()
    for _ in range(2):
        with pytest.raises(StateError):
            Store.open(path, migrations=(*MIGRATIONS, BROKEN), now=lambda: 0.0)
    assert beside(path) == [f"labd.db.v{NOW}-19700101T000000Z{more}" for more in ("", "-1")]


def test_the_columns_a_file_lacks_are_named() -> None:
    with closing(sqlite3.connect(":memory:")) as empty:
        assert "jobs.record" in migrate.missing(empty, MIGRATIONS)
