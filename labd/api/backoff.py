"""How long to wait before the next restart, and when to give up. Pure."""

from collections.abc import Callable

from labd.api.services import Restart


class Backoff:
    """Exponential delays with full jitter (a random part of the whole delay), counted per interval."""

    def __init__(self, policy: Restart, jitter: Callable[[], float]) -> None:
        self._policy = policy
        self._jitter = jitter
        self._ceiling = policy.first_delay
        self._restarts: list[float] = []

    def delay(self, now: float, good_for: float) -> float | None:
        """Seconds until the restart that is due at *now*, or None when the burst is used up.

        *good_for* is how long the service had been ready; longer than ``max_delay`` and the delays
        begin anew.
        """
        policy = self._policy
        self._restarts = [then for then in self._restarts if now - then < policy.interval]
        if len(self._restarts) >= policy.burst:
            return None
        self._restarts.append(now)
        if good_for >= policy.max_delay:
            self._ceiling = policy.first_delay
        ceiling, self._ceiling = self._ceiling, min(self._ceiling * 2, policy.max_delay)
        return min(ceiling, policy.max_delay) * self._jitter()
