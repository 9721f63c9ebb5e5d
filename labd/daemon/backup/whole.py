"""A file that appears whole or never: it has no name before it is finished, so that a kill leaves nothing."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO

from labd.errors import Conflict
from labd.store import durable

_CANNOT = (errno.EOPNOTSUPP, errno.EISDIR, errno.EINVAL)


@contextmanager
def whole_file(path: str) -> Iterator[BinaryIO]:
    """A new file to write, mode 0600, named *path* and durable after the block.

    Raises Conflict when the name is taken: nothing is ever overwritten.
    """
    folder, name = os.path.split(os.path.abspath(path))
    refuse_taken(path)
    fd, made = _open(folder, name)
    try:
        with os.fdopen(fd, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
            _name(made or f"/proc/self/fd/{fd}", folder, name, path)
    finally:
        if made:
            durable.remove(made)
    durable.fsync_dir(folder)


def refuse_taken(path: str) -> None:
    """Raise Conflict when there is something at *path*."""
    if os.path.lexists(path):
        raise Conflict(f"{path} is there already", hint="name another file, such as labd-$(date +%F).tar.gz")


def _open(folder: str, name: str) -> tuple[int, str]:
    """A file without a name; where the file system knows none, with a name that says it is not finished."""
    try:
        return os.open(folder, os.O_TMPFILE | os.O_RDWR | os.O_CLOEXEC, 0o600), ""
    except OSError as error:
        if error.errno not in _CANNOT:
            raise
    made = os.path.join(folder, f".{name}.unfinished")
    return os.open(made, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600), made


def _name(source: str, folder: str, name: str, path: str) -> None:
    above = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.link(source, name, dst_dir_fd=above, follow_symlinks=True)
    except FileExistsError:
        raise Conflict(f"{path} was made by somebody meanwhile", hint="name another file") from None
    finally:
        os.close(above)
