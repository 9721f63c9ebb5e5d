"""The control group of one job (cgroup v2): the kernel's own limit, an end that nothing escapes, a peak.

Which files a group has depends on the controllers that its parent passes on: without ``memory`` there is
no limit and no peak, and the processes are still all known and ended at once.
https://docs.kernel.org/admin-guide/cgroup-v2.html
"""

from __future__ import annotations

import os
import time

PERIOD = 100_000  # microseconds of cpu.max
LEAST = 1_000  # the kernel takes no smaller share of a period
PATIENCE = 50  # tries to remove a group; the last of its processes may take a moment to leave


def make(path: str) -> Group:
    """Make the group *path*. An older one of that name is ended first. Raises OSError."""
    group = Group(path)
    try:
        os.mkdir(path, 0o755)
    except FileExistsError:
        group.kill()  # its attempt never began, or its shim was killed
        group.remove()
        os.mkdir(path, 0o755)
    return group


class Group:
    """The group in the folder *path*."""

    def __init__(self, path: str) -> None:
        self.path = path

    def limit_memory(self, limit: int) -> bool:
        """Have the kernel hold all processes to *limit* bytes together; whether it does.

        Who needs more does not get swap instead, and when one of them has to go all go: half a job is
        none, and would look as if it ran.
        """
        if not self._put("memory.max", str(limit)):
            return False
        self._put("memory.swap.max", "0")
        self._put("memory.oom.group", "1")
        return True

    def limit_cpus(self, cpus: float) -> bool:
        """Have the kernel hold all processes to *cpus* cores together; whether it does."""
        return self._put("cpu.max", f"{max(LEAST, round(cpus * PERIOD))} {PERIOD}")

    def limit_tasks(self, tasks: int) -> bool:
        """Have the kernel refuse more than *tasks* threads of all processes together; whether it does."""
        return self._put("pids.max", str(tasks))

    def add(self, pid: int) -> None:
        """Move *pid* in; what it starts from now on is in too. Raises OSError."""
        with open(os.path.join(self.path, "cgroup.procs"), "w") as file:
            file.write(str(pid))

    def kill(self) -> bool:
        """SIGKILL to every process in it at once, those just being forked included (Linux 5.14)."""
        return self._put("cgroup.kill", "1")

    def ooms(self) -> int:
        """How many of its processes the kernel killed for want of memory, below its limit or not."""
        return self._event("oom_kill")

    def full(self) -> bool:
        """Whether it came to its own limit with nothing left to drop."""
        return self._event("oom") > 0

    def peak(self) -> int | None:
        """The most bytes that it ever used, file cache included; None where that is not counted."""
        text = self._get("memory.peak")
        return int(text) if text.strip().isdigit() else None

    def remove(self) -> bool:
        """Remove it and what the job made below it; False when it is not empty."""
        for _ in range(PATIENCE):
            if _remove(self.path):
                return True
            time.sleep(0.01)
        return False

    def _event(self, name: str) -> int:
        for line in self._get("memory.events").splitlines():
            key, _, count = line.partition(" ")
            if key == name:
                return int(count)
        return 0

    def _get(self, name: str) -> str:
        try:
            with open(os.path.join(self.path, name)) as file:
                return file.read()
        except OSError:
            return ""  # the controller is not ours, or the kernel is older

    def _put(self, name: str, text: str) -> bool:
        try:
            fd = os.open(os.path.join(self.path, name), os.O_WRONLY | os.O_CLOEXEC)
        except OSError:
            return False  # as above
        try:
            return os.write(fd, text.encode()) > 0
        except OSError:
            return False  # no such value for this kernel
        finally:
            os.close(fd)


def _remove(path: str) -> bool:
    try:
        inner = [entry.path for entry in os.scandir(path) if entry.is_dir(follow_symlinks=False)]
        for below in inner:
            _remove(below)
        os.rmdir(path)
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return True
