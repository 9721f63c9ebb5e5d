"""Backups of a state that nobody runs on: what is in them, and which are refused."""

import io
import os
import sqlite3
import tarfile
from contextlib import closing
from pathlib import Path

import msgspec
import pytest

from labd.daemon.backup import form, place, read, restore, write
from labd.daemon.backup.restore import Wish
from labd.daemon.backup.write import Origin
from labd.errors import Conflict, LabdError, NotFound, StateError, UsageError
from labd.store import connect, migrate
from labd.store.schema import MIGRATIONS

ORIGIN = Origin("0.1.0", "here", "boot", 1000.0)
WISH = Wish(hold=False, now=2000.0)


def silent(*told: object) -> None:
    pass


@pytest.fixture
def state(tmp_path):
    """One attempt that the store knows, one that it does not, a blob."""
    folder = tmp_path / "s"
    folder.mkdir()
    migrate.create(str(folder / "labd.db"), MIGRATIONS)
    with closing(connect.writer(str(folder / "labd.db"))) as connection:
        connection.execute("insert into meta(key, value) values('epoch', 'old')")
        connection.execute("insert into attempts values(7, 1, 'running', '{}')")
    for path in ("jobs/0/7.1/run", "jobs/0/8.1", "blobs/ab", "blobs/unfinished", "uploads"):
        (folder / path).mkdir(parents=True)
    (folder / "jobs/0/7.1/out.log").write_text("hello")
    (folder / "jobs/0/7.1/run" / os.fsdecode(b"na\xefve")).write_text("x")
    (folder / "jobs/0/7.1/run/link").symlink_to("/etc/passwd")
    os.mkfifo(folder / "jobs/0/7.1/ctl")
    (folder / "blobs/ab/ab00").write_bytes(bytes(1000))
    return folder


def made(state: Path, name: str = "b.tar") -> str:
    path = str(state.parent / name)
    write.write(str(state), path, ORIGIN, folders=True, progress=silent)
    return path


def test_all_of_it_comes_back_but_what_the_store_does_not_know(state, tmp_path):
    about = restore.restore(made(state), str(tmp_path / "t"), WISH, silent)
    found = {str(path.relative_to(tmp_path / "t")) for path in (tmp_path / "t").rglob("*")}
    assert found == {
        "labd.db", "daemon.lock", "jobs", "jobs/0", "jobs/0/7.1", "jobs/0/7.1/out.log", "jobs/0/7.1/run",
        os.fsdecode(b"jobs/0/7.1/run/na\xefve"), "jobs/0/7.1/run/link", "blobs", "blobs/ab", "blobs/ab/ab00",
    }  # fmt: skip
    assert (about.made, about.host, about.epoch, about.attempts) == (1000.0, "here", "old", 1)
    with closing(sqlite3.connect(tmp_path / "t/labd.db")) as connection:
        meta = dict(connection.execute("select key, value from meta"))
    assert "epoch" not in meta
    assert msgspec.json.decode(meta["restored"])["made"] == 1000.0
    assert os.listdir(state.parent / "s" / "uploads") == []


def test_the_state_is_not_touched(state):
    def look():
        return {path: path.lstat().st_mtime_ns for path in state.rglob("*") if path.parent != state}

    before, store = look(), (state / "labd.db").read_bytes()
    made(state)
    assert look() == before
    assert (state / "labd.db").read_bytes() == store


@pytest.mark.parametrize("size", [0, 100, 5000, -1500])
def test_a_file_that_was_cut_is_refused(state, tmp_path, size):
    path = made(state)
    with open(path, "r+b") as file:
        file.truncate(size if size >= 0 else os.path.getsize(path) - 10240 - 512)
    with pytest.raises(StateError, match="not a whole backup"):
        restore.restore(path, str(tmp_path / "t"), WISH, silent)
    assert not (tmp_path / "t").exists()


