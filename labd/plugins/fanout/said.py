"""What the call of a worker prints, in a file that outlives the worker. Standard library only.

The file is the user's, beside a number that says which call it is of. The worker that comes after a dead one
reads both (:func:`last_words`); one that leaves in peace takes them away.
"""

import mmap
import os
import struct
import time

UNUSED = 86_400.0
"""Seconds after which a file that nobody asked for is removed."""

MOST = 131_072
"""Bytes of a call's output that are kept; of more the middle is left out."""

_CALL = struct.Struct("<q")


class Capture:
    """Catches what goes to :attr:`fd`. Without a *name*, or a place for it, in memory alone."""

    def __init__(self, name: str) -> None:
        self._paths = _paths(name) if name else []
        try:
            self.fd = os.open(self._paths[0], os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            self._call = _mark(self._paths[1])
        except (OSError, IndexError):
            self.fd = os.memfd_create("said")
            self._call = mmap.mmap(-1, _CALL.size)

    def begin(self, call: int) -> None:
        """What is printed from now on is of *call*."""
        _CALL.pack_into(self._call, 0, call)

    def taken(self) -> str:
        """What was printed since the last time."""
        size = os.fstat(self.fd).st_size
        if not size:
            return ""
        text = _text(self.fd, size)
        os.ftruncate(self.fd, 0)
        os.lseek(self.fd, 0, os.SEEK_SET)
        return text

    def catch(self) -> None:
        """Have all that is printed go here."""
        for fd in (1, 2):
            os.dup2(self.fd, fd)

    def moved(self, name: str) -> "Capture":
        """Another with *name*, which has what was printed so far, and catches what comes."""
        other = Capture(name)
        os.write(other.fd, self.taken().encode())
        other.catch()
        os.close(self.fd)
        return other

    def leave(self) -> None:
        """Nobody needs to read it any more."""
        _remove(self._paths)
        if self._paths:
            _prune(os.path.dirname(self._paths[0]))


def last_words(name: str) -> list[object]:
    """The call and the output of the worker that had *name*; nothing where there is none."""
    paths = _paths(name)
    try:
        with open(paths[0], "rb") as said, open(paths[1], "rb") as mark:
            text = _text(said.fileno(), os.fstat(said.fileno()).st_size)
            found = [_CALL.unpack(mark.read(_CALL.size))[0], text]
    except (OSError, struct.error):
        found = []
    _remove(paths)
    _prune(os.path.dirname(paths[0]))
    return found


def _paths(name: str) -> list[str]:
    cache = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    folder = os.path.join(cache, "labd", "said")
    try:
        os.makedirs(folder, mode=0o700, exist_ok=True)
    except OSError:
        pass  # a home that cannot be written: output is caught in memory
    return [os.path.join(folder, name), os.path.join(folder, f"{name}.call")]


def _mark(path: str) -> mmap.mmap:
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        os.ftruncate(fd, _CALL.size)
        return mmap.mmap(fd, _CALL.size)
    finally:
        os.close(fd)


def _text(fd: int, size: int) -> str:
    half = MOST // 2
    data = os.pread(fd, MOST, 0)
    if size > MOST:
        data = data[:half] + f"\n({size - MOST} bytes left out)\n".encode() + os.pread(fd, half, size - half)
    return data.decode("utf-8", "replace")


def _remove(paths: list[str]) -> None:
    for path in paths:
        try:
            os.unlink(path)
        except OSError:
            pass  # it is gone, or was never there


def _prune(folder: str) -> None:
    oldest = time.time() - UNUSED
    for entry in os.scandir(folder):
        if entry.stat(follow_symlinks=False).st_mtime < oldest:
            _remove([entry.path])
