"""What is counted of one version of a model. Pure."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter, deque
from typing import Any

from labd.api import DeadlineExceeded, Durations, LabdError
from labd.plugins.serving.batcher import Batch
from labd.plugins.serving.item import Item

BOUNDS = tuple(round(base * 10.0**power, 7) for power in range(-4, 2) for base in (1, 1.6, 2.5, 4, 6.3))
"""Upper bounds in seconds, from 100 us to 63 s, each about 1.6 times the one before."""

FADING = 0.1
"""The part of a new batch in the mean of what a row takes."""

MOST_SAMPLES, MOST_NAMES = 1000, 100


class Spread:
    """Durations in buckets."""

    __slots__ = ("count", "counts", "total")

    def __init__(self) -> None:
        self.counts, self.count, self.total = [0] * (len(BOUNDS) + 1), 0, 0.0

    def observe(self, seconds: float) -> None:
        self.counts[bisect_left(BOUNDS, seconds)] += 1
        self.count += 1
        self.total += seconds

    def view(self) -> Durations:
        return Durations(self.count, self.total, BOUNDS, tuple(self.counts))


class Figures:
    """The counters, and what they say of the time that rows take."""

    def __init__(self) -> None:
        self.requests = self.good = self.bad = self.expired = self.dropped = self.cached = 0
        self.refused: Counter[str] = Counter()
        self.batches = self.split = self.retried = self.rows = self.bytes_in = self.bytes_out = 0
        self.latency, self.waiting, self.computing = Spread(), Spread(), Spread()
        self.batch_sizes: Counter[int] = Counter()
        self.releases: Counter[str] = Counter()
        self.last = 0.0
        self.workers = 1
        self._seconds_per_row = 0.0
        self._custom: dict[str, deque[float]] = {}

    def refuse(self, error: LabdError) -> None:
        """A request was not taken."""
        self.requests += 1
        self.refused[error.code] += 1

    def succeeded(self, item: Item, now: float) -> None:
        self.good += 1
        self.latency.observe(now - item.arrived)
        self.waiting.observe(item.began - item.arrived)

    def failed(self, item: Item, error: LabdError, now: float) -> None:
        if isinstance(error, DeadlineExceeded):
            self.expired += 1
        else:
            self.bad += 1

    def cancelled(self, item: Item) -> None:
        self.dropped += 1

    def released(self, batch: Batch) -> None:
        self.batches += 1
        self.rows += batch.rows
        self.batch_sizes[batch.rows] += 1
        self.releases[batch.released] += 1

    def computed(self, batch: Batch, now: float) -> None:
        """A worker was busy with *batch* until now."""
        took = now - batch.began
        self.computing.observe(took)
        self.last = now
        each = took / max(batch.rows, 1)
        known = self._seconds_per_row
        self._seconds_per_row = each if not known else known + (each - known) * FADING

    def repeated(self, split: int, retried: int) -> None:
        self.split += split
        self.retried += retried

    def seconds_for(self, rows: int) -> float:
        """How long *rows* take, by what others took."""
        return rows * self._seconds_per_row / max(self.workers, 1)

    def record(self, values: dict[str, Any]) -> None:
        """What the model's code wants to have counted."""
        for name, value in values.items():
            if name not in self._custom and len(self._custom) >= MOST_NAMES:
                return
            if isinstance(value, int | float):
                self._custom.setdefault(str(name)[:100], deque(maxlen=MOST_SAMPLES)).append(float(value))

    @property
    def custom(self) -> dict[str, float]:
        return {name: sum(found) / len(found) for name, found in self._custom.items()}
