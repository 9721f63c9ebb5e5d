"""What is drawn: panels of curves over a common x axis."""

from collections.abc import Sequence
from typing import NamedTuple

from labd.cli.chart.scale import Scale, fit

Place = tuple[float, float]

LARGEST = 1e200
"""Beyond this, on either side of 0, there is no axis: the length of one must be a number."""


class Curve(NamedTuple):
    """A line through *points* (x, y), in their order."""

    label: str
    points: Sequence[Place]


class Panel(NamedTuple):
    """Curves on the same axes. *seconds*: x is a time, else it is a step."""

    title: str
    curves: Sequence[Curve]
    log: bool = False
    seconds: bool = False

    @property
    def x_label(self) -> str:
        return "time" if self.seconds else "step"

    @property
    def drawn(self) -> list[Sequence[Place]]:
        """Of each curve what can be drawn: on a logarithmic axis only what is above 0."""
        lowest = 1 / LARGEST if self.log else -LARGEST
        return [
            [(x, y) for x, y in curve.points if abs(x) <= LARGEST and lowest <= y <= LARGEST]
            for curve in self.curves
        ]

    @property
    def left_out(self) -> int:
        """How many points cannot be drawn."""
        return sum(len(curve.points) for curve in self.curves) - sum(map(len, self.drawn))

    def scales(self, margin: float = 0.0) -> tuple[Scale, Scale]:
        """The axes x and y; *margin* is room above and below."""
        places = [place for curve in self.drawn for place in curve]
        return (
            fit((x for x, _ in places), seconds=self.seconds),
            fit((y for _, y in places), log=self.log, margin=margin),
        )
