"""What models did lately: the difference between what was counted then and now. Pure, and bounded."""

from collections import deque
from itertools import pairwise
from typing import Any, NamedTuple

from labd.cli.modelled import quantile

KEPT = 60
"""Samples of one model."""

RECENT = 30.0
"""Seconds that figures are about, unless nothing was asked in them."""


class Sample(NamedTuple):
    """What ``model.stats`` said of a version, and when."""

    time: float
    counted: dict[str, Any]


Key = tuple[str, str]
"""A model's name, and a version of it."""


class Models:
    """Every version that there is, and its samples."""

    def __init__(self) -> None:
        self.views: dict[Key, dict[str, Any]] = {}
        self._samples: dict[Key, deque[Sample]] = {}

    def take(self, views: list[dict[str, Any]], counted: list[dict[str, Any]], now: float) -> None:
        """Take the answers of ``model.list`` and ``model.stats``."""
        self.views = {key_of(one): one for one in views}
        self._samples = {key: found for key, found in self._samples.items() if key in self.views}
        for one in counted:
            self._put(key_of(one), Sample(now, one))

    def now(self, key: Key) -> dict[str, Any] | None:
        """The newest numbers."""
        found = self._samples.get(key)
        return found[-1].counted if found else None

    def rate(self, key: Key) -> float:
        """Requests a second, lately."""
        first, last = self._span(key)
        if first is None or last is None or last.time <= first.time:
            return 0.0
        return float(last.counted["requests"] - first.counted["requests"]) / (last.time - first.time)

    def rates(self, key: Key) -> list[float]:
        """Requests a second between each two samples, the oldest first."""
        found = list(self._samples.get(key, ()))
        return [_rate(a, b) for a, b in pairwise(found)]

    def took(self, key: Key, what: str, part: float) -> float | None:
        """Seconds that *part* of all needed at most for *what* (``latency``, ``waiting``, ``computing``)."""
        first, last = self._span(key)
        if last is None:
            return None
        durations = last.counted[what]
        if first is not None and first.counted[what]["count"] < durations["count"]:
            durations = _between(first.counted[what], durations)
        return quantile(durations, part)

    def _put(self, key: Key, sample: Sample) -> None:
        found = self._samples.setdefault(key, deque(maxlen=KEPT))
        if found and found[-1].counted["requests"] > sample.counted["requests"]:
            found.clear()  # it was loaded anew, and counts from nothing
        found.append(sample)

    def _span(self, key: Key) -> tuple[Sample | None, Sample | None]:
        """The newest sample, and the one with which it is compared."""
        found = self._samples.get(key)
        if not found:
            return None, None
        last = found[-1]
        recent = [one for one in found if last.time - one.time <= RECENT]
        return (recent[0] if len(recent) > 1 else None), last


def key_of(one: dict[str, Any]) -> Key:
    """By what a version is known."""
    return one["name"], one["version"]


def _rate(before: Sample, after: Sample) -> float:
    took = after.time - before.time
    return (after.counted["requests"] - before.counted["requests"]) / took if took > 0 else 0.0


def _between(before: dict[str, Any], after: dict[str, Any]) -> dict[str, Any]:
    counts = [b - a for a, b in zip(before["counts"], after["counts"], strict=True)]
    return {"count": after["count"] - before["count"], "bounds": after["bounds"], "counts": counts}
