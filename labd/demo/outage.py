"""The middle of the demo: the daemon is killed, the runs are watched, the daemon comes back."""

import json
import time
from collections.abc import Callable
from typing import Any

from labd.demo.place import size
from labd.demo.private import PrivateDaemon
from labd.demo.processes import Process, lives, look
from labd.demo.runs import Run
from labd.demo.verdict import Death, Survivor

SECONDS = 2.0
"""How long there is no daemon."""

PATIENCE = 20.0
"""Seconds that runs on a busy machine get to report something meanwhile."""

LOOK_EVERY = 0.1
LONGEST = 8192
"""Bytes at the end of a file of reports among which there is a whole line."""


class Watched:
    """A run under watch while nobody else watches it."""

    def __init__(self, run: Run, process: Process, report: str) -> None:
        self.run = run
        self.process = process
        self._report = report
        self._size = size(report)
        self.seen = 0
        self.alive = True

    @property
    def grew(self) -> int:
        """Bytes that it has reported since it is watched."""
        return size(self._report) - self._size

    @property
    def settled(self) -> bool:
        """Whether there is nothing more to wait for: it has spoken, or it is over."""
        return self.grew > 0 or not self.alive

    def look(self) -> None:
        """See whether it lives and what it has reported, with nobody's help."""
        self.alive = self.alive and lives(self.process)
        self.seen += self.alive
        for said in last_report(self._report):
            self.run.reported(said)

    def survivor(self) -> Survivor:
        """What was seen of it, now that the daemon is back."""
        after = self.alive and lives(self.process)
        return Survivor(self.run.job, self.process.pid, self.seen, self.grew, after)


class Outage:
    """One death of *daemon* while runs train.

    *say* tells the story, *tick* lets the screen move.
    """

    def __init__(self, daemon: PrivateDaemon, say: Callable[[str], None], tick: Callable[[], None]) -> None:
        self._daemon = daemon
        self._say = say
        self._tick = tick
        self.watched: list[Watched] = []
        self.began = 0.0

    def strike(self, runs: list[Run]) -> Death:
        """Kill the daemon, watch, and return what was seen until it is time to start it again."""
        self.watched = [
            Watched(run, process, f"{run.folder}/report.ndjson")
            for run in runs
            if (process := look(run.pid)) is not None
        ]
        pid, self.began = self._daemon.pid, time.monotonic()
        status = self._daemon.kill()
        self._say(f"SIGKILL to the daemon (pid {pid}) while {_names(runs)} train")
        answered = self._watch()
        self._say(self._seen(time.monotonic() - self.began))
        return Death(pid, status, answered)

    def survivors(self) -> list[Survivor]:
        return [one.survivor() for one in self.watched]

    def _watch(self) -> bool:
        """Look at the processes until it was long enough; whether a daemon ever answered meanwhile."""
        answered, said = False, False
        while not self._enough(time.monotonic() - self.began):
            for one in self.watched:
                one.look()
            answered = answered or self._daemon.answers()
            if not said:
                self._say(f"no daemon answers; {_pids(self.watched)} still there: they need none")
                said = True
            self._tick()
            time.sleep(LOOK_EVERY)
        return answered

    def _enough(self, seconds: float) -> bool:
        return seconds > PATIENCE or (seconds > SECONDS and all(one.settled for one in self.watched))

    def _seen(self, seconds: float) -> str:
        alive = sum(one.alive for one in self.watched)
        grew = sum(one.grew for one in self.watched)
        of = f"{alive} of {len(self.watched)}"
        return f"{seconds:.1f} s without a daemon: {of} train on, {grew} bytes reported"


def last_report(path: str) -> list[dict[str, Any]]:
    """The last whole line of a file of reports, if there is one."""
    try:
        with open(path, "rb") as file:
            file.seek(max(0, size(path) - LONGEST))
            lines = file.read().split(b"\n")[1:-1]
        return [json.loads(line) for line in lines[-1:]]
    except (OSError, ValueError):
        return []  # nothing readable yet: the next look may find it


def _names(runs: list[Run]) -> str:
    numbers = [str(run.job) for run in runs]
    return f"run{'s' * (len(runs) > 1)} {' and '.join(numbers)}"


def _pids(watched: list[Watched]) -> str:
    alive = [str(one.process.pid) for one in watched if one.alive]
    return f"pid{'s' * (len(alive) > 1)} {' and '.join(alive)}" if alive else "nothing is"
