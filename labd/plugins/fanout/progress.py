"""How fast a map goes, and how long it still takes. Pure; times are seconds of any steady clock."""

from collections import deque

WINDOW = 30.0
"""Seconds that the rate is taken over."""

APART = 0.25


class Progress:
    """Remembers how many calls were done when, over the last :data:`WINDOW` seconds."""

    def __init__(self, now: float, done: int) -> None:
        self._seen: deque[tuple[float, int]] = deque([(now, done)])

    def note(self, now: float, done: int) -> None:
        """*done* calls are done *now*."""
        if len(self._seen) > 1 and now - self._seen[-2][0] < APART:
            self._seen[-1] = (now, done)
        else:
            self._seen.append((now, done))
        while len(self._seen) > 2 and now - self._seen[1][0] > WINDOW:
            self._seen.popleft()

    def rate(self, now: float) -> float | None:
        """Calls a second; None while nobody can say."""
        (then, before), (_, done) = self._seen[0], self._seen[-1]
        return (done - before) / (now - then) if done > before and now > then else None

    def eta(self, now: float, left: int) -> float | None:
        """Seconds for *left* more; None while nobody can say."""
        rate = self.rate(now)
        return None if rate is None else left / rate
