"""Where requests about jobs are handled: names become jobs, rights are checked, jobs become views."""

from collections.abc import Iterable, Sequence
from difflib import get_close_matches

import trio

from labd.api.jobs import JobKind, JobView
from labd.api.methods import Peer, Role
from labd.daemon.intake import Intake
from labd.daemon.lines import TaskLines
from labd.errors import NotFound, NotPermitted, UsageError
from labd.jobs import arrays, decide, logs, table
from labd.jobs.clock import SystemClock
from labd.jobs.model import BLOCKED, HELD, PAUSED, QUEUED, RUNNING, STARTING, Job
from labd.jobs.queue import Queue
from labd.jobs.reports import Latest, Reports
from labd.jobs.runner import Runner
from labd.jobs.views import view
from labd.jobs.watch import Watcher
from labd.resources.ledger import MILLI, Ledger
from labd.store.writer import Store
from labd.units import format_seconds


class Desk:
    """The collaborators of every method that is about jobs."""

    def __init__(
        self,
        store: Store,
        queue: Queue,
        runner: Runner,
        ledger: Ledger,
        reports: Reports,
        watcher: Watcher,
        clock: SystemClock,
        state_dir: str,
        kinds: dict[str, JobKind],
        lines: TaskLines,
    ) -> None:
        self.store = store
        self.queue = queue
        self.runner = runner
        self.state_dir = state_dir
        self.lines = lines
        self._ledger = ledger
        self._reports = reports
        self._watcher = watcher
        self.clock = clock
        # not runner.line.never itself: the line is another one after a recovery
        self.intake = Intake(kinds, ledger, queue.find, lambda key: runner.line.never(key))  # noqa: PLW0108

    # -- which job is meant ----------------------------------------------------------------------

    def find(self, ref: int | str) -> Job:
        """The job by id, ``last``, name, or the unique start of a name; a task by its array and its index,
        as in ``12_5``. Raises NotFound, UsageError."""
        if isinstance(ref, int) or ref.isdecimal():
            return self.queue.find(int(ref))
        array, underscore, index = ref.rpartition("_")
        if underscore and index.isdecimal() and array and not self._is_name(ref):
            return self._task(self.find(array), int(index))
        if ref == "last":
            return self.queue.find(self.store.read(table.newest))
        if not ref:
            raise UsageError("an empty string names no job", hint="give an id, a name, or last")
        return self.queue.find(self._named(ref))

    def _is_name(self, ref: str) -> bool:
        return ref in self.store.read(lambda conn: table.exactly_named(conn, [ref]))

    def _task(self, array: Job, index: int) -> Job:
        if array.tasks is None or array.spec.array is None:
            raise NotFound(f"job {array.called} is no array, it has no task {index}")
        position = arrays.position_of(array.spec.array, index)
        if position is None:
            raise NotFound(f"job {array.id} has no task {index}", hint=f"labctl array {array.id}")
        return self.queue.find(array.id + 1 + position)

    def _named(self, ref: str) -> int:
        exact = self.store.read(lambda conn: table.exactly_named(conn, [ref]))
        if exact:
            return exact[ref]
        found = self.store.read(lambda conn: table.ids_named(conn, ref))
        names = {name for _, name in found}
        if len(names) > 1:
            raise UsageError(
                f"{ref!r} could be {', '.join(sorted(names))}", hint="write more of the name, or the id"
            )
        if not found:
            raise NotFound(f"there is no job {ref!r}", hint="labctl status --all lists jobs")
        return found[0][0]

    async def find_all(self, refs: Sequence[int | str]) -> tuple[list[int], dict[int, Job]]:
        """The ids that many references mean, and the jobs that have ended, with few questions to the store.

        Raises NotFound, UsageError.
        """
        names = [ref for ref in refs if isinstance(ref, str) and not ref.isdecimal() and ref != "last"]
        exact = await self.store.read_slow(lambda conn: table.exactly_named(conn, names)) if names else {}
        ids = [self._number(ref, exact) for ref in refs]
        gone = [number for number in dict.fromkeys(ids) if number not in self.queue.live]
        found = await self.store.read_slow(lambda conn: table.jobs(conn, gone)) if gone else []
        ended = {job.id: job for job in found if not job.live}
        for number in gone:
            if number not in ended:
                self.queue.find(number)  # revived meanwhile, or it never was and this says so
        return ids, ended

    def _number(self, ref: int | str, exact: dict[str, int]) -> int:
        if isinstance(ref, int) or ref.isdecimal():
            return int(ref)
        return exact[ref] if ref in exact else self.find(ref).id

    def check_states(self, states: Iterable[str] | None, known: tuple[str, ...]) -> None:
        for state in states or ():
            if state not in known:
                near = get_close_matches(state, known, 1)
                raise UsageError(
                    f"there is no job state {state!r}",
                    hint=f"did you mean {near[0]}?" if near else f"states: {', '.join(known)}",
                )

    # -- who may ---------------------------------------------------------------------------------

    def owns(self, peer: Peer, job: Job) -> bool:
        return peer.uid == job.uid or peer.role >= Role.OPERATE

    def owned(self, peer: Peer, ref: int | str, verb: str) -> Job:
        """The job, when *peer* may *verb* it. Raises NotPermitted."""
        job = self.find(ref)
        if not self.owns(peer, job):
            raise NotPermitted(
                f"job {job.called} belongs to {job.user}: {peer.name} cannot {verb} it",
                hint="that needs the role operate",
            )
        return job

    def readable(self, peer: Peer, ref: int | str) -> Job:
        """The job, when *peer* may read its output. Raises NotPermitted."""
        return self.owned(peer, ref, "read the output of")

    # -- how it stands ---------------------------------------------------------------------------

    def view(self, job: Job, latest: Latest | None = None) -> JobView:
        """The job as clients see it; *latest* is what it reported, where that is not followed any more."""
        warning = "; ".join(self.warnings(job))
        return view(job, latest or self.latest(job), self.waiting_for(job), warning, self.clock.wall())

    def warnings(self, job: Job) -> list[str]:
        """What is amiss with the GPUs that *job* holds; it goes on all the same."""
        if not job.busy or job.current is None or not job.current.gpu_ids:
            return []
        known = {device.index: device.trouble for device in self._ledger.capacity.known}
        found = [known.get(i, f"GPU {i} is not on this machine any more") for i in job.current.gpu_ids]
        return [f"{trouble}; the job keeps it" for trouble in found if trouble]

    def latest(self, job: Job) -> Latest | None:
        """What the running attempt has reported; None for one that does not run."""
        return self._reports.latest(job.id)

    def waiting_for(self, job: Job) -> str:
        """What a queued job waits for, in words."""
        if job.state == BLOCKED:
            return self._others(job)
        if job.state == HELD:
            return "somebody to release it"
        if job.state != QUEUED:
            return ""
        if (delay := decide.seconds_until_ready(job, self.clock)) > 0:
            return f"its {'next attempt' if job.attempt else 'time'}, in {format_seconds(round(delay))}"
        if self.runner.draining:
            return "labd to go on: it takes up nothing new"
        if job.array and job.id not in self.runner.line:
            return f"its turn in job {job.array}"
        return self.runner.line.why(job.id, self._ledger) or "its turn"

    def reasons(self, job: Job) -> list[str]:
        """Why the job stands where it stands, one sentence each."""
        if not job.live:
            return [f"job {job.id} has ended"]
        if job.busy:
            return [f"job {job.id} is {job.state}", *self.warnings(job)]
        if job.tasks is not None and job.state in (RUNNING, PAUSED):
            return [f"job {job.id} is {job.state}", *self._tasks_wait(job)]
        return [f"job {job.id} waits for {self.waiting_for(job)}"]

    def _tasks_wait(self, array: Job) -> list[str]:
        """What the tasks of *array* wait for that have not begun."""
        waiting = arrays.totals(array)["waiting"]
        what = self.runner.line.why(array.id, self._ledger) or "their turn"
        if not waiting or array.state == PAUSED:
            return []
        return [
            f"{waiting} of its tasks wait for {what}" if waiting > 1 else f"a task of it waits for {what}"
        ]

    def holders(self, job: Job) -> list[dict[str, object]]:
        """Who holds what *job* waits for, and until when at the latest; nobody when it waits for else."""
        if job.id not in self.runner.line:
            return []
        return [
            {
                "holder": self._called(lease.holder),
                "cpus": lease.request.cores / MILLI,
                "memory": lease.request.memory,
                "gpus": lease.request.gpu_milli / MILLI if lease.request.share else lease.request.gpu_count,
                "gpu_ids": lease.gpu_ids,
                "vram": lease.request.vram,
                "ends": self._ends(lease.holder),
            }
            for lease in self._ledger.leases
        ]

    def _called(self, name: str) -> str:
        job = self.queue.live.get(int(name.removeprefix("job "))) if name.startswith("job ") else None
        return f"job {job.called}" if job is not None else name

    def _ends(self, name: str) -> float | None:
        job = self.queue.live.get(int(name.removeprefix("job "))) if name.startswith("job ") else None
        if job is None or job.current is None or job.current.started is None or not job.spec.time_limit:
            return None
        return job.current.started + job.spec.time_limit

    def _others(self, job: Job) -> str:
        waits = [d.job for d in job.spec.after if self.queue.dependents.outcome(d) is None]
        called = [self.queue.find(number).called for number in waits[:5]]
        names = ", ".join(called) + (", ..." if len(waits) > 5 else "")
        return f"job{'s' if len(waits) > 1 else ''} {names} to end"

    def counts(self) -> dict[str, int]:
        """How many jobs there are in each state that has any."""
        return self.queue.counts()

    def environment(self, job: Job) -> dict[str, str]:
        return self.store.read(lambda conn: table.environment(conn, job.environment))

    # -- output ----------------------------------------------------------------------------------

    async def wait_begun(self, job_id: int, number: int) -> Job:
        """The job once its attempt *number* has begun, or once it has ended without."""
        while (job := self.queue.find(job_id)).live and (job.attempt < number or job.state == STARTING):
            await self.queue.wait_changed(job_id)
        return job

    def attempt_over(self, job_id: int, number: int) -> bool:
        """Whether there will be no more output of this attempt; 0 stands for one that is still to come."""
        job = self.queue.find(job_id)
        return not job.live if number == 0 else job.attempt != number or not job.busy

    async def wait_output(self, job_id: int, number: int, folder: str, offset: int) -> None:
        """Wait until there is more output, or until the attempt is over."""
        async with trio.open_nursery() as nursery:

            async def until_over() -> None:
                while not self.attempt_over(job_id, number):
                    await self.queue.wait_changed(job_id)
                nursery.cancel_scope.cancel(reason="the attempt is over")

            nursery.start_soon(until_over)
            await logs.wait_more(self._watcher, folder, offset)
            nursery.cancel_scope.cancel(reason="there is more output")
