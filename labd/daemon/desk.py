"""Where requests about jobs are handled: names become jobs, rights are checked, jobs become views."""

from collections.abc import Iterable
from difflib import get_close_matches

import msgspec
import trio

from labd.api.jobs import JobKind, JobSpec, JobView
from labd.api.methods import Peer, Role
from labd.config.model import Jobs
from labd.errors import NotFound, NotPermitted, Refused, UsageError
from labd.jobs import decide, logs, table
from labd.jobs.clock import SystemClock
from labd.jobs.depend import outcome
from labd.jobs.model import BLOCKED, HELD, QUEUED, STARTING, Job
from labd.jobs.order import request_of
from labd.jobs.queue import Queue
from labd.jobs.reports import Latest, Reports
from labd.jobs.runner import Runner
from labd.jobs.schedule import Key
from labd.jobs.views import view
from labd.jobs.watch import Watcher
from labd.resources.ledger import MILLI, Ledger
from labd.store.writer import Store
from labd.units import about_bytes, format_seconds

MAX_SPEC = 1_048_576
"""Bytes of a whole spec: unfinished jobs are kept in memory."""


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
    ) -> None:
        self.store = store
        self.queue = queue
        self.runner = runner
        self.state_dir = state_dir
        self._ledger = ledger
        self._reports = reports
        self._watcher = watcher
        self._clock = clock
        self._kinds = kinds
        self.refusal = ""
        self.defaults = Jobs()

    # -- what is accepted ------------------------------------------------------------------------

    def checked(self, spec: JobSpec, role: Role = Role.ADMIN) -> JobSpec:
        """The spec that will run. Raises UsageError, Refused: nothing of it reaches the store."""
        if spec.priority > 0 and role < Role.OPERATE:
            raise NotPermitted(
                f"priority {spec.priority} is above 0, which needs the role operate",
                hint="below 0 is free: that lets others go first",
            )
        if self.refusal:
            raise Refused(f"no new work is taken: {self.refusal}", hint="try again later")
        built = self._with_defaults(self._built(spec))
        _check_size(built)
        if not built.argv and built.script is None:
            raise UsageError(
                "a job needs a command: argv is empty", hint="labctl submit COMMAND [ARGUMENT ...]"
            )
        if built.argv and not built.argv[0] and built.script is None:
            raise UsageError("the command is an empty string", hint="labctl submit COMMAND [ARGUMENT ...]")
        wrong = [name for name in built.env if not name or "=" in name]
        if wrong:
            raise UsageError(
                f"{wrong[0]!r} cannot be the name of an environment variable", hint="names hold no ="
            )
        if len(set(built.gpu_ids)) < len(built.gpu_ids):
            raise UsageError(f"gpu_ids {list(built.gpu_ids)} names a GPU twice", hint="name each once")
        for dependency in built.after:
            self.queue.find(dependency.job)
        if limit := self.runner.line.never(Key(0, "", request_of(built))):
            raise Refused(f"this job can never start here: it is above {limit}", hint="ask for less")
        if impossible := self._ledger.impossible(request_of(built)):
            raise Refused(
                f"this job can never start here: {impossible}",
                hint="ask for less; labctl status shows what there is",
            )
        return built

    def _with_defaults(self, spec: JobSpec) -> JobSpec:
        usual = self.defaults
        return msgspec.structs.replace(
            spec,
            cpus=usual.default_cpus if spec.cpus is None else spec.cpus,
            memory=usual.default_memory if spec.memory is None else spec.memory,
            time_limit=usual.default_time_limit if spec.time_limit is None else spec.time_limit,
            grace=usual.kill_grace if spec.grace is None else spec.grace,
        )

    def _built(self, spec: JobSpec) -> JobSpec:
        if spec.kind == "command":
            if spec.params:
                raise UsageError(
                    "the kind command takes no params", hint="labctl submit --kind KIND --param NAME=VALUE"
                )
            return spec
        kind = self._kinds.get(spec.kind)
        if kind is None:
            near = get_close_matches(spec.kind, self._kinds, 1)
            known = ", ".join(sorted({"command", *self._kinds}))
            raise UsageError(
                f"there is no job kind {spec.kind!r}",
                hint=f"did you mean {near[0]}?" if near else f"there are: {known}",
            )
        try:
            return _sound(kind.build(msgspec.convert(spec.params, kind.params, strict=False), spec))
        except msgspec.ValidationError as error:
            names = ", ".join(f.encode_name for f in msgspec.structs.fields(kind.params))
            raise UsageError(
                f"params of kind {kind.name}: {error}", hint=f"it takes: {names or 'nothing'}"
            ) from None

    # -- which job is meant ----------------------------------------------------------------------

    def find(self, ref: int | str) -> Job:
        """The job by id, ``last``, name, or the unique start of a name. Raises NotFound, UsageError."""
        if isinstance(ref, int) or ref.isdecimal():
            return self.queue.find(int(ref))
        if ref == "last":
            return self.queue.find(self.store.read(table.last_job))
        if not ref:
            raise UsageError("an empty string names no job", hint="give an id, a name, or last")
        return self.queue.find(self._named(ref))

    def _named(self, ref: str) -> int:
        found = self.store.read(lambda conn: table.ids_named(conn, ref))
        exact = [job_id for job_id, name in found if name == ref]
        if exact:
            return exact[0]
        names = {name for _, name in found}
        if len(names) > 1:
            raise UsageError(
                f"{ref!r} could be {', '.join(sorted(names))}", hint="write more of the name, or the id"
            )
        if not found:
            raise NotFound(f"there is no job {ref!r}", hint="labctl status --all lists jobs")
        return found[0][0]

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
                f"job {job.id} belongs to {job.user}: {peer.name} cannot {verb} it",
                hint="that needs the role operate",
            )
        return job

    def readable(self, peer: Peer, ref: int | str) -> Job:
        """The job, when *peer* may read its output. Raises NotPermitted."""
        return self.owned(peer, ref, "read the output of")

    # -- how it stands ---------------------------------------------------------------------------

    def view(self, job: Job, latest: Latest | None = None) -> JobView:
        """The job as clients see it; *latest* is what it reported, where that is not followed any more."""
        return view(job, latest or self._reports.latest(job.id), self.waiting_for(job))

    def waiting_for(self, job: Job) -> str:
        """What a queued job waits for, in words."""
        if job.state == BLOCKED:
            return self._others(job)
        if job.state == HELD:
            return "somebody to release it"
        if job.state != QUEUED:
            return ""
        if (delay := decide.seconds_until_ready(job, self._clock)) > 0:
            return f"its {'next attempt' if job.attempt else 'time'}, in {format_seconds(round(delay))}"
        if self.runner.draining:
            return "labd to go on: it takes up nothing new"
        return self.runner.line.why(job.id, self._ledger) or "its turn"

    def reasons(self, job: Job) -> list[str]:
        """Why the job stands where it stands, one sentence each."""
        if not job.live:
            return [f"job {job.id} has ended"]
        if job.busy:
            return [f"job {job.id} is {job.state}"]
        return [f"job {job.id} waits for {self.waiting_for(job)}"]

    def holders(self, job: Job) -> list[dict[str, object]]:
        """Who holds what *job* waits for, and until when at the latest; nobody when it waits for else."""
        if job.id not in self.runner.line:
            return []
        return [
            {
                "holder": lease.holder,
                "cpus": lease.request.cores / MILLI,
                "memory": lease.request.memory,
                "gpu_ids": lease.gpu_ids,
                "ends": self._ends(lease.holder),
            }
            for lease in self._ledger.leases
        ]

    def _ends(self, name: str) -> float | None:
        job = self.queue.live.get(int(name.removeprefix("job "))) if name.startswith("job ") else None
        if job is None or job.current is None or job.current.started is None or not job.spec.time_limit:
            return None
        return job.current.started + job.spec.time_limit

    def _others(self, job: Job) -> str:
        waits = [d.job for d in job.spec.after if outcome(d, self.queue.find(d.job).state) is None]
        names = ", ".join(map(str, waits[:5])) + (", ..." if len(waits) > 5 else "")
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


def _sound(spec: JobSpec) -> JobSpec:
    """What a job kind built, as it will be read back: it may have built anything. Raises UsageError."""
    try:
        return msgspec.convert(msgspec.to_builtins(spec), JobSpec)
    except (msgspec.MsgspecError, TypeError, RecursionError) as error:
        raise UsageError(f"the kind {spec.kind} built what cannot be run: {error}") from None


def _check_size(spec: JobSpec) -> None:
    size = len(msgspec.msgpack.encode(spec))
    if size > MAX_SPEC:
        raise UsageError(
            f"the job takes {about_bytes(size)}, environment included; the limit is {about_bytes(MAX_SPEC)}",
            hint="put long data into a file",
        )
