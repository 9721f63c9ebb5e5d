"""How fast a worker may tell things. Pure; all times are seconds of any clock."""

from labd.errors import ProtocolError

RATE, BURST = 1000.0, 1000.0
"""Notices a second that are heard in the long run, and at once."""

PATIENCE = 30.0
"""How long a worker may tell more than that, held back all the time, until it is given up."""


class Pace:
    """Counts the notices of one worker, and says how long not to listen."""

    def __init__(self) -> None:
        self._room, self._then = BURST, 0.0
        self._crowded: float | None = None

    def take(self, now: float) -> float:
        """Another notice came; for how long to hear no more. Raises ProtocolError after :data:`PATIENCE`."""
        self._room = min(BURST, self._room + (now - self._then) * RATE)
        self._then = now
        if self._room > BURST / 2:
            self._crowded = None
        self._room -= 1
        if self._room >= 0:
            return 0.0
        self._crowded = now if self._crowded is None else self._crowded
        if now - self._crowded > PATIENCE:
            raise ProtocolError(f"the peer told more than {RATE:g} things a second for {PATIENCE:g} s")
        return -self._room / RATE
