"""Which of several servers is asked next. Pure: time is given."""

from typing import Any

FIRST_PAUSE, LAST_PAUSE = 0.1, 10.0
"""Seconds for which a server that failed is left alone, the first time and at most."""


class Place:
    """A server: what is known of it, and what this pool has there."""

    def __init__(self, name: str, server: Any) -> None:
        self.name, self.server = name, server
        self.model: Any = None
        self.in_flight = 0
        self.queued = 0
        self.workers = 1
        self.draining = False
        self.away_until = 0.0
        self.reason = ""
        self._pause = FIRST_PAUSE

    def load(self) -> float:
        """What waits there for each worker; what others have there is as it was at the last look."""
        return (self.in_flight + self.queued) / max(1, self.workers)

    def failed(self, reason: str, now: float) -> None:
        """Leave it alone for a while, longer each time."""
        self.reason, self.away_until = reason, now + self._pause
        self._pause = min(self._pause * 2, LAST_PAUSE)

    def answered(self) -> None:
        """It is well."""
        self.reason, self.away_until, self._pause = "", 0.0, FIRST_PAUSE

    def seen(self, view: dict[str, Any], figures: dict[str, Any], now: float) -> None:
        """What it says of the model; without a worker that is ready it is left alone."""
        self.workers = int(view.get("ready_workers", 0))
        self.queued = max(
            0, int(figures.get("queued", 0)) + int(figures.get("in_flight", 0)) - self.in_flight
        )
        if view.get("state") == "ready" and self.workers:
            self.answered()
        else:
            self.failed(f"the model is {view.get('state')} {view.get('reason', '')}".strip(), now)


def choose(places: list[Place], now: float, without: set[str]) -> Place | None:
    """The place with least to do, None when all are away, draining or in *without*. Of equals the first."""
    free = [
        place
        for place in places
        if not place.draining and place.away_until <= now and place.name not in without
    ]
    return min(free, key=Place.load, default=None)
