"""What a killed shim leaves behind, found by the token in its environment and killed (promise R8).

Every attempt has a random ``LABD_TOKEN``. A process is killed only after its pidfd was opened and its
environment read again, so that no pid that changed hands is hit.
"""

import os
import select
import signal
import time

from labd.errors import DeadlineExceeded, UsageError
from labd.process import procs

TOKEN = "LABD_TOKEN"
SHORTEST = 8


def end(token: str, timeout: float = 5.0) -> int:
    """Kill every process whose environment holds ``LABD_TOKEN=token``; how many there were.

    Blocks for *timeout* seconds at most; usually some milliseconds. Raises DeadlineExceeded that names
    the processes which are still there, UsageError for a token too short to be one.
    """
    if len(token) < SHORTEST:
        raise UsageError(f"the token {token!r} is shorter than {SHORTEST} characters")
    deadline, killed = time.monotonic() + timeout, set[int]()
    while found := find(token):
        killed.update(found)
        for pid in found:
            _end(pid, token, deadline)
        if time.monotonic() > deadline and (left := find(token)):
            raise DeadlineExceeded(f"processes {', '.join(map(str, left))} of a lost job cannot be killed")
    return len(killed)


def find(token: str) -> list[int]:
    """The living processes that carry *token*, this one left out."""
    return [pid for pid in procs.pids() if pid != os.getpid() and carries(pid, token)]


def carries(pid: int, token: str) -> bool:
    """Whether the environment that *pid* was started with holds the token. Zombies have none."""
    try:
        with open(f"/proc/{pid}/environ", "rb") as file:
            return f"{TOKEN}={token}".encode() in file.read().split(b"\0")
    except OSError:
        return False  # gone, or another user's


def _end(pid: int, token: str, deadline: float) -> None:
    pidfd = procs.pin(pid)
    if pidfd is None:
        return
    try:
        if carries(pid, token):
            reached = procs.deliver(pidfd, signal.SIGKILL)
            left = max(0.0, deadline - time.monotonic())
            select.select([pidfd], [], [], left if reached else min(left, 0.05))  # readable: it is dead
    finally:
        os.close(pidfd)
