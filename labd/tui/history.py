"""Figures over time, in a bounded memory. Pure."""

from collections import deque
from collections.abc import Sequence

LENGTH = 600
"""Samples that are kept: ten minutes, at one a second."""


class History:
    """The newest samples of several figures, by name."""

    def __init__(self, length: int = LENGTH) -> None:
        self._length = length
        self._series: dict[str, deque[float]] = {}

    def put(self, name: str, value: float) -> None:
        """Add a sample."""
        if name not in self._series:
            self._series[name] = deque(maxlen=self._length)
        self._series[name].append(value)

    def last(self, name: str, count: int) -> Sequence[float]:
        """At most the *count* newest samples, the oldest first."""
        found = self._series.get(name, ())
        return list(found)[-count:] if count > 0 else []
