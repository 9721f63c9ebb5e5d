"""What SQLite's index of the log remembers: how much of the log had been committed when labd was killed.

SQLite reads the log up to the first checksum that fails and says nothing of the rest: to it, noise in the
log is a commit that a power cut interrupted. The index (``-shm``) lives in the page cache. Within one
boot it outlives the process, and is written only after the commit is on the disk; so a log that holds less
than its index says has lost commits that were acknowledged. After a power cut it says nothing reliable.
"""

import os
import struct
import time
from typing import NamedTuple

_HEADER = struct.Struct("=3I2BH6I8x")  # https://sqlite.org/walformat.html#the_wal_index_file_format
_BACKFILL = 96


class Promised(NamedTuple):
    """Frames that were committed to the log, and how many of them the file itself holds already."""

    frames: int
    carried_over: int


def promised(path: str) -> Promised | None:
    """What the log of the database at *path* must hold, None when nothing is known or nothing needed.

    To be asked before anything opens the database: the first connection writes the index anew.
    """
    try:
        with open(f"{path}-shm", "rb") as file:
            head = file.read(_BACKFILL + 4)
            born = os.fstat(file.fileno()).st_mtime
    except FileNotFoundError:
        return None
    whole = len(head) == _BACKFILL + 4 and head[:48] == head[48:96]
    if not whole or born < time.time() - time.clock_gettime(time.CLOCK_BOOTTIME):
        return None
    found = Promised(_HEADER.unpack(head[:48])[6], int.from_bytes(head[_BACKFILL:], "little"))
    return found if found.frames > found.carried_over else None
