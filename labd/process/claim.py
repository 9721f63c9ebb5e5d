"""The folder of a task that an engine runs somewhere: who may begin it, and what became of it.

A task begins at most once: whoever begins it holds ``lock``, writes ``started`` first and ``exit`` last. As
with the attempts of jobs, what happened can be read from the folder by anybody who sees it. ``void`` says
that it shall never begin. Standard library only. Everything here blocks.
"""

from __future__ import annotations

import fcntl
import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

TASK, LOCK, CTL, STARTED, EXIT, VOID = "task.json", "lock", "ctl", "started", "exit", "void"
INPUT, OUTPUT, LOG = "input", "output", "out.log"

WAITING, RUNNING, ENDED, LOST, NEVER = "waiting", "running", "ended", "lost", "never"


def standing(folder: str) -> str:
    """How the task of *folder* stands: ``waiting`` (not begun, and may yet), ``running``, ``ended`` (its
    ``exit`` is there), ``lost`` (begun, runs no more, left no ``exit``) or ``never``. Raises OSError.
    """
    if _has(folder, EXIT) or not _has(folder, STARTED):
        return standing_of_idle(folder)  # the lock is left alone: to whoever begins now it would look taken
    fd = take(folder)
    if fd is None:
        return RUNNING
    os.close(fd)
    return standing_of_idle(folder)


def void(folder: str) -> str:
    """See to it that the task of *folder* never begins; how it stands then: ``never``, or what came before
    that. Durable on return. Raises OSError.
    """
    fd = take(folder)
    if fd is None:
        return RUNNING
    try:
        found = standing_of_idle(folder)
        if found == WAITING:
            put(folder, VOID, b"")
            return NEVER
        return found
    finally:
        os.close(fd)


def cancel(folder: str) -> str:
    """Have the task of *folder* end, or never begin; how it stands now: a task that runs takes a while.
    Raises OSError.
    """
    found = void(folder)
    if found == RUNNING:
        try:
            fd = os.open(os.path.join(folder, CTL), os.O_WRONLY | os.O_NONBLOCK)
        except OSError:
            return found  # it is about to begin, or has just ended
        try:
            os.write(fd, b"cancel 10\n")
        finally:
            os.close(fd)
    return found


def take(folder: str) -> int | None:
    """The lock of *folder*, held as long as this descriptor is open; None when somebody has it."""
    fd = os.open(os.path.join(folder, LOCK), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(fd)
        return None
    return fd


def deliver(folder: str, files: Mapping[str, bytes]) -> None:
    """Put what a machine that does not see *folder* left of its task there, ``exit`` last; durable on
    return. Raises OSError.
    """
    for name in sorted(files, key=lambda name: name == EXIT):
        put(folder, name, files[name])


def put(folder: str, name: str, data: bytes) -> None:
    """The file *name* in *folder*, whole or not at all; durable on return. Raises OSError."""
    path = os.path.join(folder, name)
    with open(f"{path}.new", "wb", opener=_private) as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    os.rename(f"{path}.new", path)
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def standing_of_idle(folder: str) -> str:
    """The same of a folder that nobody else holds; ``exit`` first, since it may have come meanwhile."""
    for name, found in ((EXIT, ENDED), (STARTED, LOST), (VOID, NEVER)):
        if _has(folder, name):
            return found
    return WAITING


def _has(folder: str, name: str) -> bool:
    return os.path.exists(os.path.join(folder, name))


def _private(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NOFOLLOW, 0o600)
