"""Axes: where a value lies, and at which round values the ticks stand."""

import math
from collections.abc import Iterable
from typing import NamedTuple

_TIMES = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200, 86_400)
"""Distances of ticks on an axis of seconds; longer ones are round numbers of days."""

_DAY = 86_400.0

TINY, HUGE = 1e-300, 1e300
"""Ends of a logarithmic axis: beyond them its own arithmetic ends."""


class Scale(NamedTuple):
    """An axis from *low* to *high*, *low* below *high*. A logarithmic one is above 0."""

    low: float
    high: float
    log: bool = False
    seconds: bool = False

    def place(self, value: float) -> float:
        """Where *value* lies, from 0 to 1."""
        if self.log:
            low = math.log(self.low)
            return (math.log(value) - low) / (math.log(self.high) - low)
        return (value - self.low) / (self.high - self.low)

    def ticks(self, most: int) -> list[tuple[float, str]]:
        """At most *most* (2 or more) round values on the axis, and how they are written."""
        if self.seconds:
            return [(value, _duration(value)) for value in _multiples(self, _time_step(self, most))]
        values = _powers(self, most) if self.log else []
        if len(values) > 1:
            return [(value, f"{value:g}") for value in values]
        values = _multiples(self, _round_step(self.high - self.low, most))
        return list(zip(values, _written(values), strict=True))


def fit(values: Iterable[float], *, log: bool = False, seconds: bool = False, margin: float = 0.0) -> Scale:
    """The axis that holds *values* (with *log* those above 0), wider by the part *margin* at each end."""
    found = [min(max(value, TINY), HUGE) for value in values if value > 0] if log else list(values)
    low, high = (min(found), max(found)) if found else (1.0, 10.0)
    if log:
        low, high = (low / 2, high * 2) if low == high else (low, high)
        room = math.exp((math.log(high) - math.log(low)) * margin)
        return Scale(low / room, high * room, log=True)
    if high - low <= abs(high) * 1e-12:
        low, high = low - (abs(low) / 2 or 0.5), high + (abs(high) / 2 or 0.5)
    room = (high - low) * margin
    return Scale(low - room, high + room, seconds=seconds)


def _round_step(length: float, most: int) -> float:
    """The smallest of 1, 2, 5, 10, 20 ... (or 0.5, 0.2 ...) of which *most* fit into *length*."""
    raw = length / max(most - 1, 1)
    power = 10.0 ** math.floor(math.log10(raw))
    return next(factor * power for factor in (1, 2, 5, 10, 20) if factor * power >= raw * (1 - 1e-9))


def _time_step(scale: Scale, most: int) -> float:
    raw = (scale.high - scale.low) / max(most - 1, 1)
    if raw <= 1 or raw > _TIMES[-1]:
        unit = _DAY if raw > 1 else 1.0
        return _round_step((scale.high - scale.low) / unit, most) * unit
    return next(step for step in _TIMES if step >= raw)


def _multiples(scale: Scale, step: float) -> list[float]:
    first, last = math.ceil(scale.low / step - 1e-9), math.floor(scale.high / step + 1e-9)
    return [number * step for number in range(first, last + 1)]


def _powers(scale: Scale, most: int) -> list[float]:
    """Powers of ten; where there is place also 2 and 5 times these."""
    first, last = math.floor(math.log10(scale.low)), math.ceil(math.log10(scale.high))
    for factors in ((1, 2, 5), (1,)):
        found = [factor * 10.0**power for power in range(first, last + 1) for factor in factors]
        found = [value for value in found if scale.low * (1 - 1e-9) <= value <= scale.high * (1 + 1e-9)]
        if len(found) <= most:
            return found
    return found[:: math.ceil(len(found) / most)]


def _written(values: list[float]) -> list[str]:
    """All in one form: with as many decimals as they need, or as powers of ten."""
    largest = max(map(abs, values), default=0.0)
    smallest = min((abs(value) for value in values if value), default=1.0)
    if largest >= 1e6 or smallest < 1e-4:
        return [f"{value:g}" for value in values]
    for decimals in range(7):
        found = [f"{value:.{decimals}f}" for value in values]
        if all(
            abs(float(text) - value) <= smallest * 1e-6 for text, value in zip(found, values, strict=True)
        ):
            return found
    return [f"{value:g}" for value in values]


def _duration(seconds: float) -> str:
    """``45s``, ``5m``, ``1h30m``, ``2d``: round times in as few characters as they need."""
    if seconds == 0 or seconds % 1:
        return f"{seconds:g}s" if seconds else "0"
    left, text = int(abs(seconds)), ""
    for unit, size in (("d", 86_400), ("h", 3600), ("m", 60), ("s", 1)):
        text += f"{left // size}{unit}" if left >= size else ""
        left %= size
    return "-" * (seconds < 0) + text
