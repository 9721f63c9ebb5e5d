"""What the terminal interface knows: tables made of snapshots and kept up by events. Pure and bounded.

Screens draw from it and never ask the daemon for what is here. What events do not say is *stale*, and the
link asks for it.
"""

from collections import deque
from collections.abc import Iterable
from typing import Any, NamedTuple

from labd.cli.view import ACTIVE, ENDED, WAITING
from labd.tui import rows
from labd.tui.history import History
from labd.tui.rows import JobRow

MOST_JOBS = 250_000
MOST_EVENTS = 5_000
MOST_MAPS = 1_000
TEXT_KEPT = 300
"""Letters of a value in the data of an event that are kept."""

_SLACK = 1_000
"""Jobs beyond the limit before the oldest that have ended go: all at once costs less."""

_RETELL = {
    "service": ("status", "plugins"), "plugin": ("status", "plugins"), "worker": ("plugins",),
    "gpu": ("status",), "daemon": ("status",), "store": ("status",),
}  # fmt: skip
"""What is stale after an event of a kind that begins so."""


class Changes(NamedTuple):
    """What is new since it was last asked: topics (``jobs``, ``events``, ``maps``, ...), and which jobs."""

    topics: frozenset[str] = frozenset()
    jobs: frozenset[int] = frozenset()


