"""What the store counts, and the record in which it is shown."""

import os
import statistics
from collections import deque
from typing import Literal

import msgspec

State = Literal["open", "failed", "closed"]


class Statistics(msgspec.Struct, frozen=True):
    """Where the store stands. Commit times are seconds: the median is of the last 256 commits, the sum of
    all."""

    path: str
    state: State
    cause: str
    commits: int
    changes: int
    mean_batch: float
    last_commit: float
    median_commit: float
    failures: int
    queued: int
    file_bytes: int
    log_bytes: int
    commit_seconds: float = 0.0


class Tally:
    """Counts commits and failures; touched by the loop alone."""

    def __init__(self) -> None:
        self._commits = self._changes = self._failures = 0
        self._total = 0.0
        self._seconds: deque[float] = deque(maxlen=256)

    def committed(self, changes: int, seconds: float) -> None:
        """One commit of so many changes, which took so long."""
        self._commits += 1
        self._changes += changes
        self._seconds.append(seconds)
        self._total += seconds

    def failed(self) -> None:
        """A commit or a checkpoint failed."""
        self._failures += 1

    def statistics(self, path: str, state: State, cause: str, queued: int) -> Statistics:
        """The record, with the sizes of the files as they are now."""
        return Statistics(
            path=path,
            state=state,
            cause=cause,
            commits=self._commits,
            changes=self._changes,
            mean_batch=self._changes / self._commits if self._commits else 0.0,
            last_commit=self._seconds[-1] if self._seconds else 0.0,
            median_commit=statistics.median(self._seconds) if self._seconds else 0.0,
            failures=self._failures,
            queued=queued,
            file_bytes=_size(path),
            log_bytes=_size(f"{path}-wal"),
            commit_seconds=self._total,
        )


def _size(path: str) -> int:
    try:
        return os.stat(path).st_size
    except OSError:
        return 0