@pytest.mark.parametrize("name", ["b.tar", "b.tar.gz"])
def test_a_changed_byte_is_found_wherever_it_is(state, tmp_path, name):
    path = made(state, name)
    whole = Path(path).read_bytes()
    end = len(whole.rstrip(b"\0")) if name == "b.tar" else len(whole)
    with tarfile.open(path if name == "b.tar" else made(state)) as tar:
        marks = {info.name: info for info in tar}
    store = marks["labd.db"].offset_data
    places = [*range(0, 512, 97), store + 30, store + 9000, *range(store, end, max((end - store) // 60, 1))]
    for at in places if name == "b.tar" else range(10, end - 8, max(end // 60, 1)):
        Path(path).write_bytes(whole[:at] + bytes([whole[at] ^ 0x21]) + whole[at + 1 :])
        if name == "b.tar" and _is_padding(whole, at, marks):
            continue
        with pytest.raises(LabdError):
            pytest.fail(f"byte {at} may change: {read.verify(path, silent)}")


def _is_padding(whole, at, marks):
    """Between the end of a member and the next block; or a field of a header that says nothing of content."""
    for info in marks.values():
        if info.offset_data + info.size <= at < info.offset_data + (info.size + 511) // 512 * 512:
            return True
    return False


def test_a_newer_archive_and_a_newer_store_are_refused(state, tmp_path, monkeypatch):
    path = made(state)
    monkeypatch.setattr(form, "FORMAT", 0)
    with pytest.raises(StateError, match=r"format 1, made by labd 0\.1\.0"):
        restore.check(path, str(tmp_path / "t"), silent)
    monkeypatch.undo()
    monkeypatch.setattr(restore, "MIGRATIONS", MIGRATIONS[:-1])
    with pytest.raises(StateError, match=f"formats up to {len(MIGRATIONS) - 1}"):
        restore.check(path, str(tmp_path / "t"), silent)


@pytest.mark.parametrize("name", ["../x", "/etc/x", "jobs/../../x", "daemon.lock", "jobs//x", "blobs/./x"])
def test_a_member_that_would_lie_elsewhere_is_refused(tmp_path, name):
    with pytest.raises(StateError, match="member"):
        form.check_member(tarfile.TarInfo(name), "b.tar")


def test_something_else_is_no_backup(tmp_path):
    with tarfile.open(tmp_path / "b.tar", "w") as tar:
        tar.addfile(tarfile.TarInfo("x"), io.BytesIO())
    with pytest.raises(StateError, match="does not begin with"):
        read.verify(str(tmp_path / "b.tar"), silent)
    with pytest.raises(NotFound):
        read.verify(str(tmp_path / "absent.tar"), silent)
    with pytest.raises(UsageError, match="says no form"):
        read.verify(str(tmp_path / "b.zip"), silent)


def test_nothing_is_overwritten(state, tmp_path):
    path = made(state)
    with pytest.raises(Conflict, match="there already"):
        made(state)
    with pytest.raises(Conflict, match="is not empty"):
        restore.restore(path, str(state), WISH, silent)


def test_a_restore_that_was_cut_off_is_repeated_from_the_beginning(state, tmp_path):
    target = tmp_path / "t"
    (target / "restoring" / "jobs").mkdir(parents=True)
    (target / "jobs").mkdir()
    with pytest.raises(StateError, match="was cut off"):
        place.refuse_half(str(target))
    restore.restore(made(state), str(target), WISH, silent)
    place.refuse_half(str(target))
    assert (target / "jobs/0/7.1/out.log").read_text() == "hello"


def test_a_damaged_store_makes_no_backup(state):
    with open(state / "labd.db", "r+b") as file:
        file.seek(4096)
        file.write(os.urandom(8192))
    with pytest.raises(LabdError):
        made(state)
    assert not (state.parent / "b.tar").exists()
    assert [name for name in os.listdir(state.parent) if name != "s"] == []


def test_no_state_is_no_backup(tmp_path):
    with pytest.raises(NotFound, match="no store"):
        made(tmp_path)


def test_a_link_in_a_jobs_folder_is_a_link_and_never_followed(state, tmp_path):
    (state / "jobs/0/7.1/run/folder").symlink_to("/etc")
    restore.restore(made(state), str(tmp_path / "t"), WISH, silent)
    assert os.readlink(tmp_path / "t/jobs/0/7.1/run/folder") == "/etc"
    with tarfile.open(state.parent / "b.tar") as tar:
        assert not [name for name in tar.getnames() if "folder/" in name]
