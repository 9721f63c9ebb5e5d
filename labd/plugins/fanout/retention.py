"""Which ended maps go. Pure; the oldest go first."""

from collections.abc import Iterable
from typing import NamedTuple

SETTLED = 86_400.0
"""Seconds after its end before a map goes, whatever the limits say: somebody may still ask for it."""


class Limits(NamedTuple):
    """How much is kept: seconds after the end, and bytes of all maps; 0 is no limit."""

    keep: float = 0.0
    max_bytes: int = 0


class Kept(NamedTuple):
    """A map with a folder of *size* bytes; *ended* is None while it is unfinished."""

    id: int
    ended: float | None
    size: int


def gone(maps: Iterable[Kept], limits: Limits, now: float) -> list[Kept]:
    """What goes of *maps*. The newest stays: the next map gets the number after its own."""
    found = sorted(maps, key=lambda one: one.id)
    total = sum(one.size for one in found)
    ended = sorted((one for one in found[:-1] if one.ended is not None), key=lambda one: one.ended or 0.0)
    going = []
    for one in ended:
        age = now - (one.ended or now)
        over = bool(limits.max_bytes) and total > limits.max_bytes
        if age >= SETTLED and (over or (limits.keep and age >= limits.keep)):
            going.append(one)
            total -= one.size
    return going
