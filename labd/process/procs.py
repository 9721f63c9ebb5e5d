"""Processes as /proc shows them, and signals that cannot hit a stranger.

A pid is only a hint: it may belong to somebody else by the time a signal is sent. So a pidfd is opened
first, which pins one process, then /proc is read again, and only if it still shows the process that
was meant is the signal sent through the pidfd.
"""

from __future__ import annotations

import os
import signal
from collections import namedtuple

Process = namedtuple("Process", "pid parent state born")
"""``born`` is the start time in clock ticks since boot; with the pid it names one process."""


def look(pid: int) -> Process | None:
    """The process *pid* as it is now, or None."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            return parse(file.read())
    except OSError:
        return None


def parse(stat: bytes) -> Process | None:
    """A line of ``/proc/PID/stat``. The name stands in brackets and may itself hold ``) R 1``."""
    head, _, tail = stat.rpartition(b")")
    fields = tail.split()
    if len(fields) < 20:
        return None
    return Process(int(head.split(b" ", 1)[0]), int(fields[1]), fields[0].decode(), int(fields[19]))


def pids() -> list[int]:
    """Every process that /proc lets us see."""
    return [int(name) for name in os.listdir("/proc") if name.isdigit()]


def descendants(root: int, table: list[Process]) -> list[Process]:
    """Those of *table* that descend from the process *root*, zombies left out, parents first."""
    children: dict[int, list[Process]] = {}
    for process in table:
        children.setdefault(process.parent, []).append(process)
    found, parents = [], [root]
    for parent in parents:
        below = children.pop(parent, [])
        found += below
        parents += [process.pid for process in below]
    return [process for process in found if process.state != "Z"]


def below(root: int) -> list[tuple[int, int]]:
    """The pids of what descends from *root*, each with its parent's; parents first.

    Asks only the processes of the tree for their children, so that it costs nothing on a full machine.
    Who starts or ends meanwhile may be missed.
    """
    if not os.path.exists(f"/proc/{root}/task/{root}/children"):  # a kernel without PROC_CHILDREN
        table = [process for pid in pids() if (process := look(pid))]
        return [(process.pid, process.parent) for process in descendants(root, table)]
    found, seen = [(root, 0)], {root}
    for parent, _ in found:
        fresh = [pid for pid in _children(parent) if pid not in seen]
        seen.update(fresh)
        found += [(pid, parent) for pid in fresh]
    return found[1:]


def tasks_of(uid: int) -> int:
    """How many threads the user *uid* has, as far as /proc shows; RLIMIT_NPROC counts them all."""
    count = 0
    for pid in pids():
        try:
            if os.stat(f"/proc/{pid}").st_uid == uid:
                count += len(os.listdir(f"/proc/{pid}/task"))
        except OSError:
            continue  # it ended
    return count


def _children(pid: int) -> list[int]:
    """Every thread has children of its own."""
    found: list[int] = []
    try:
        for thread in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{thread}/children", "rb") as file:
                found += map(int, file.read().split())
    except OSError:
        pass  # it ended, or the thread did
    return found


def signal_tree(root: int, *signals: int, told: set[tuple[int, int]] | None = None) -> tuple[int, int]:
    """Send *signals* to all that descends from *root*; how many got them, and how many are not ours.

    *root* must be a subreaper: then every process its jobs ever started is below it. One round may
    miss a process that is being forked; so whoever wants an end repeats it. Processes in *told*, by pid
    and time of birth, are passed over, and those that are reached join it.
    """
    table = [process for pid in pids() if (process := look(pid))]
    answers = []
    for process in descendants(root, table):
        if told is None or (process.pid, process.born) not in told:
            answers.append(send(process, root, *signals))
            if told is not None:
                told.add((process.pid, process.born))
    return answers.count(True), answers.count(None)


def send(meant: Process, adopter: int, *signals: int) -> bool | None:
    """Signal the process *meant* if it is still the same, its parent or *adopter* above it.

    True when it got the signals, False when it is gone, None when the kernel does not let us.
    """
    pidfd = pin(meant.pid)
    if pidfd is None:
        return False
    try:
        now = look(meant.pid)
        if now is None or now.born != meant.born or now.parent not in (meant.parent, adopter):
            return False
        return deliver(pidfd, *signals)
    finally:
        os.close(pidfd)


def pin(pid: int) -> int | None:
    """A pidfd of *pid*, or None when it is gone."""
    try:
        return os.pidfd_open(pid)
    except ProcessLookupError:
        return None


def deliver(pidfd: int, *signals: int) -> bool | None:
    """Send *signals* through *pidfd*; the answers are those of :func:`send`."""
    try:
        for signum in signals:
            signal.pidfd_send_signal(pidfd, signum)
    except ProcessLookupError:
        return False
    except PermissionError:
        return None
    return True
