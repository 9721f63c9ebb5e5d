"""The queue and the bus as a plugin has them, and what a test can do to them besides."""

from typing import Any

from labd.api.jobs import JobSpec, JobView
from labd.api.node import Event
from labd.daemon.node import NodeEvents, NodeJobs
from labd.errors import Conflict
from labd.jobs import steer
from labd.jobs.decide import Draft
from labd.jobs.model import Job
from labd.jobs.reports import Latest
from labd.store import eventlog
from labd.testing.house import House
from labd.testing.outcomes import Outcome

ALL = 1_000_000
"""Events; no test has more."""


class ScriptedJobs(NodeJobs):
    """The queue, the schedule and the ledger are the daemon's; how an attempt goes is the test's."""

    def __init__(self, house: House) -> None:
        super().__init__(house.desk, house.owner)
        self._house = house

    async def submit(self, spec: JobSpec, *, key: str | None = None) -> JobView:
        self._house.wake()
        return await super().submit(spec, key=key)

    def script(self, *outcomes: Outcome, name: str = "") -> None:
        """Say how the next attempts go, one each: of jobs called *name*, or of any."""
        self._house.script.write(outcomes, name)

    def otherwise(self, outcome: Outcome, name: str = "") -> None:
        """Say how all other attempts go. Unless you do, they succeed at once."""
        self._house.script.write_otherwise(outcome, name)

    def refuse(self, why: str) -> None:
        """Take no new jobs, as when the disk is nearly full; an empty *why* takes them again."""
        self._house.desk.intake.refusal = why

    async def finish(self, job: int, outcome: Outcome | None = None) -> JobView:
        """End the running attempt now (well, unless *outcome* says how). Raises NotFound, Conflict."""
        found = self._house.queue.find(job)
        if not self._house.follower.plays(job):
            raise Conflict(
                f"job {job} is {found.state}, it does not run", hint="give it an Outcome(seconds=...)"
            )
        self._house.follower.finish(job, outcome or Outcome())
        while (found := self._house.queue.find(job)).busy:
            await self._house.queue.wait_changed(job)
        return self._house.desk.view(found)

    async def release(self, job: int) -> JobView:
        """Release a held job, as an operator would. Raises NotFound, Conflict."""
        self._house.wake()
        return self._house.desk.view(await self._house.runner.steer(job, self._release))

    def _release(self, job: Job) -> list[Draft]:
        return steer.release(job, "operator", self._house.queue.dependents.waits(job))

    def report(self, job: int, progress: float | None = None, **metrics: float) -> None:
        """Let a running job have reported *progress* (0 to 1) and numbers."""
        attempt = self._house.queue.find(job).attempt
        self._house.reported.say(job, Latest(attempt, progress, dict(metrics)))


class RecordedEvents(NodeEvents):
    """The bus, and all that was ever said on it."""

    def __init__(self, plugin: str, house: House) -> None:
        super().__init__(plugin, house.queue, house.bus)
        self._house = house
        self._who = f"plugin {plugin}"

    @property
    def history(self) -> tuple[Event, ...]:
        """Every event since the beginning, those of jobs too."""
        return tuple(self._house.store.read(lambda conn: eventlog.after(conn, 0, ALL)))

    @property
    def published(self) -> tuple[tuple[str, dict[str, Any]], ...]:
        """``(kind, data)`` of the events that the plugin itself has published."""
        return tuple((event.kind, event.data) for event in self.history if event.actor == self._who)

    async def happen(self, kind: str, *, actor: str = "labd", cause: str = "", **data: Any) -> Event:
        """Let something happen elsewhere. What is with jobs, let happen by ``node.jobs``."""
        [event] = await self._house.queue.commit([Draft(kind, data, actor, cause)])
        return event
