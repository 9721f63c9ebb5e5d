"""The order of steps after which a file survives a power cut: write, fsync, rename, fsync the directory.

Everything here blocks, and raises OSError as the kernel gives it. An fsync that failed is never tried
again on the same file: the kernel may have dropped the pages, and the second answer would be a lie.
"""

import os
import shutil
import time

from labd.errors import Conflict


def fsync_dir(directory: str) -> None:
    """Make the names in *directory* durable."""
    fd = os.open(directory or ".", os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def make_dir(directory: str) -> None:
    """Make *directory*, mode 0700, and what is missing above it; the names are durable on return."""
    if os.path.isdir(directory):
        return
    above = os.path.dirname(directory)
    make_dir(above)
    try:
        os.mkdir(directory, 0o700)
    except FileExistsError:  # another thread needs it too; each returns only once the name is durable
        if not os.path.isdir(directory):
            raise
    fsync_dir(above)


def fsync_file(path: str) -> None:
    """Make the bytes of the file at *path* durable."""
    fd = os.open(path, os.O_RDWR)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def put_in_place(made: str, target: str) -> None:
    """Give the finished file *made* the name *target*: after this either is there whole, or neither."""
    fsync_file(made)
    os.rename(made, target)
    fsync_dir(os.path.dirname(target))


def write_file(directory: str, name: str, data: bytes) -> None:
    """Write *data* as *name*, mode 0600, replacing what was there; durable and whole on return."""
    made = os.path.join(directory, f".{name}.new")
    try:
        create_private(made)
        with open(made, "wb") as file:
            file.write(data)
        put_in_place(made, os.path.join(directory, name))
    except OSError:
        remove(made)
        raise


def write_anew(path: str) -> None:
    """Replace the file by a copy of what the kernel shows of it, on fresh blocks that were synced."""
    copy_file(path, path)


def copy_file(source: str, target: str) -> None:
    """Give *target* the bytes of *source*, by way of a new file; durable and whole on return."""
    made = f"{target}.new"
    try:
        create_private(made)
        shutil.copyfile(source, made)
        put_in_place(made, target)
    except OSError:
        remove(made)
        raise


def create_private(path: str) -> None:
    """An empty file of mode 0600; nobody else can open it even for a moment."""
    os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600))


def remove(path: str) -> None:
    """Unlink *path*; it is no error when it is not there."""
    try:
        os.unlink(path)
    except FileNotFoundError:
        pass


def dated(prefix: str, now: float, suffix: str = "") -> str:
    """A path that is not taken: *prefix*, the time in UTC, *suffix*; a number is added when needed."""
    stem = prefix + time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(now))
    for number in range(1000):
        path = f"{stem}-{number}{suffix}" if number else f"{stem}{suffix}"
        if not os.path.lexists(path):
            return path
    raise Conflict(f"a thousand files are named {stem}*", hint="move them away")
