"""Reading a job's output: by offset, and waiting for more."""

import os

import msgspec
import trio

from labd.jobs.watch import MODIFY, Watcher

MAX_CHUNK = 1_048_576
"""Bytes in one answer."""


class Chunk(msgspec.Struct, frozen=True):
    """Bytes of the output from an offset on, where to go on, and how long the file is now."""

    data: bytes
    offset: int
    size: int


def read(folder: str, offset: int, limit: int) -> Chunk:
    """Output from byte *offset*; a negative one counts from the end. Empty when there is no file yet."""
    try:
        with open(os.path.join(folder, "out.log"), "rb") as file:
            size = os.fstat(file.fileno()).st_size
            start = max(0, size + offset) if offset < 0 else min(offset, size)
            file.seek(start)
            data = file.read(min(limit, MAX_CHUNK))
    except FileNotFoundError:
        return Chunk(b"", max(offset, 0), 0)
    return Chunk(data, start + len(data), size)


async def wait_more(watcher: Watcher, folder: str, offset: int) -> None:
    """Wait until the output is longer than *offset*. Cancel it when the attempt is over."""
    changed = trio.Event()
    try:
        watch = watcher.add(folder, MODIFY, lambda event: changed.set())
    except FileNotFoundError:
        await trio.sleep_forever()  # the folder is gone: nothing will be written
    with watch:
        while read(folder, offset, 0).size <= offset:
            await changed.wait()
            changed = trio.Event()
