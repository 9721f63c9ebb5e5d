"""What is copied: the store as of one moment, and the folders of the attempts that it knows.

Everything is read without following links, through the folder that was looked at: whoever owns a job's
folder cannot have another file copied in its place.
"""

import os
import sqlite3
import stat
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from io import RawIOBase
from typing import BinaryIO, NamedTuple

from labd.errors import NotFound, StateError
from labd.store import connect, durable, faults


class Member(NamedTuple):
    """Something to copy; ``file`` is open for a regular file, ``link`` the target of a symbolic link."""

    name: str
    status: os.stat_result
    file: BinaryIO | RawIOBase | None = None
    link: str = ""


class Copy(NamedTuple):
    """The store as of one moment: to ask, and its bytes. ``status`` is that of the original."""

    connection: sqlite3.Connection
    file: RawIOBase
    status: os.stat_result


@contextmanager
def store_copy(path: str, folder: str) -> Iterator[Copy]:
    """A checked copy of the database at *path*, in a file without a name in *folder*.

    Raises NotFound, StateError when it is damaged, StoreUnavailable.
    """
    if not os.path.exists(path):
        raise NotFound(f"there is no store at {path}", hint="--state names the state directory")
    made = os.path.join(folder, f".labd-backup-{os.getpid()}")
    try:
        durable.create_private(made)
        with open(made, "r+b", buffering=0) as file, closing(_private(made)) as connection:
            durable.remove(made)  # SQLite has it open: from here on a kill leaves nothing
            with closing(connect.reader(path)) as source:
                source.backup(connection)
            _without_log(file)
            if found := connect.quick_check(connection):
                raise StateError(
                    f"{path} is damaged: {found}", hint="start labd: it restores the newest good snapshot"
                )
            yield Copy(connection, file, os.stat(path))
    except sqlite3.Error as error:
        raise faults.unavailable(path, error) from error
    finally:
        durable.remove(made)


def _private(path: str) -> sqlite3.Connection:
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA journal_mode=MEMORY")
    connection.execute("PRAGMA synchronous=OFF")
    connection.execute("PRAGMA user_version").fetchall()  # opens the file
    return connection


def _without_log(file: RawIOBase) -> None:
    """Let the copy be a database without a write-ahead log, which would need a name to lie beside.

    As if another process had written it: with a new change counter (at 24, and at 92 for which one the size
    is valid), so that SQLite reads the header again. https://www.sqlite.org/fileformat2.html
    """
    file.seek(0)
    head = bytearray(file.read(100) or b"")
    changes = (int.from_bytes(head[24:28], "big") + 1).to_bytes(4, "big")
    head[18:20], head[24:28], head[92:96] = b"\1\1", changes, changes
    file.seek(0)
    file.write(head)
    file.seek(0)


def attempt_folders(state: str, known: Callable[[int, int], bool]) -> Iterator[str]:
    """The paths of attempt folders below *state*, of those that are *known*, as ``jobs/0/7.1``."""
    for bucket in _names(os.path.join(state, "jobs")):
        for name in _names(os.path.join(state, "jobs", bucket)):
            job, _, number = name.partition(".")
            if job.isdecimal() and number.isdecimal() and known(int(job), int(number)):
                yield f"jobs/{bucket}/{name}"


def blob_folders(state: str) -> list[str]:
    """The folders of finished blobs, as ``blobs/a0``."""
    return [f"blobs/{name}" for name in _names(os.path.join(state, "blobs")) if len(name) == 2]


def _names(folder: str) -> list[str]:
    try:
        return sorted(os.listdir(folder))
    except (FileNotFoundError, NotADirectoryError):
        return []


def tree(state: str, path: str) -> Iterator[Member]:
    """The folder *path* below *state* and all in it. What vanishes meanwhile is left out."""
    top = os.path.join(state, path)
    for folder, folders, files, fd in os.fwalk(top, follow_symlinks=False):
        name = path + folder[len(top) :]
        yield Member(name, os.fstat(fd))
        for each in [*folders, *files]:
            yield from _member(f"{name}/{each}", each, fd)


def _member(name: str, each: str, above: int) -> Iterator[Member]:
    """A link, or a file that is open while the caller looks at it. Pipes and sockets are no state."""
    try:
        status = os.stat(each, dir_fd=above, follow_symlinks=False)
        if stat.S_ISLNK(status.st_mode):
            yield Member(name, status, link=os.readlink(each, dir_fd=above))
        elif stat.S_ISREG(status.st_mode):
            flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
            with os.fdopen(os.open(each, flags, dir_fd=above), "rb") as file:
                yield Member(name, os.fstat(file.fileno()), file)
    except FileNotFoundError:
        return
