"""Files that survive a power cut: made whole, or grown at their end. Everything here blocks."""

import os
import shutil
from collections.abc import Iterable


def sync_folder(folder: str) -> None:
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def empty(folder: str) -> None:
    """Make *folder*, with nothing in it."""
    shutil.rmtree(folder, ignore_errors=True)
    os.mkdir(folder, 0o700)


def write(path: str, data: bytes) -> None:
    """Make the file at *path* with the content *data*, which is durable; its name is not yet."""
    with open(path, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def replace(path: str, data: bytes) -> None:
    """Give the file at *path* the content *data*; durable on return. Raises OSError, then nothing changed."""
    write(f"{path}.new", data)
    os.rename(f"{path}.new", path)
    sync_folder(os.path.dirname(path))


class Growing:
    """A file that only grows. ``size`` is how much of it is durable; what stands behind that is junk.

    Of what is written at once, a *late* one comes last: what it says of others is there before it is.
    """

    def __init__(self, path: str, size: int = 0, late: bool = False) -> None:
        self.path, self.size, self.late = path, size, late
        self._fd: int | None = None

    def append(self, data: bytes) -> None:
        """Write *data* behind what is durable, and make it so. Raises OSError; then ``size`` is as before."""
        try:
            fd = self._opened()
            rest, at = memoryview(data), self.size
            while rest:
                count = os.pwrite(fd, rest, at)
                rest, at = rest[count:], at + count
            os.ftruncate(fd, at)
            os.fdatasync(fd)
        except OSError:
            self.close()  # an fsync that failed says nothing any more: the next one is of another opening
            raise
        self.size = at

    def read(self, offset: int, limit: int) -> bytes:
        """What is durable from *offset* on, *limit* bytes at most."""
        room = min(limit, self.size - offset)
        if room <= 0:
            return b""
        with open(self.path, "rb") as file:
            file.seek(offset)
            return file.read(room)

    def close(self) -> None:
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None

    def _opened(self) -> int:
        if self._fd is None:
            new = not os.path.exists(self.path)
            self._fd = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
            if new:
                sync_folder(os.path.dirname(self.path))
        return self._fd


def whole_lines(path: str) -> int:
    """The length of the file at *path* without a last line that is cut off; 0 when there is none."""
    try:
        with open(path, "rb") as file:
            end = file.seek(0, os.SEEK_END)
            while end > 0:
                start = max(0, end - 65_536)
                file.seek(start)
                found = file.read(end - start).rfind(b"\n")
                if found >= 0:
                    return start + found + 1
                end = start
    except FileNotFoundError:
        pass
    return 0


def lines(path: str, end: int) -> Iterable[bytes]:
    """The lines of the file at *path* up to the byte *end*."""
    if end <= 0:
        return
    with open(path, "rb") as file:
        at = 0
        for line in file:
            at += len(line)
            if at > end:
                return
            yield line
