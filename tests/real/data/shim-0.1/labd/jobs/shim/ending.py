"""When a job is told to stop and when it is made to: TERM, a grace, then KILL until nothing is left.

Pure: the caller says what time it is, in seconds of CLOCK_BOOTTIME, so that neither a change of the
wall clock nor a suspended machine fires anything early.
"""

from __future__ import annotations

from signal import SIGKILL, SIGTERM

FIRST_PAUSE, LAST_PAUSE = 0.02, 1.0  # between two rounds of KILL, doubling
LONGEST_WAIT = 60.0  # poll() sleeps through a suspend; so look at the clock now and then


class Ending:
    """The way one job comes to its end.

    ``reason`` is the first of ``cancelled``, ``timed_out``, ``out_of_memory``, ``exited`` that
    happened. The job ends when its main process does; what that leaves behind is stopped alike.
    """

    def __init__(self, now: float, time_limit: float | None, grace: float) -> None:
        self.reason = ""
        self._grace = grace
        self._limit = None if time_limit is None else now + time_limit
        self._kill_at: float | None = None
        self._told = False
        self._again = 0.0
        self._ask_again, self._ask_pause = 0.0, FIRST_PAUSE
        self._pause = FIRST_PAUSE

    def begin(self, reason: str, now: float, grace: float | None = None) -> None:
        """Start to stop; a second call can only bring the KILL forward."""
        kill_at = now + (self._grace if grace is None else grace)
        self.reason = self.reason or reason
        self._kill_at = kill_at if self._kill_at is None else min(self._kill_at, kill_at)

    def kill(self, reason: str, now: float) -> None:
        """End it at once, without a SIGTERM before: it has not the time to hear one."""
        self.begin(reason, now, 0.0)
        self._told = True

    def due(self, now: float) -> int | None:
        """The signal that the whole tree is to get now: SIGTERM, then SIGKILL, both again and again.

        A process that was just being forked has missed the first SIGTERM; nobody needs to get it twice.
        """
        if self._kill_at is None and self._limit is not None and now >= self._limit:
            self.begin("timed_out", now)
        if self._kill_at is None:
            return None
        if not self._told or (now < self._kill_at and now >= self._ask_again):
            self._told = True
            self._ask_again, self._ask_pause = now + self._ask_pause, min(2 * self._ask_pause, LAST_PAUSE)
            return SIGTERM
        return self._kill(now) if now >= self._kill_at else None

    def wait(self, now: float) -> float | None:
        """Seconds until :meth:`due` wants to be asked again; None for ever."""
        moment = self._limit if self._kill_at is None else max(self._kill_at, self._again)
        if moment is not None and self._kill_at is not None and now < self._kill_at:
            moment = min(moment, self._ask_again)
        return None if moment is None else min(max(moment - now, 0.0), LONGEST_WAIT)

    def _kill(self, now: float) -> int | None:
        if now < self._again:
            return None
        self._again, self._pause = now + self._pause, min(2 * self._pause, LAST_PAUSE)
        return SIGKILL
