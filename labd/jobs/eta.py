"""How long a job still takes, from how its progress has grown. Pure: times are given, none is asked for."""

from typing import NamedTuple

KEPT = 64
"""Samples that are remembered; of the older ones fewer and fewer."""

RECENT = 0.25
"""The share of the time so far that says how fast it goes now."""

TRUST = 0.7
"""How much of the estimate is the recent pace; the rest is the pace of the whole."""

SLOWEST = 0.1
"""A recent pace below this part of the whole counts as this much: a pause is not the end."""

ANEW = 0.05
"""A drop of the progress by more than this begins another phase; one by less is noise."""


class Sample(NamedTuple):
    """*progress* (0 to 1) at *time*, in seconds of any clock."""

    time: float
    progress: float


class Pace:
    """The history of one attempt's progress."""

    def __init__(self) -> None:
        self._samples: list[Sample] = []
        self._reports = 0

    def add(self, time: float, progress: float) -> None:
        """Progress was reported. What goes back in time or far back in progress begins a new history."""
        last = self._samples[-1] if self._samples else Sample(time, progress)
        if time < last.time or progress < last.progress - ANEW:
            self._samples.clear()
            self._reports = 0
        self._reports += 1
        self._samples.append(Sample(time, max(progress, last.progress) if self._samples else progress))
        if len(self._samples) > KEPT:
            del self._samples[1:-1:2]

    def left(self, now: float, started: float | None = None) -> float | None:
        """Seconds until the progress is 1, as it looks at *now*; None while nobody can say.

        After a single report the pace is that since *started*. While reports come as they are used to, the
        estimate counts down; when one is overdue, the job is taken to be slower.
        """
        samples = self._known(started)
        if not samples:
            return None
        last = samples[-1]
        if last.progress >= 1:
            return 0.0
        silence = max(now - last.time, 0.0)
        usual = (last.time - samples[0].time) / max(self._reports - 1, 1)
        rate = _rate(samples, max(silence - usual, 0.0))
        return max((1 - last.progress) / rate - min(silence, usual), 0.0) if rate else None

    def _known(self, started: float | None) -> list[Sample]:
        if len(self._samples) == 1 and started is not None and started < self._samples[0].time:
            return [Sample(started, 0.0), *self._samples]
        return self._samples


def _rate(samples: list[Sample], overdue: float) -> float:
    """Progress per second: between the pace of the whole and the recent one. 0 when there is none."""
    first, last = samples[0], samples[-1]
    whole = _pace(first, last, overdue)
    since = last.time - (last.time - first.time) * RECENT
    before = max((s for s in samples if s.time <= since), default=first)
    recent = max(_pace(before, last, overdue), whole * SLOWEST)
    return float(whole ** (1 - TRUST) * recent**TRUST)


def _pace(first: Sample, last: Sample, overdue: float) -> float:
    seconds = last.time - first.time + overdue
    return (last.progress - first.progress) / seconds if seconds > 0 else 0.0
