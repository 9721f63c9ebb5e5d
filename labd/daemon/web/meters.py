"""What is counted as it happens, since nobody could ask for it later: waits, runs, calls, the loop."""

from collections import Counter, defaultdict

import trio

from labd.api.node import Event
from labd.daemon.events import Bus
from labd.http.histogram import Histogram
from labd.jobs.records import Records

LONG = (0.1, 1.0, 10.0, 60.0, 300.0, 900.0, 3600.0, 14_400.0, 43_200.0, 86_400.0, 604_800.0)
"""Upper bounds, in seconds, for what jobs do."""

LOOP_EVERY = 1.0
"""Seconds between two looks at how late the loop is."""

BATCH = 256


class Meters:
    """The counts of one daemon."""

    def __init__(self, bus: Bus, records: Records) -> None:
        self._bus, self._records = bus, records
        self.job_events: Counter[str] = Counter()
        self.waits, self.runs = Histogram(LONG), Histogram(LONG)
        self.loop = Histogram()
        self.calls: Counter[tuple[str, str]] = Counter()
        self.call_seconds: defaultdict[str, Histogram] = defaultdict(Histogram)

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """The service that follows the events of jobs, and the lateness of the loop."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._follow)
            nursery.start_soon(self._watch_loop)
            task_status.started()

    def called(self, method: str, code: str, seconds: float) -> None:
        """A method was called; *code* is ok, or that of an error."""
        self.calls[method, code] += 1
        self.call_seconds[method].observe(seconds)

    async def _follow(self) -> None:
        with self._bus.listen(("job.*",)) as listener:
            while True:
                await listener.wait_readable()
                if listener.behind:
                    listener.skip()
                for event in listener.read_nowait(BATCH):
                    self.noted(event)
                await trio.lowlevel.checkpoint()

    def noted(self, event: Event) -> None:
        """An event of a job happened."""
        self.job_events[event.kind] += 1
        if isinstance(seconds := event.data.get("seconds"), int | float):
            self.runs.observe(seconds)
        job = self._records.live.get(event.data.get("job", 0)) if event.kind == "job.starting" else None
        if job is not None and event.data.get("attempt") == 1:
            self.waits.observe(max(event.time - max(job.submitted, job.spec.begin or 0.0), 0.0))

    async def _watch_loop(self) -> None:
        while True:
            due = trio.current_time() + LOOP_EVERY
            await trio.sleep_until(due)
            self.loop.observe(max(trio.current_time() - due, 0.0))
