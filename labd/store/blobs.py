"""Content-addressed files: the name of a blob is the SHA-256 of its bytes. Everything here blocks."""

import hashlib
import math
import os
import re
import shutil
from collections.abc import Iterator, Sequence
from typing import BinaryIO

import msgspec

from labd.errors import NotFound, StateError, UsageError
from labd.store import durable, faults

_DIGEST = re.compile(r"[0-9a-f]{64}")
_CHUNK = 1 << 20


class BlobStatistics(msgspec.Struct, frozen=True):
    """Since the start: blobs written, blobs that were there already, bytes written."""

    written: int
    known: int
    bytes: int


class Blobs:
    """A folder of blobs, ``ab/abcdef…`` each. One process writes it; a blob there is whole."""

    def __init__(self, directory: str) -> None:
        """Make the folder when needed, and clear what an earlier process left unfinished."""
        self.directory = os.path.abspath(directory)
        self._unfinished = os.path.join(self.directory, "unfinished")
        self._serial = self._written = self._known = self._bytes = 0
        shutil.rmtree(self._unfinished, ignore_errors=True)
        durable.make_dir(self._unfinished)

    def put(self, data: bytes) -> str:
        """Keep *data*; returns its digest, durable. Raises StoreUnavailable."""
        return self._keep(iter((data,)))

    def put_file(self, path: str) -> str:
        """Keep the bytes of the file at *path*. Raises OSError when it cannot be read."""
        with open(path, "rb") as file:
            return self._keep(iter(lambda: file.read(_CHUNK), b""))

    def put_all(self, blobs: Sequence[bytes]) -> list[str]:
        """Keep many small ones, durable on return; each folder is synced once. Raises StoreUnavailable."""
        names = [hashlib.sha256(data).hexdigest() for data in blobs]
        found = dict(zip(names, blobs, strict=True))
        try:
            for digest in found:
                durable.make_dir(os.path.dirname(self.path(digest)))
            fresh = {digest: data for digest, data in found.items() if not self._touch(digest)}
            self._known += len(found) - len(fresh)
            self._place_all(fresh)
            for folder in {os.path.dirname(self.path(digest)) for digest in found}:
                durable.fsync_dir(folder)
        except OSError as error:
            raise faults.unavailable(self.directory, error) from error
        return names

    def _place_all(self, fresh: dict[str, bytes]) -> None:
        made = {}
        try:
            for digest, data in fresh.items():
                self._serial += 1
                made[digest] = os.path.join(self._unfinished, str(self._serial))
                _write(made[digest], iter((data,)))
            for digest, path in made.items():
                durable.fsync_file(path)
                os.rename(path, self.path(digest))
                self._written, self._bytes = self._written + 1, self._bytes + len(fresh[digest])
        finally:
            for path in made.values():
                durable.remove(path)

    def get(self, digest: str) -> bytes:
        """The bytes, checked against their name. Raises NotFound, StateError when they have changed."""
        with self.open(digest) as file:
            data = file.read()
        if hashlib.sha256(data).hexdigest() != digest:
            raise StateError(f"{self.path(digest)} has changed on disk", hint="check the disk; submit again")
        return data

    def open(self, digest: str) -> BinaryIO:
        """The blob as a file, unchecked, to read in pieces. Raises NotFound."""
        try:
            return open(self.path(digest), "rb")
        except FileNotFoundError:
            raise NotFound(f"no blob {digest} in {self.directory}") from None

    def has(self, digest: str) -> bool:
        """Whether the blob is there."""
        return os.path.exists(self.path(digest))

    def missing(self, digests: Sequence[str]) -> list[str]:
        """Those that are not there. The others count as put now: whoever asks is about to name them."""
        return [digest for digest in digests if not self._touch(digest)]

    def _touch(self, digest: str) -> bool:
        """Whether the blob is there; if so its time is now, so that it is not cleared away as unused."""
        try:
            os.utime(self.path(digest))
        except FileNotFoundError:
            return False
        return True

    def size(self, digest: str, before: float = math.inf) -> int | None:
        """Its bytes, None when it is not there or was put, or asked for, since *before*."""
        try:
            found = os.stat(self.path(digest))
        except FileNotFoundError:
            return None
        return found.st_size if found.st_mtime < before else None

    def remove(self, digest: str, before: float) -> int | None:
        """Remove the blob if it was last put, or asked for, before that moment; its bytes, else None."""
        aside = os.path.join(self._unfinished, digest)
        try:
            if os.stat(self.path(digest)).st_mtime >= before:
                return None
            os.rename(self.path(digest), aside)
        except FileNotFoundError:
            return 0
        found = os.stat(aside)
        if found.st_mtime >= before:  # somebody asked for it just then
            os.rename(aside, self.path(digest))
            return None
        durable.remove(aside)
        return found.st_size

    def path(self, digest: str) -> str:
        """Where the blob lies, or would. Raises UsageError when *digest* is none."""
        if not _DIGEST.fullmatch(digest):
            raise UsageError(f"{digest!r} is not a blob's digest", hint="a digest is 64 hexadecimal digits")
        return os.path.join(self.directory, digest[:2], digest)

    def __iter__(self) -> Iterator[str]:
        """Every digest there, sorted."""
        for folder in sorted(os.listdir(self.directory)):
            if len(folder) == 2:
                names = sorted(os.listdir(os.path.join(self.directory, folder)))
                yield from (name for name in names if _DIGEST.fullmatch(name))

    def statistics(self) -> BlobStatistics:
        """What was put so far."""
        return BlobStatistics(self._written, self._known, self._bytes)

    def _keep(self, chunks: Iterator[bytes]) -> str:
        self._serial += 1
        made = os.path.join(self._unfinished, str(self._serial))
        try:
            digest, size = _write(made, chunks)
            self._place(made, digest, size)
        except OSError as error:
            raise faults.unavailable(self.directory, error) from error
        finally:
            durable.remove(made)
        return digest

    def _place(self, made: str, digest: str, size: int) -> None:
        target = self.path(digest)
        if self._touch(digest):
            # Whoever put it may have been cut off before its name was durable.
            durable.fsync_dir(os.path.dirname(target))
            self._known += 1
            return
        durable.make_dir(os.path.dirname(target))
        durable.put_in_place(made, target)
        self._written, self._bytes = self._written + 1, self._bytes + size


def _write(path: str, chunks: Iterator[bytes]) -> tuple[str, int]:
    durable.create_private(path)
    digest, size = hashlib.sha256(), 0
    with open(path, "wb") as file:
        for chunk in chunks:
            digest.update(chunk)
            size += file.write(chunk)
    return digest.hexdigest(), size
