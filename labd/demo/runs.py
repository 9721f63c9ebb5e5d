"""The runs of the sweep as the daemon's events tell of them. Pure."""

from collections.abc import Iterable
from itertools import product
from typing import Any, NamedTuple

ENDED = frozenset({"succeeded", "failed", "cancelled", "timed_out", "lost"})
RATES = (0.0001, 0.001, 0.01, 0.1)
WIDTHS = (2, 8, 32)
FEWEST, MOST = 4, len(RATES) * len(WIDTHS)
SLOTS = 2
"""Runs at a time."""

SOME, HALF = 0.1, 0.5
"""How far the runs should be when their daemon dies: far enough to be seen, with a long way to go."""


class Setting(NamedTuple):
    """What one run is to try."""

    rate: float
    hidden: int

    @property
    def name(self) -> str:
        return f"iris-{self.rate:g}-{self.hidden}"


def settings(count: int) -> list[Setting]:
    """The first *count* combinations."""
    return [Setting(rate, hidden) for hidden, rate in product(WIDTHS, RATES)][:count]


class Run:
    """One run: what it tries, how it stands, what it said of itself last."""

    def __init__(self, job: int, setting: Setting) -> None:
        self.job = job
        self.setting = setting
        self.state = "queued"
        self.attempt = 0
        self.folder = ""
        self.pid = 0
        self.adopted = 0
        self.progress: float | None = None
        self.loss: float | None = None
        self.accuracy: float | None = None
        self.learning: list[tuple[float, float]] = []  # progress and loss, at each report
        self.seconds: float | None = None
        self.cause = ""

    @property
    def ended(self) -> bool:
        return self.state in ENDED

    @property
    def running(self) -> bool:
        return self.state == "running"

    @property
    def succeeded(self) -> bool:
        return self.state == "succeeded"

    @property
    def loss_text(self) -> str:
        """Seven characters at most; empty when nothing was said."""
        if self.loss is None:
            return ""
        return f"{self.loss:.4f}" if self.loss >= 0.001 or self.loss == 0 else f"{self.loss:.1e}"

    @property
    def accuracy_text(self) -> str:
        return "" if self.accuracy is None else f"{self.accuracy:.1%}"

    def reported(self, said: dict[str, Any]) -> None:
        """Take one report: of an event, or of the file."""
        metrics = said.get("metrics") or {}
        self.progress = said.get("progress", self.progress)
        self.loss = metrics.get("loss", self.loss)
        self.accuracy = metrics.get("accuracy", self.accuracy)

    def finished(self, reports: list[dict[str, Any]]) -> None:
        """Take all that the run ever reported."""
        losses = [(said.get("progress"), (said.get("metrics") or {}).get("loss")) for said in reports]
        self.learning = [(at, loss) for at, loss in losses if at is not None and loss is not None]
        for said in reports[-1:]:
            self.reported(said)


class Sweep:
    """All runs, by job. ``last`` is the number of the newest event taken."""

    def __init__(self) -> None:
        self.runs: dict[int, Run] = {}
        self.last = 0

    def add(self, job: int, setting: Setting) -> Run:
        run = self.runs[job] = Run(job, setting)
        return run

    def take(self, event: dict[str, Any]) -> Run | None:
        """Note *event*; the run that it changed."""
        self.last = max(self.last, event["seq"])
        data = event["data"]
        run = self.runs.get(data.get("job"))
        if run is None:
            return None
        _note(run, event["kind"].removeprefix("job."), data, event.get("cause") or "")
        return run

    def show(self, views: Iterable[dict[str, Any]]) -> None:
        """Take what ``job.list`` says, where events were missed."""
        for view in views:
            run = self.runs.get(view["id"])
            if run is not None:
                run.state, run.attempt = view["state"], view["attempt"]
                run.cause = view.get("reason") or run.cause

    @property
    def running(self) -> list[Run]:
        return [run for run in self.runs.values() if run.running]

    def count(self, state: str) -> int:
        return sum(run.state == state for run in self.runs.values())

    @property
    def over(self) -> bool:
        return all(run.ended for run in self.runs.values())


def _note(run: Run, what: str, data: dict[str, Any], cause: str) -> None:
    run.attempt = data.get("attempt") or run.attempt
    if what == "reported":
        run.reported(data)
    elif what == "starting":
        run.state = "starting"
    elif what in ("started", "adopted"):
        run.state = "running"
        run.adopted += what == "adopted"
    elif what in ("queued", "never_began"):
        run.state = "queued"
    elif what in ENDED:
        run.state, run.cause, run.seconds = what, cause, data.get("seconds")


def time_to_kill(sweep: Sweep) -> bool:
    """Whether the daemon's death would now be seen best: some runs are over, all slots train, some wait.

    When the last one waits, or none does, a worse moment will do: there may be no other.
    """
    running, waiting = sweep.running, sweep.count("queued")
    over = sum(run.ended for run in sweep.runs.values())
    if len(running) < SLOTS or over < min(2, len(sweep.runs) - SLOTS - 1):
        return False
    if any(not run.pid or run.progress is None for run in running):
        return False
    furthest = max(run.progress or 0.0 for run in running)
    return furthest >= SOME and (furthest <= HALF or waiting <= 1)


def ranked(runs: Iterable[Run]) -> list[Run]:
    """The best first: by accuracy, then by loss; those that failed last."""
    return sorted(runs, key=lambda r: (not r.succeeded, -(r.accuracy or 0.0), _or_worst(r.loss), r.job))


def _or_worst(loss: float | None) -> float:
    return float("inf") if loss is None else loss
