"""How the jobs of a test go: nobody runs them, the test says what becomes of each."""

import math
from collections import deque
from typing import Literal

import msgspec

from labd.api import JobSpec
from labd.jobs.decide import Ending


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What becomes of one attempt: it runs for *seconds*, and then ends.

    With a *signal* it ends by that and not with *exit_code*. ``reason="lost"`` is the death of its shim.
    ``seconds=math.inf`` runs until the job is cancelled, reaches its time limit, or the test ends it.
    """

    exit_code: int = 0
    signal: int | None = None
    seconds: float = 0.0
    reason: Literal["exited", "lost"] = "exited"

    def within(self, limit: float | None) -> tuple[float, str]:
        """For how many seconds it runs under a time limit (0 or None: no limit), and why it then ends."""
        limit = limit or math.inf
        return (limit, "timed_out") if self.seconds > limit else (self.seconds, self.reason)

    def ending(self, reason: str, seconds: float, now: float) -> Ending:
        """Its end at *now* (Unix seconds) as the daemon records it."""
        if reason == "lost":
            return Ending(reason=reason, message="its shim died", ended=now)
        killed = 15 if reason in ("cancelled", "timed_out") else self.signal
        code = self.exit_code if killed is None else None
        return Ending(
            reason=reason, exit_code=code, signal=killed, started=now - seconds, ended=now, seconds=seconds
        )


SUCCESS = Outcome()


class Script:
    """Which attempt goes how. What is written for a name goes before what is written for all."""

    def __init__(self) -> None:
        self._next: dict[str, deque[Outcome]] = {}
        self._otherwise: dict[str, Outcome] = {"": SUCCESS}

    def write(self, outcomes: tuple[Outcome, ...], name: str = "") -> None:
        """The next attempts (of jobs called *name*, or of any) go like *outcomes*, one each."""
        self._next.setdefault(name, deque()).extend(outcomes)

    def write_otherwise(self, outcome: Outcome, name: str = "") -> None:
        """Attempts for which nothing is written go like *outcome*."""
        self._otherwise[name] = outcome

    def take(self, spec: JobSpec) -> Outcome:
        """How the attempt goes that begins now."""
        for name in (spec.name, ""):
            if self._next.get(name):
                return self._next[name].popleft()
        return self._otherwise.get(spec.name) or self._otherwise[""]
