"""How much memory a job holds, by looking at its processes; for machines where no control group counts it.

Nothing in the kernel but a control group limits a whole tree. RLIMIT_AS and RLIMIT_DATA are no second
line: they count what is mapped, and CUDA, TensorFlow, Java and Go map many times what they use, as do
the stacks of many threads; a job well within its limit would fail. So the processes are looked at again
and again, every 0.1 to 1 s: the less is left, the sooner. A job without a limit is never looked at.

What counts is memory that only the end of the process gives back: anonymous pages and shared memory. Pages
of mapped files (a data set, libraries) are the kernel's to drop, as they are below a control group.
"""

from __future__ import annotations

import time

from labd.process import kernel, procs

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

SOONEST, LATEST = 0.1, 1.0  # seconds between two looks
GROWTH = 4 << 30  # bytes a second: what is left is not used up faster, usually
SHARE = 20  # looking takes at most one part in so many of a core


class Watch:
    """Looks at the memory of what descends from *root*, and says when it is more than *limit* bytes.

    ``peak`` is the most that was seen. *measure* takes *root* and *limit* as :func:`held` does.
    """

    def __init__(self, root: int, limit: int, measure: Callable[[int, int], int] | None = None) -> None:
        self._root, self._limit = root, limit
        self._measure = measure or held
        self._next = 0.0
        self.peak = 0

    def exceeded(self, now: float) -> bool:
        """Look if it is time to (*now* in seconds); whether more than the limit was ever seen."""
        if now >= self._next and self.peak <= self._limit:
            began = time.process_time()
            used = self._measure(self._root, self._limit)
            self.peak = max(self.peak, used)
            self._next = now + pause(self._limit - used, time.process_time() - began)
        return self.peak > self._limit

    def wait(self, now: float) -> float | None:
        """Seconds until the next look; None when there is none to come."""
        return max(self._next - now, 0.0) if self.peak <= self._limit else None


def pause(left: int, cost: float) -> float:
    """Seconds to the next look when *left* bytes are left and a look takes *cost* seconds of a core."""
    return max(min(left / GROWTH, LATEST), SOONEST, SHARE * cost)


def held(root: int, limit: int) -> int:
    """Bytes that the descendants of *root* hold.

    Up to *limit* it is a sum over the processes: what several share counts for each. Above it what
    they share is divided among them, which is exact and takes the kernel longer.
    """
    family = [pid for pid, parent in procs.below(root) if not kernel.same_memory(pid, parent)]
    used = sum(own(pid) for pid in family)
    return used if used <= limit else sum(proportional(pid) for pid in family)


def own(pid: int) -> int:
    """Bytes of memory that the process *pid* holds, shared ones in full; 0 when it is gone."""
    return _total(f"/proc/{pid}/status", b"RssAnon:", b"RssShmem:") or 0


def proportional(pid: int) -> int:
    """The same with shared ones divided by the number of processes, where we may know."""
    found = _total(f"/proc/{pid}/smaps_rollup", b"Pss_Anon:", b"Pss_Shmem:")
    return own(pid) if found is None else found


def _total(path: str, *names: bytes) -> int | None:
    """The sum of the lines *names*, which are in KiB; None without them (a zombie, not ours to read)."""
    try:
        with open(path, "rb") as file:
            found = [int(line.split()[1]) for line in file if line.startswith(names)]
    except OSError:
        return None
    return 1024 * sum(found) if found else None
