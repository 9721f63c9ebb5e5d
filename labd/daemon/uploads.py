"""Blobs that arrive in pieces. What is unfinished belongs to one connection, and goes with it."""

import os
import secrets
import shutil
from collections.abc import Callable

import msgspec
import trio

from labd.daemon.blobs import UserBlobs
from labd.errors import Conflict, Overloaded, UsageError
from labd.store import durable, faults
from labd.units import about_bytes

OPEN = 4
"""Unfinished uploads that one user may have at a time."""

IDLE = 3600.0
"""Seconds after which an upload to which nothing is added is given up."""

SWEEP = 600.0
"""Seconds between two looks for those."""


class Upload(msgspec.Struct):
    """An unfinished one: whose, over which connection, its file and size, when it last grew."""

    uid: int
    connection: int
    path: str
    size: int = 0
    touched: float = 0.0
    busy: bool = False


class Added(msgspec.Struct, frozen=True):
    """What became of a piece: the name of the upload (None once closed), the digest (once closed), bytes."""

    upload: str | None
    digest: str | None
    size: int


class Uploads:
    """Takes pieces in the folder *folder*; what an earlier process left there is removed.

    *limit* is the greatest size of one upload in bytes.
    """

    def __init__(self, folder: str, blobs: UserBlobs, limit: int = 2**30) -> None:
        self.limit = limit
        self._folder = folder
        self._blobs = blobs
        self._open: dict[str, Upload] = {}
        shutil.rmtree(folder, ignore_errors=True)
        durable.make_dir(folder)

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """The service that gives up what nobody adds to."""
        task_status.started()
        while True:
            await trio.sleep(SWEEP)
            await self._drop(lambda upload: trio.current_time() - upload.touched >= IDLE)

    async def gone(self, connection: int) -> None:
        """The client of *connection* has left: so do its unfinished uploads."""
        await self._drop(lambda upload: upload.connection == connection)

    async def add(self, uid: int, connection: int, name: str | None, data: bytes, last: bool) -> Added:
        """Add *data* to the upload *name*, or to a new one; *last* closes it and makes it a blob.

        Raises Conflict, Overloaded, UsageError (too large), StoreUnavailable; the upload is gone then,
        but for a piece that came before the answer to the one before it.
        """
        self._check_size(len(data))
        if name is None and last:
            [digest] = await self._blobs.put(uid, [data])
            return Added(None, digest, len(data))
        name = name or self._begin(uid, connection)
        upload = self._find(name, connection)
        upload.busy = True
        try:
            return await self._grow(name, upload, data, last)
        except BaseException:
            await self._remove(name)
            raise
        finally:
            upload.busy = False

    async def _grow(self, name: str, upload: Upload, data: bytes, last: bool) -> Added:
        self._check_size(upload.size + len(data))
        try:
            await trio.to_thread.run_sync(_append, upload.path, data)
        except OSError as error:
            raise faults.unavailable(upload.path, error) from error
        upload.size, upload.touched = upload.size + len(data), trio.current_time()
        if not last:
            return Added(name, None, upload.size)
        digest = await self._blobs.put_file(upload.uid, upload.path)
        await self._remove(name)
        return Added(None, digest, upload.size)

    def _begin(self, uid: int, connection: int) -> str:
        if sum(upload.uid == uid for upload in self._open.values()) >= OPEN:
            raise Overloaded(
                f"{OPEN} uploads of this user are unfinished, the limit", hint="finish one first"
            )
        name = secrets.token_hex(8)
        path = os.path.join(self._folder, name)
        self._open[name] = Upload(uid, connection, path, touched=trio.current_time())
        return name

    def _find(self, name: str, connection: int) -> Upload:
        upload = self._open.get(name)
        if upload is None or upload.connection != connection:
            raise Conflict(
                f"there is no unfinished upload {name!r} on this connection",
                hint="begin it again, from the start",
            )
        if upload.busy:
            raise Conflict(
                f"upload {name} is being written", hint="send a piece when the one before is answered"
            )
        return upload

    def _check_size(self, size: int) -> None:
        if size > self.limit:
            raise UsageError(
                f"an upload of {about_bytes(size)} or more is above the limit of {about_bytes(self.limit)}",
                hint="jobs.max_upload in labd.toml raises it; a job can read large files where they are",
            )

    async def _drop(self, wanted: Callable[[Upload], bool]) -> None:
        for name in [name for name, upload in self._open.items() if wanted(upload) and not upload.busy]:
            await self._remove(name)

    async def _remove(self, name: str) -> None:
        upload = self._open.pop(name, None)
        if upload is None:
            return  # its client left while it was given up
        with trio.CancelScope(shield=True):
            await trio.to_thread.run_sync(durable.remove, upload.path)


def _append(path: str, data: bytes) -> None:
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    with open(fd, "ab") as file:
        file.write(data)
