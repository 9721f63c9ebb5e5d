"""Making a backup, also while the daemon runs: nothing of the state is changed, and nobody waits."""

import hashlib
import io
import os
import sqlite3
import stat
import tarfile
import tempfile
from collections.abc import Callable, Iterator
from io import RawIOBase
from typing import IO, BinaryIO, NamedTuple

import msgspec

from labd.daemon.backup import form, source
from labd.daemon.backup.form import About
from labd.daemon.backup.packing import check_name, packed
from labd.daemon.backup.whole import refuse_taken, whole_file
from labd.errors import Refused
from labd.store import connect

Progress = Callable[[int, int, int], None]
"""Called with bytes copied, folders copied, folders that there are."""

_CHUNK = 2**20


class Origin(NamedTuple):
    """Who makes the backup, where and when (Unix seconds)."""

    labd: str
    host: str
    boot_id: str
    now: float


class Made(msgspec.Struct, frozen=True):
    """What was made: ``size`` of the file, ``content`` bytes and ``members`` in it, and its first member."""

    file: str
    size: int
    content: int
    members: int
    about: About


def write(state: str, path: str, origin: Origin, *, folders: bool, progress: Progress) -> Made:
    """Copy the state directory *state* to the archive *path*. Blocks.

    Raises UsageError and Conflict for the name, NotFound and StateError for the state, Refused when the
    file cannot be written.
    """
    check_name(path)
    refuse_taken(path)
    try:
        with source.store_copy(
            os.path.join(state, form.STORE), os.path.dirname(os.path.abspath(path))
        ) as copy:
            about = _about(state, copy, origin, folders)
            with whole_file(path) as file, packed(file, path) as out:
                archive = _Archive(out, progress, about)
                archive.fill(state, copy)
    except OSError as error:
        raise Refused(
            f"{error.filename or path}: {error.strerror}", hint="nothing was made; --state, or another place?"
        ) from error
    return Made(path, os.stat(path).st_size, archive.content, archive.members, about)


def _about(state: str, copy: source.Copy, origin: Origin, folders: bool) -> About:
    def one(query: str) -> object:
        row = copy.connection.execute(query).fetchone()
        return row[0] if row else None

    return About(
        format=form.FORMAT,
        labd=origin.labd,
        store_format=connect.version(copy.connection),
        epoch=str(one("select value from meta where key = 'epoch'") or ""),
        made=origin.now,
        host=origin.host,
        boot_id=origin.boot_id,
        state_dir=os.path.abspath(state),
        uid=copy.status.st_uid,
        gid=copy.status.st_gid,
        folders=folders,
        attempts=int(str(one("select count(*) from attempts") or 0)),
        blobs=len(source.blob_folders(state)),
    )


class _Archive:
    """The archive while it is written: counts, and the list that becomes its last member."""

    def __init__(self, out: IO[bytes], progress: Progress, about: About) -> None:
        self.content = self.members = 0
        self._tar = tarfile.open(  # noqa: SIM115 - closed by fill
            fileobj=out, mode="w|", format=tarfile.PAX_FORMAT, errors="surrogateescape"
        )
        self._list = tempfile.TemporaryFile()  # noqa: SIM115 - closed by fill
        self._progress = progress
        self._about = about
        self._folders = 0

    def fill(self, state: str, copy: source.Copy) -> None:
        with self._tar, self._list:
            about = msgspec.json.encode(self._about)
            info = self._put(form.ABOUT, about)
            self._list.write(form.line(info, hashlib.sha256(about).hexdigest()))
            self._add(source.Member(form.STORE, _sized(copy), copy.file))
            if self._about.folders:
                for path in _paths(state, copy.connection):
                    for member in source.tree(state, path):
                        self._add(member)
                    self._folders += 1
                    self._tell()
            self._list.seek(0)
            self._put(form.LIST, self._list.read())

    def _put(self, name: str, data: bytes) -> tarfile.TarInfo:
        info = tarfile.TarInfo(name)
        info.size, info.mtime, info.mode = len(data), int(self._about.made), 0o600
        self._tar.addfile(info, io.BytesIO(data))
        return info

    def _add(self, member: source.Member) -> None:
        info = _info(member)
        reader = _Exactly(member.file, info.size, self._read) if member.file else None
        self._tar.addfile(info, reader)  # type: ignore[arg-type]  # it is read from, nothing else
        self._tar.members.clear()  # type: ignore[attr-defined]  # it would keep all of them in memory
        self._list.write(form.line(info, reader.digest.hexdigest() if reader else ""))
        self.members += 1

    def _read(self, size: int) -> None:
        before, self.content = self.content, self.content + size
        if before // (16 * _CHUNK) != self.content // (16 * _CHUNK):
            self._tell()

    def _tell(self) -> None:
        self._progress(self.content, self._folders, self._about.attempts + self._about.blobs)


def _paths(state: str, connection: sqlite3.Connection) -> Iterator[str]:
    def known(job: int, number: int) -> bool:
        """An attempt that began after the copy of the store was made is left out: its job waits there."""
        query = "select 1 from attempts where job = ? and number = ?"
        return connection.execute(query, (job, number)).fetchone() is not None

    yield from source.blob_folders(state)
    yield from source.attempt_folders(state, known)


def _sized(copy: source.Copy) -> os.stat_result:
    """The original's owner and mode with the copy's size."""
    fields = list(copy.status[:10])
    fields[stat.ST_SIZE] = os.fstat(copy.file.fileno()).st_size
    return os.stat_result(fields)


def _info(member: source.Member) -> tarfile.TarInfo:
    info = tarfile.TarInfo(member.name)
    status = member.status
    info.mode, info.uid, info.gid = stat.S_IMODE(status.st_mode), status.st_uid, status.st_gid
    info.mtime = int(status.st_mtime)
    if member.file is not None:
        info.size = status.st_size
    else:
        info.type, info.linkname = (tarfile.SYMTYPE, member.link) if member.link else (tarfile.DIRTYPE, "")
    return info


class _Exactly:
    """Reads *size* bytes: of a log that grows what is there now, of one that was cut zeros in the end."""

    def __init__(self, file: BinaryIO | RawIOBase, size: int, read: Callable[[int], None]) -> None:
        self._file, self._left, self._told = file, size, read
        self.digest = hashlib.sha256()

    def read(self, size: int) -> bytes:
        wanted = min(size, self._left)
        data = (self._file.read(wanted) or b"").ljust(wanted, b"\0")
        self._left -= wanted
        self.digest.update(data)
        self._told(wanted)
        return data
