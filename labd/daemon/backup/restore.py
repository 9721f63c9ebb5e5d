"""Making a state directory from a backup: into an empty one only, verified first, whole or marked as not."""

import json
import os
import shutil
import sqlite3
import tarfile
from collections.abc import Callable
from contextlib import closing
from typing import IO, NamedTuple

from labd.daemon import lock
from labd.daemon.backup import form, place, read
from labd.daemon.backup.form import About
from labd.errors import Refused, StateError
from labd.store import connect, durable, migrate
from labd.store.schema import MIGRATIONS

Progress = Callable[[str, int], None]
"""Called with what is being done, and the bytes of it so far."""

_MODES = 0o1777
"""Of a mode: no backup brings a program that becomes somebody else."""


class Wish(NamedTuple):
    """*hold*: jobs that wait are held until somebody releases them. *now*: Unix seconds."""

    hold: bool
    now: float


def check(path: str, state: str, progress: Progress) -> About:
    """Whether the backup *path* can be restored to *state*; changes nothing. Raises as :func:`restore`."""
    place.refuse_used(state)
    about = read.verify(path, lambda done: progress("verifying", done))
    if about.store_format > len(MIGRATIONS):
        raise StateError(
            f"the store in {path} has format {about.store_format}, made by labd {about.labd}; this labd "
            f"knows formats up to {len(MIGRATIONS)}",
            hint="restore it with that labd, or a newer one",
        )
    return about


def restore(path: str, state: str, wish: Wish, progress: Progress) -> About:
    """Make the state directory *state* from the backup *path*. Blocks.

    Raises StateError for a backup that is damaged or newer, Conflict when *state* is not empty,
    AlreadyRunning when a daemon runs on it, Refused when the disk refuses.
    """
    state = os.path.abspath(state)
    about = check(path, state, progress)
    try:
        _make(path, state, about, wish, progress)
    except OSError as error:
        raise Refused(
            f"{error.filename or state}: {error.strerror}",
            hint="run it again when there is room: it begins anew",
        ) from error
    return about


def _make(path: str, state: str, about: About, wish: Wish, progress: Progress) -> None:
    fresh = not os.path.isdir(state)
    held = lock.hold(state)
    try:
        if fresh and os.geteuid() == 0:
            os.chown(state, about.uid, about.gid)
        place.refuse_used(state)
        place.clear(state)
        made = os.path.join(state, place.MARK)
        os.mkdir(made, 0o700)
        durable.fsync_dir(state)
        _Extraction(made, about, os.stat(state)).run(path, progress)
        _check_store(os.path.join(made, form.STORE), path, about, wish)
        os.sync()
        _put_in_place(made, state)
    finally:
        os.close(held)


def _put_in_place(made: str, state: str) -> None:
    for name in (*form.FOLDERS, form.STORE):
        if os.path.lexists(os.path.join(made, name)):
            os.rename(os.path.join(made, name), os.path.join(state, name))
    durable.fsync_dir(state)
    shutil.rmtree(made)
    durable.fsync_dir(state)


def _check_store(store: str, path: str, about: About, wish: Wish) -> None:
    """Look at the store once more, and note in it that it is a copy: its events are those of another life."""
    note = {
        "file": os.path.basename(path), "made": about.made, "host": about.host, "labd": about.labd,
        "state_dir": about.state_dir, "restored": wish.now, "hold": wish.hold,
    }  # fmt: skip
    try:
        with closing(connect.writer(store)) as connection:
            if found := connect.quick_check(connection):
                raise form.not_a_backup(path, found)
            migrate.refuse_newer(store, connect.version(connection), MIGRATIONS)
            connection.execute("delete from meta where key = 'epoch'")
            put = "insert or replace into meta(key, value) values('restored', ?)"
            connection.execute(put, (json.dumps(note),))
            connect.checkpoint(connection, "TRUNCATE")
    except sqlite3.Error as error:
        raise form.not_a_backup(path, str(error)) from error


class _Extraction:
    """Files and folders first, links and modes last: nothing is ever written through a link."""

    def __init__(self, folder: str, about: About, owner: os.stat_result) -> None:
        self._folder = folder
        self._about = about
        self._owner = owner
        self._later: list[tarfile.TarInfo] = []
        self._done = 0

    def run(self, path: str, progress: Progress) -> None:
        self._own(os.path.join(os.path.dirname(self._folder), lock.FILE), self._about.uid, -1)
        with read.members(path) as found:
            for info, file in found:
                self._take(info, file)
                progress("restoring", self._done)
        for info in reversed(self._later):
            self._finish(info)

    def _take(self, info: tarfile.TarInfo, file: IO[bytes] | None) -> None:
        target = os.path.join(self._folder, info.name)
        self._make_above(os.path.dirname(target))
        if file is None:
            if info.isdir():
                self._make_above(target)
            self._later.append(info)
            return
        fd = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        with os.fdopen(fd, "wb") as out:
            shutil.copyfileobj(file, out, 2**20)
        self._done += info.size
        self._own(target, info.uid, info.gid)
        os.chmod(target, info.mode & _MODES)

    def _make_above(self, folder: str) -> None:
        """Folders that are no members (``jobs/0``) are those of labd."""
        if os.path.isdir(folder):
            return
        self._make_above(os.path.dirname(folder))
        os.mkdir(folder, 0o700)
        self._own(folder, self._about.uid, -1)
        os.chmod(folder, lock.MODE_OF_ROOT if "jobs" in folder[len(self._folder) :] else 0o700)

    def _finish(self, info: tarfile.TarInfo) -> None:
        target = os.path.join(self._folder, info.name)
        if info.issym():
            os.symlink(info.linkname, target)
        self._own(target, info.uid, info.gid)
        if info.isdir():
            os.chmod(target, info.mode & _MODES)

    def _own(self, target: str, uid: int, gid: int) -> None:
        """What was labd's belongs to whoever has the state directory, the rest to whom it belonged."""
        if os.geteuid() != 0:
            return
        if uid == self._about.uid:
            uid, gid = self._owner.st_uid, self._owner.st_gid
        os.chown(target, uid, gid, follow_symlinks=False)