class Store:
    """Everything that is shown."""

    def __init__(self) -> None:
        self.jobs: dict[int, JobRow] = {}
        self.active: set[int] = set()
        """Jobs that have a process, or are about to."""
        self.queue: list[int] = []
        """Those that are to start next, in their order, as the daemon said last."""
        self.maps: dict[int, dict[str, Any]] = {}
        self.plugins: list[dict[str, Any]] = []
        self.status: dict[str, Any] = {}
        self.machine: dict[str, Any] = {}
        self.events: deque[dict[str, Any]] = deque(maxlen=MOST_EVENTS)
        self.history = History()
        self.stale: set[str] = set()
        self.last = 0
        self.taken = 0
        """Events so far; those that were skipped are not among them."""
        self.skipped = 0
        self.loading = False
        self.link = LinkState()
        self._topics: set[str] = set()
        self._changed: set[int] = set()

    # -- what comes ------------------------------------------------------------------------------

    def take(self, event: dict[str, Any]) -> None:
        """Let *event* happen."""
        self.taken += 1
        if event["kind"] == "lagged":
            self._lagged(event["data"])
            return
        self.last = max(self.last, event["seq"])
        head, _, rest = event["kind"].partition(".")
        if head == "job":
            self._job(event, rest)
        elif head == "map":
            self._map(event["data"])
        elif event["kind"] == "machine.sampled":
            self.machine = event["data"]
            self.touch("machine")
        self._retell(_RETELL.get(head, ()))
        if event["seq"]:
            self.events.append(_cut(event))
            self.touch("events")

    def put_jobs(self, found: Iterable[dict[str, Any]]) -> None:
        """Take a part of the table of jobs."""
        for job in found:
            row = self.jobs.get(job["id"])
            if row is None:
                self.jobs[job["id"]] = JobRow(job)
            else:
                row.put(job)
            self._note(self.jobs[job["id"]])
        self._bound()
        self.touch("jobs")

    def put_queue(self, found: list[dict[str, Any]]) -> None:
        """Take what waits, in the order in which it starts."""
        self.put_jobs(found)
        self.queue = [job["id"] for job in found]

    def put_events(self, found: Iterable[dict[str, Any]]) -> None:
        """Take events that happened before the first that was told."""
        first = self.events[0]["seq"] if self.events else None
        older = [_cut(event) for event in found if first is None or event["seq"] < first]
        self.last = max([self.last, *(event["seq"] for event in older)])
        room = MOST_EVENTS - len(self.events)
        self.events.extendleft(reversed(older[-room:] if room else []))
        self.touch("events")

    def put_maps(self, found: Iterable[dict[str, Any]]) -> None:
        """Take the table of maps."""
        self.maps = {one["id"]: one for one in list(found)[:MOST_MAPS]}
        self.touch("maps")

    def put(self, topic: str, value: Any) -> None:
        """Take the answer about ``status`` or ``plugins``."""
        setattr(self, topic, value)
        self.touch(topic)

    def forget(self) -> None:
        """Nothing of it is known any more: the log has another epoch."""
        self._changed.update(self.jobs)
        self.jobs.clear()
        self.active.clear()
        self.queue.clear()
        self.maps.clear()
        self.events.clear()
        self.last = 0
        self.touch("jobs", "maps", "events")

    def linked(self, state: "LinkState") -> None:
        """Take how the link stands."""
        self.link = state
        self.touch("link")

    def tick(self) -> None:
        """A second has passed: sample what has a history."""
        has = self.status.get("resources") or {}
        self.history.put("cores", _share(has.get("cores_held"), has.get("cores")))
        self.history.put("memory", _share(has.get("memory_held"), has.get("memory")))
        self.history.put("waiting", float(self.counts().get("queued", 0)))
        if self.machine:
            self.history.put("cpu", float(self.machine.get("cpu") or 0.0))
            used = self.machine.get("memory_used")
            self.history.put("used", _share(used, self.machine.get("memory")))
        for device in has.get("devices") or ():
            self.history.put(f"gpu {device['index']}", gpu_held(device))

    # -- what goes -------------------------------------------------------------------------------

    def touch(self, *topics: str) -> None:
        """Note that something of *topics* is to be drawn anew."""
        self._topics.update(topics)

    @property
    def changed(self) -> bool:
        """Whether anything is new."""
        return bool(self._topics)

    def drain(self) -> Changes:
        """What is new, once."""
        changes = Changes(frozenset(self._topics), frozenset(self._changed))
        self._topics.clear()
        self._changed.clear()
        return changes

    def counts(self) -> dict[str, int]:
        """How many jobs are in each state."""
        found: dict[str, int] = self.status.get("jobs") or {}
        return found

    def running(self) -> list[JobRow]:
        """Jobs that have a process, the newest first."""
        return [self.jobs[number] for number in sorted(self.active, reverse=True) if number in self.jobs]

    def next(self) -> list[JobRow]:
        """Jobs that are to start next."""
        found = [self.jobs[number] for number in self.queue if number in self.jobs]
        return [row for row in found if row.state in WAITING]

    # -- parts -----------------------------------------------------------------------------------

    def _job(self, event: dict[str, Any], what: str) -> None:
        number = event["data"].get("job")
        row = self.jobs.get(number)
        if what == "submitted":
            self.jobs[number] = row = rows.submitted(event)
            self._bound()
        elif row is not None:
            rows.fold(row, event)
        if row is not None:
            self._note(row)
            self.touch("jobs")
        if what != "reported":
            self._retell(("status", "queue"))

    def _note(self, row: JobRow) -> None:
        self._changed.add(row.id)
        (self.active.add if row.state in ACTIVE else self.active.discard)(row.id)

    def _map(self, data: dict[str, Any]) -> None:
        found = self.maps.get(data.get("map", 0))
        if found is None:
            self._retell(("maps",))
            return
        found.update({name: value for name, value in data.items() if name != "map"})
        self.touch("maps")
        if found["state"] not in ("running", "open"):
            self._retell(("maps",))

    def _lagged(self, data: dict[str, Any]) -> None:
        self.skipped += data["last"] - data["first"] + 1
        self.last = max(self.last, data["last"])
        self._retell(("all",))
        self.touch("link")

    def _retell(self, topics: Iterable[str]) -> None:
        self.stale.update(topics)

    def _bound(self) -> None:
        excess = len(self.jobs) - MOST_JOBS
        if excess < _SLACK:
            return
        old = sorted(number for number, row in self.jobs.items() if row.state in ENDED)[:excess]
        for number in old:
            del self.jobs[number]
        self._changed.update(old)


class LinkState(NamedTuple):
    """How the link stands. *resumed* is the event after which it went on, when it was cut before."""

    up: bool = False
    error: str = ""
    hint: str = ""
    connections: int = 0
    resumed: int | None = None


def gpu_held(device: dict[str, Any]) -> float:
    """How much of a GPU is held, from 0 to 1."""
    share = float(sum(part["share"] for part in device["held"]))
    taken = sum(part["memory"] for part in device["held"])
    return min(max(share, _share(taken, device["memory"])), 1.0)


def _share(part: float | None, whole: float | None) -> float:
    return float(part or 0) / float(whole) if whole else 0.0


def _cut(event: dict[str, Any]) -> dict[str, Any]:
    """*event* without what would make ten thousand of them large."""
    data = {name: _short(value) for name, value in event["data"].items() if name != "spec"}
    return {**event, "data": data}


def _short(value: Any) -> Any:
    if isinstance(value, int | float | None):
        return value
    text = value if isinstance(value, str) else repr(value)
    return text if len(text) <= TEXT_KEPT else text[:TEXT_KEPT] + "…"
