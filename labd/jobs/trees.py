"""Lays frozen trees out for attempts: fresh files, as the user's own, in a thread.

A tree is made in a folder that only the daemon can enter, and moved into the attempt's folder when it is
whole: nobody can put a link in the way of what is written, and links of the tree itself are made last.
"""

import hashlib
import os
import shutil
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial

import trio

from labd.errors import LabdError
from labd.jobs.code import CodeUnusable, read_manifest
from labd.jobs.manifest import File, Manifest, within
from labd.jobs.model import Job
from labd.jobs.order import User
from labd.store import durable
from labd.store.blobs import Blobs

AT_ONCE = 2
"""Trees that are laid out at the same time."""

_CHUNK = 1 << 20


class Trees:
    """Makes trees in *folder*; what an earlier process left there is removed."""

    def __init__(self, folder: str, blobs: Blobs) -> None:
        self._folder = folder
        self._blobs = blobs
        self._places = trio.CapacityLimiter(AT_ONCE)
        shutil.rmtree(folder, ignore_errors=True)
        durable.make_dir(folder)

    @asynccontextmanager
    async def laid_out(self, job: Job, user: User | None) -> AsyncIterator[str | None]:
        """The frozen tree of *job*, to be moved away; None for a job without.

        Raises CodeUnusable when a blob is gone or damaged, OSError when the disk refuses.
        """
        if job.spec.code is None:
            yield None
            return
        path = os.path.join(self._folder, f"{job.id}.{job.attempt}")
        make = partial(self._make, job, path, user)
        try:
            await trio.to_thread.run_sync(make, limiter=self._places)
            yield path
        except Exception:
            await trio.to_thread.run_sync(partial(shutil.rmtree, path, ignore_errors=True))
            raise

    def _make(self, job: Job, path: str, user: User | None) -> None:
        assert job.spec.code is not None, "only a job with frozen code has a tree"
        shutil.rmtree(path, ignore_errors=True)
        tree = read_manifest(job.spec.code.manifest, self._blobs)
        place = within(job.spec.code.root, job.spec.cwd) or ""
        lay_out(self._blobs, tree, path, user, place, trio.from_thread.check_cancelled)


def lay_out(
    blobs: Blobs, tree: Manifest, path: str, user: User | None, place: str, check: Callable[[], None]
) -> None:
    """Write *tree* at *path*, which is not there yet; blocks. The folder *place* in it is made as well.

    *check* is called before each file and may raise. Raises CodeUnusable, OSError.
    """
    folders = _folders(tree, place)
    for folder in ("", *folders):
        os.mkdir(os.path.join(path, folder), 0o700)
    for file in tree.files:
        check()
        _write(blobs, file, os.path.join(path, file.path), user)
    for link in tree.links:
        os.symlink(link.target, os.path.join(path, link.path))
    if user is not None:
        for name in (*(link.path for link in tree.links), *reversed(folders), ""):
            os.chown(os.path.join(path, name), user.uid, user.gid, follow_symlinks=False)


def _folders(tree: Manifest, place: str) -> list[str]:
    """Every folder of the tree, those above before those below."""
    entries = {file.path for file in tree.files} | {link.path for link in tree.links}
    found: set[str] = set()
    for path in (*entries, *([place + "/"] if _free(place, entries) else [])):
        above = path.rpartition("/")[0]
        while above and above not in found:
            found.add(above)
            above = above.rpartition("/")[0]
    return sorted(found)


def _free(place: str, entries: set[str]) -> bool:
    """Whether a folder *place* can be made: no part of it is a file or a link."""
    parts = place.split("/")
    return bool(place) and not any("/".join(parts[:end]) in entries for end in range(1, len(parts) + 1))


def _write(blobs: Blobs, file: File, path: str, user: User | None) -> None:
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    with open(fd, "wb") as target:
        _copy(blobs, file, target.write)
        os.fchmod(fd, 0o755 if file.executable else 0o644)
        if user is not None:
            os.fchown(fd, user.uid, user.gid)


def _copy(blobs: Blobs, file: File, write: Callable[[bytes], object]) -> None:
    """The bytes of the blob, checked against its digest on the way."""
    digest = hashlib.sha256()
    try:
        source = blobs.open(file.digest)
    except LabdError as error:
        raise CodeUnusable(f"{file.path}: {error.message}", hint="submit the job again") from error
    with source:
        while chunk := source.read(_CHUNK):
            digest.update(chunk)
            write(chunk)
    if digest.hexdigest() != file.digest:
        place = blobs.path(file.digest)
        raise CodeUnusable(f"{file.path}: {place} has changed on disk", hint="check the disk; submit again")
