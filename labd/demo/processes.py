"""Processes of this user, found by what they were started with, so that no pid is ever guessed."""

import os
import select
import signal
import time
from typing import NamedTuple


class Process(NamedTuple):
    """One process and no other: ``born`` is its start in clock ticks since boot."""

    pid: int
    born: int


def find(mark: str) -> list[Process]:
    """The living processes, but for this one, with *mark* in their arguments or their environment.

    In both, every entry ends with a NUL.
    """
    mine = os.getpid()
    pids = [int(name) for name in os.listdir("/proc") if name.isdigit()]
    found = [look(pid) for pid in pids if pid != mine and carries(pid, mark)]
    return sorted(process for process in found if process is not None)


def look(pid: int) -> Process | None:
    """The process *pid*, or None when it is gone or only waits to be buried."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            fields = file.read().rpartition(b")")[2].split()
    except OSError:
        return None
    return None if fields[0] in (b"Z", b"X") else Process(pid, int(fields[19]))


def lives(process: Process) -> bool:
    """Whether it is still there: the same one, not another by its number."""
    return look(process.pid) == process


def carries(pid: int, mark: str) -> bool:
    """Whether the process was started with *mark* anywhere in its arguments or environment."""
    return any(mark.encode() in _read(f"/proc/{pid}/{name}") for name in ("cmdline", "environ"))


def end(mark: str, timeout: float = 10.0) -> list[Process]:
    """Kill all that :func:`find` finds, until there is none; those that are left after *timeout* s."""
    deadline = time.monotonic() + timeout
    while found := find(mark):
        for process in found:
            _kill(process, mark)
        if time.monotonic() > deadline:
            return found
    return []


def _kill(process: Process, mark: str) -> None:
    """The pidfd pins the process; only then is it sure that the signal cannot hit a stranger."""
    try:
        pidfd = os.pidfd_open(process.pid)
    except OSError:
        return
    try:
        if lives(process) and carries(process.pid, mark):
            signal.pidfd_send_signal(pidfd, signal.SIGKILL)
            select.select([pidfd], [], [], 1.0)  # readable: it is dead
    except OSError:
        pass  # gone by itself, or not ours to kill: the caller looks again
    finally:
        os.close(pidfd)


def _read(path: str) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError:
        return b""  # gone, or another user's
