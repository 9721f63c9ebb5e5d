"""Time in the kinds that labd uses, and the identity of this boot."""

import time
from pathlib import Path


def boot_id() -> str:
    """What the kernel calls this boot; boot times of another one mean nothing."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return ""


class SystemClock:
    """The machine's clocks. Durations come from ``boot``: a jump of the wall clock moves nothing."""

    def __init__(self) -> None:
        self.boot_id = boot_id()

    def wall(self) -> float:
        return time.time()

    def boot(self) -> float:
        return time.clock_gettime(time.CLOCK_BOOTTIME)
