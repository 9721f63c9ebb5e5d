"""How many calls go to a worker at once. Pure."""

TARGET = 0.1
"""Seconds that a chunk is to take."""

MOST = 1000
GROWTH = 16
"""The next chunk is at most so many times as long as the longest before."""

MEMORY = 0.5
"""How much of what is known of the time of a call comes from the newest chunk."""


class Sizer:
    """Learns from what ran. The first chunk is one call, so that the first result is there soon."""

    def __init__(self, target: float = TARGET, most: int = MOST) -> None:
        self._target, self._most = target, most
        self._seconds: float | None = None
        self._longest = 0

    def ran(self, calls: int, seconds: float) -> None:
        """*calls* took *seconds* altogether."""
        each = max(seconds, 0.0) / calls
        before = each if self._seconds is None else self._seconds
        self._seconds = before + (each - before) * MEMORY
        self._longest = max(self._longest, calls)

    def size(self, left: int, workers: int) -> int:
        """Calls for the next chunk when *left* wait for *workers*: towards the end all get their part."""
        if self._seconds is None:
            return 1
        wanted = self._target / self._seconds if self._seconds > self._target / self._most else self._most
        part = -(-left // (2 * max(workers, 1)))
        return max(1, min(int(wanted), self._longest * GROWTH, part, self._most))
