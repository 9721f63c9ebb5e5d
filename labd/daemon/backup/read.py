"""Reading a backup: all of it is compared with its list before anything is made of it."""

import gzip
import hashlib
import json
import tarfile
import tempfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import zip_longest
from typing import IO, Any, BinaryIO

from labd.daemon.backup import form
from labd.daemon.backup.form import About
from labd.daemon.backup.packing import check_name, unpacked
from labd.errors import NotFound

Progress = Callable[[int], None]
"""Called with the bytes read so far."""

_CHUNK = 2**20


def verify(path: str, progress: Progress) -> About:
    """Read the archive at *path* to its end. Raises StateError unless all of it is as it was written.

    Raises NotFound when there is none, UsageError for a name that says no form.
    """
    done = 0
    with _opened(path) as archive, tempfile.TemporaryFile() as found:
        first, data = _first(archive, path)
        about = form.read_about(data, path)
        found.write(form.line(first, hashlib.sha256(data).hexdigest()))
        for info in _each(archive):
            if info.name == form.LIST:
                _compare(found, _content(archive, info), path)
                return about
            form.check_member(info, path)
            digest, size = _digest(archive, info)
            found.write(form.line(info, digest))
            done += size
            progress(done)
    raise form.not_a_backup(path, "it ends before its list")


@contextmanager
def members(path: str) -> Iterator[Iterator[tuple[tarfile.TarInfo, IO[bytes] | None]]]:
    """What is in the archive between its first member and its list, with the bytes of each file."""
    with _opened(path) as archive:
        _first(archive, path)
        yield ((info, archive.extractfile(info) if info.isreg() else None) for info in _listed(archive, path))


def _listed(archive: tarfile.TarFile, path: str) -> Iterator[tarfile.TarInfo]:
    for info in _each(archive):
        if info.name == form.LIST:
            return
        form.check_member(info, path)
        yield info


def _each(archive: tarfile.TarFile) -> Iterator[tarfile.TarInfo]:
    """What follows in the archive. tarfile would keep all of it in memory."""
    while (info := archive.next()) is not None:
        archive.members.clear()  # type: ignore[attr-defined]  # has no public name
        yield info


@contextmanager
def _opened(path: str) -> Iterator[tarfile.TarFile]:
    check_name(path)
    try:
        with (
            unpacked(path) as stream,
            tarfile.open(fileobj=stream, mode="r|", errors="surrogateescape") as archive,
        ):
            yield archive
    except FileNotFoundError:
        raise NotFound(f"there is no file {path}", hint="`labd backup FILE` makes one") from None
    except (tarfile.TarError, gzip.BadGzipFile, EOFError, zlib.error, UnicodeError) as error:
        raise form.not_a_backup(path, str(error) or type(error).__name__) from error


def _first(archive: tarfile.TarFile, path: str) -> tuple[tarfile.TarInfo, bytes]:
    info = archive.next()
    if info is None or info.name != form.ABOUT:
        raise form.not_a_backup(path, f"it does not begin with {form.ABOUT}")
    return info, _content(archive, info)


def _content(archive: tarfile.TarFile, info: tarfile.TarInfo) -> bytes:
    file = archive.extractfile(info)
    return file.read() if file else b""


def _digest(archive: tarfile.TarFile, info: tarfile.TarInfo) -> tuple[str, int]:
    file = archive.extractfile(info) if info.isreg() else None
    if file is None:
        return "", 0
    digest, size = hashlib.sha256(), 0
    while data := file.read(_CHUNK):
        digest.update(data)
        size += len(data)
    return digest.hexdigest(), size


def _compare(found: BinaryIO, wanted: bytes, path: str) -> None:
    found.seek(0)
    for ours, theirs in zip_longest(found, wanted.splitlines(keepends=True)):
        if ours != theirs:
            raise form.not_a_backup(path, f"{_path_in(ours or theirs)} is not what was written")


def _path_in(line: Any) -> str:
    try:
        return str(json.loads(line)["path"])
    except (ValueError, KeyError, TypeError):
        return "its list"
