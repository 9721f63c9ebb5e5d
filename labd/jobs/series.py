"""Curves of metrics, thinned while they are read, so that any length fits in a given size. Pure.

Points are gathered in buckets of equal numbers of points; of each bucket the lowest and the highest stay.
When there are too many buckets, each two become one. So every spike is still to be seen.
"""

import math
from typing import Any, NamedTuple

LEAST = 4
"""Points that every series may have: the first, the last, the lowest and the highest."""


class Point(NamedTuple):
    """The value of a metric that came as the *number*-th. ``time`` is None where the report had none."""

    number: int
    step: float
    time: float | None
    value: float


class Bucket(NamedTuple):
    low: Point
    high: Point


class Series:
    """One metric in at most *most* points (at least :data:`LEAST`)."""

    def __init__(self, most: int) -> None:
        self._most = max((most - 2) // 2, 1)
        self._buckets: list[Bucket] = []
        self._size, self._filled = 1, 0
        self._ends: tuple[Point, Point] | None = None
        self.count = self.not_finite = 0

    def add(self, step: float, time: float | None, value: float | None) -> None:
        """One more value; one that is not finite is counted, and that is all."""
        if value is None or not math.isfinite(value):
            self.not_finite += 1
            return
        point = Point(self.count, step, time, value)
        self.count += 1
        self._ends = (self._ends[0] if self._ends else point, point)
        if not self._buckets or self._filled == self._size:
            self._buckets.append(Bucket(point, point))
            self._filled = 1
        else:
            self._buckets[-1] = _joined(self._buckets[-1], Bucket(point, point))
            self._filled += 1
        if len(self._buckets) > self._most:
            self._halve()

    def points(self) -> list[Point]:
        """What is kept, in the order in which it came."""
        kept = {point.number: point for bucket in self._buckets for point in bucket}
        kept |= {point.number: point for point in self._ends or ()}
        return [kept[number] for number in sorted(kept)]

    def as_map(self) -> dict[str, Any]:
        """As it travels: a list for each axis."""
        points = self.points()
        return {
            "steps": [point.step for point in points],
            "times": [point.time for point in points],
            "values": [point.value for point in points],
            "count": self.count,
            "not_finite": self.not_finite,
        }

    def _halve(self) -> None:
        last_alone = len(self._buckets) % 2 == 1
        pairs = zip(self._buckets[::2], self._buckets[1::2], strict=False)
        rest = self._buckets[-1:] if last_alone else []
        self._buckets = [_joined(*pair) for pair in pairs] + rest
        self._filled += 0 if last_alone else self._size
        self._size *= 2


def _joined(one: Bucket, other: Bucket) -> Bucket:
    low = other.low if other.low.value < one.low.value else one.low
    return Bucket(low, other.high if other.high.value >= one.high.value else one.high)
