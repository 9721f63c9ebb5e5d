"""Processes in groups, one group for each server: begun, replaced when they die, and let go. Never blocks."""

import time
from collections.abc import Callable, Sequence
from typing import Any, Protocol

PATIENCE = 60.0
"""Seconds in which a process may finish its job; then it is ended."""

FIRST_DELAY, MAX_DELAY = 0.5, 30.0
"""Seconds until a process that died is replaced, the first time and at most."""


class Process(Protocol):
    exit_flag: Any
    is_ready: Any
    pid: int | None

    def is_alive(self) -> bool: ...
    def terminate(self) -> None: ...
    def kill(self) -> None: ...
    def join(self, timeout: float | None = None) -> None: ...


class Seat:
    """The place of one process."""

    def __init__(self, number: int, server: list[Any], process: Process) -> None:
        self.number, self.server, self.process = number, server, process
        self.delay, self.again_at = FIRST_DELAY, 0.0
        self.restarts = 0


class Pool:
    """*count* processes for each of *servers*; *start* begins one, given its number and its server."""

    def __init__(
        self, start: Callable[[int, list[Any]], Any], servers: Sequence[list[Any]], count: int, log: Any,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:  # fmt: skip
        self.servers, self.count = list(servers), count
        self._start, self._log, self._clock = start, log, clock
        self._seats: list[Seat] = []
        self._leaving: list[tuple[Process, float]] = []

    @property
    def ready(self) -> bool:
        """Whether all processes have their connections."""
        return all(seat.process.is_ready.is_set() for seat in self._seats)

    @property
    def empty(self) -> bool:
        return not self._seats and not self._leaving

    def begin(self) -> None:
        """Start all; those of before finish their jobs meanwhile."""
        self.idle()
        for server in self.servers:
            for number in range(self.count):
                self._seats.append(Seat(number, server, self._start(number, server)))

    def idle(self) -> None:
        """Let all finish their jobs and end."""
        until = self._clock() + PATIENCE
        for seat in self._seats:
            seat.process.exit_flag.set()
            self._leaving.append((seat.process, until))
        self._seats = []

    def switch(self, servers: Sequence[list[Any]] | None, count: int) -> None:
        """Have other servers, or another number; None and 0 keep what there is."""
        self.servers, self.count = list(servers or self.servers), count or self.count
        self.begin()

    def look(self) -> None:
        """Replace who died, and end who does not leave. To be called a few times a second."""
        now = self._clock()
        for seat in self._seats:
            if not seat.process.is_alive():
                self._replace(seat, now)
        for process, until in self._leaving:
            if now >= until:
                process.kill()
        self._leaving = [(process, until) for process, until in self._leaving if process.is_alive()]

    def end(self) -> None:
        """End at once who is still there."""
        for process, _ in [*self._leaving, *((seat.process, 0.0) for seat in self._seats)]:
            process.kill()
            process.join()

    def view(self) -> dict[str, Any]:
        """Groups and processes, for people and programs."""
        workers = [
            {
                "server": seat.server,
                "idx": seat.number,
                "pid": seat.process.pid,
                "ready": seat.process.is_ready.is_set(),
                "alive": seat.process.is_alive(),
                "restarts": seat.restarts,
            }
            for seat in self._seats
        ]
        return {"workers": workers, "leaving": len(self._leaving)}

    def _replace(self, seat: Seat, now: float) -> None:
        if not seat.again_at:
            self._log.error(f"process {seat.number} for {seat.server} died; another one in {seat.delay:g} s")
            seat.again_at = now + seat.delay
            seat.delay = min(seat.delay * 2, MAX_DELAY)
        elif now >= seat.again_at:
            seat.process = self._start(seat.number, seat.server)
            seat.again_at = 0.0
            seat.restarts += 1
