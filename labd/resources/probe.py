"""What this machine has: cores this process may use, memory."""

import os
from pathlib import Path

from labd.resources.ledger import MILLI, Capacity


def machine(cores: int | str = "auto", memory: int | str = "auto") -> Capacity:
    """The capacity to book from: each part as configured, or as the machine says with ``auto``.

    GPUs are another story: :mod:`labd.resources.inventory`.
    """
    return Capacity(
        cores=MILLI * (cores if isinstance(cores, int) else len(os.sched_getaffinity(0))),
        memory=memory if isinstance(memory, int) else _memory(),
    )


def _memory() -> int:
    return min([os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"), *cgroup_limits()])


def cgroup_limits(own: Path = Path("/proc/self/cgroup"), root: Path = Path("/sys/fs/cgroup")) -> list[int]:
    """Bytes that the control groups around this process allow it (cgroup v2: ``memory.max``)."""
    try:
        paths = [line[3:].lstrip("/") for line in own.read_text().splitlines() if line.startswith("0::")]
    except OSError:
        return []
    around = [root / path for path in paths]
    return [limit for inner in around for group in (inner, *inner.parents) if (limit := _limit(group)) > 0]


def _limit(group: Path) -> int:
    try:
        text = (group / "memory.max").read_text().strip()
    except OSError:
        return 0
    return int(text) if text.isdecimal() else 0
