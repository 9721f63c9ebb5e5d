"""What the machine really does: processors, memory, disks. Said to those alone who follow it by name.

While nobody does, nothing is read.
"""

import os
from collections.abc import Callable, Iterable
from typing import Any

import trio

from labd.daemon.events import Bus

KIND = "machine.sampled"
INTERVAL = 2.0
"""Seconds between two samples."""

PROC = "/proc"


class Sampler:
    """The service. *tell* says something that is not kept; *folders* are those whose disks matter."""

    def __init__(self, bus: Bus, tell: Callable[[str, dict[str, Any]], None], folders: Iterable[str]) -> None:
        self._bus, self._tell, self._folders = bus, tell, tuple(folders)
        self._before: tuple[int, int] | None = None

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Sample while somebody follows."""
        task_status.started()
        while True:
            if self._bus.followed(KIND):
                self._tell(KIND, await trio.to_thread.run_sync(self._sample))
            else:
                self._before = None
            await trio.sleep(INTERVAL)

    def _sample(self) -> dict[str, Any]:
        before, self._before = self._before, processor_ticks(_text("stat"))
        total, free = memory(_text("meminfo"))
        return {
            "cpu": None if before is None else busy(before, self._before),
            "cores": os.cpu_count(),
            "load": os.getloadavg()[0],
            "memory": total,
            "memory_used": total - free,
            "disks": disks(self._folders),
        }


def processor_ticks(stat: str) -> tuple[int, int]:
    """Ticks that all processors worked, and all that there were, of ``/proc/stat`` (proc(5))."""
    fields = [int(word) for word in stat.partition("\n")[0].split()[1:9]]
    return sum(fields) - fields[3] - fields[4], sum(fields)  # the fourth is idle, the fifth waits for disks


def busy(before: tuple[int, int], now: tuple[int, int]) -> float:
    """The part of the processors that worked in between, from 0 to 1."""
    spent = now[1] - before[1]
    return min(max((now[0] - before[0]) / spent, 0.0), 1.0) if spent > 0 else 0.0


def memory(meminfo: str) -> tuple[int, int]:
    """Bytes of memory, and how many of them are to be had, of ``/proc/meminfo``."""
    rows = dict(line.split(":", 1) for line in meminfo.splitlines() if ":" in line)
    return int(rows["MemTotal"].split()[0]) * 1024, int(rows["MemAvailable"].split()[0]) * 1024


def disks(folders: Iterable[str]) -> list[dict[str, Any]]:
    """The file systems of *folders*, each once, with their bytes; those that do not answer are left out."""
    found: dict[int, dict[str, Any]] = {}
    for folder in folders:
        try:
            device, room = os.stat(folder).st_dev, os.statvfs(folder)
        except OSError:
            continue
        sizes = {"total": room.f_blocks * room.f_frsize, "free": room.f_bavail * room.f_frsize}
        found.setdefault(device, {"path": folder} | sizes)
    return list(found.values())


def _text(name: str) -> str:
    with open(f"{PROC}/{name}", encoding="ascii") as file:
        return file.read()
