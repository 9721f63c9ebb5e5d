"""What a job may use, and how that is seen to: by a control group, else by looking at its processes."""

from __future__ import annotations

import os
import signal

from labd.process import group
from labd.process.memory import Watch

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class Bounds:
    """The bounds of one job. Keys of the order, all optional:

    ``memory``: bytes for all its processes together, 0 for no limit. ``cgroup``: a folder of cgroup v2
    that is ours; the job gets a group *name* below it. ``cpus``: held to where ``enforce_cpus`` is true
    and the group has the means. ``tasks``: the most threads of all processes together, where the group
    has the means. Raises ValueError or TypeError for what is no number.
    """

    def __init__(self, order: dict[str, Any], name: str) -> None:
        self.memory = int(order.get("memory") or 0)
        self._cpus = float(order.get("cpus") or 0) if order.get("enforce_cpus") else 0.0
        self._tasks = int(order.get("tasks") or 0)
        self._path = os.path.join(order["cgroup"], name) if order.get("cgroup") else ""
        self._group: group.Group | None = None
        self._watch: Watch | None = None
        self._ooms, self._full = 0, False
        self.peak: int | None = None
        """The most memory that all processes together held, in bytes; None where nobody counted."""

    def admit(self, pid: int) -> str:
        """Put the job *pid*, which has not begun, in its bounds; what did not work, or nothing."""
        try:
            held, trouble = self._enclose(pid), ""
        except OSError as error:
            held, trouble = False, f"no control group {self._path}: {error.strerror}"
        if self.memory and not held:
            self._watch = Watch(os.getpid(), self.memory)
        return trouble

    def _enclose(self, pid: int) -> bool:
        """Make the group and move *pid* in; whether the kernel now sees to the memory."""
        if not self._path:
            return False
        made = group.make(self._path)
        try:
            made.add(pid)
        except OSError:
            made.remove()
            raise
        self._group = made
        if self._cpus:
            made.limit_cpus(self._cpus)
        if self._tasks:
            made.limit_tasks(self._tasks)
        return bool(self.memory) and made.limit_memory(self.memory)

    def exceeded(self, now: float) -> bool:
        """Whether the job was seen to use more memory than it may. *now* in seconds of any clock."""
        return self._watch is not None and self._watch.exceeded(now)

    def wait(self, now: float) -> float | None:
        """Seconds until :meth:`exceeded` wants to be asked again; None for ever."""
        return None if self._watch is None else self._watch.wait(now)

    def kill(self) -> None:
        """SIGKILL to all that is in the group; where there is none the caller's own signals must do."""
        if self._group is not None:
            self._group.kill()

    def settle(self, largest: int) -> None:
        """The job is over: note what it used and clear up. *largest*: bytes its largest process held."""
        if self._watch is not None:  # a spike between two looks shows in the largest process alone
            self.peak = max(self._watch.peak, min(largest, self.memory))
        if self._group is not None:
            counted = self._group.peak()
            self.peak = self.peak if counted is None else counted
            self._ooms, self._full = self._group.ooms(), self._group.full()
            self._group.remove()

    def reason(self, reason: str, signum: int | None) -> str:
        """Why the job ended: *reason*, or that the kernel killed its main process for want of memory."""
        starved = reason == "exited" and signum == signal.SIGKILL and self._ooms
        return "out_of_memory" if starved else reason

    def explain(self, reason: str) -> str:
        """What to say of an end for *reason*: nothing unless it was the memory."""
        if reason != "out_of_memory":
            return ""
        used, limit = self.peak, self.memory
        if limit and used is not None and used > limit:
            return "used {} of the {} it asked for".format(*_apart(used, limit))
        if limit and self._full:
            return f"used all of the {_size(limit)} it asked for"
        return "the machine ran out of memory" + ("" if used is None else f" when it used {_size(used)}")


def _apart(used: int, limit: int) -> tuple[str, str]:
    """Both in words, with as many digits as it takes to tell them apart."""
    for digits in range(1, 4):
        words = _size(used, digits), _size(limit, digits)
        if words[0] != words[1]:
            break
    return words


def _size(count: int, digits: int = 1) -> str:
    unit, scale = ("GiB", 1 << 30) if count >= 1 << 30 else ("MiB", 1 << 20)
    if count < 1 << 20:
        return f"{count} bytes"
    return f"{count / scale:.{digits}f}".rstrip("0").rstrip(".") + f" {unit}"
