"""The lines that the tasks of an array are given: checked at submit, read at launch, in a thread."""

import trio

from labd.api.jobs import JobSpec
from labd.daemon.blobs import UserBlobs
from labd.errors import LabdError, NotFound
from labd.jobs.code import CodeUnusable
from labd.jobs.items import Items
from labd.jobs.model import Job


class TaskLines:
    """*blobs* knows which files a user may name."""

    def __init__(self, items: Items, blobs: UserBlobs) -> None:
        self._items = items
        self._blobs = blobs

    async def check(self, spec: JobSpec, uid: int) -> None:
        """Raises NotFound, and UsageError for lines that do not fit the tasks of the array."""
        array = spec.array
        if array is None or not array.items:
            return
        if await self._blobs.missing(uid, [array.items]):
            raise NotFound(f"no blob {array.items} was put", hint="blob.put comes before the submission")
        await trio.to_thread.run_sync(self._items.check, array.items, array.count, array.json, spec.argv)

    async def of(self, job: Job) -> str | None:
        """The line of a task, None where there are none. Raises CodeUnusable when its blob is gone."""
        if not job.array or job.spec.array is None or not job.spec.array.items:
            return None
        position = job.id - job.array - 1
        try:
            return await trio.to_thread.run_sync(self._items.line, job.spec.array.items, position)
        except LabdError as error:
            raise CodeUnusable(error.message, hint="submit the array again") from error
