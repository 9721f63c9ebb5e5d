"""Arrays under whatever people, ends and restarts do to them, in any order: the books always balance."""

import shutil
import sqlite3
import tempfile
from collections import Counter
from collections.abc import Callable

import msgspec
import trio
import trio.testing
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from labd.api.jobs import ArraySpec, Dependency
from labd.errors import Conflict
from labd.jobs import arrays, decide, steer
from labd.jobs.model import HELD, PAUSED, QUEUED, RUNNING, STARTING, Job
from labd.jobs.queue import Queue
from labd.store.writer import Store
from tests.jobs.build import ALICE, Clocks
from tests.jobs.test_queue import SPEC, Bus
from tests.real.folding import differences

ENDINGS = {
    "ok": decide.Ending(reason="exited", exit_code=0, ended=1.0),
    "failed": decide.Ending(reason="exited", exit_code=3, ended=1.0),
    "lost": decide.Ending(reason="lost", ended=1.0),
    "cancelled": decide.Ending(reason="cancelled", signal=15, ended=1.0),
}


PICK = st.integers(0, 99)


class LateStore:
    """A store that makes changes durable when it is told to."""

    failed, cause = False, None

    def __init__(self, folder: str) -> None:
        self.path = f"{folder}/labd.db"
        Store.open(self.path).close()
        self.connection = sqlite3.connect(self.path, isolation_level=None)
        self.pending: list = []

    def enqueue(self, change: Callable, done: Callable) -> None:
        self.pending.append((change, done))

    async def write(self, change: Callable) -> None:
        self.flush()
        change(self.connection)

    def read(self, query: Callable):
        return query(self.connection)

    def flush(self, most: int = 1_000_000) -> None:
        while self.pending and most:
            most -= 1
            change, done = self.pending.pop(0)
            self.connection.execute("begin")
            change(self.connection)
            self.connection.execute("commit")
            done(None, None)


class Arrays(RuleBasedStateMachine):
    """What the runner does is done here by hand."""

    @initialize()
    def begin(self) -> None:
        self.folder = tempfile.mkdtemp()
        self.store, self.clocks, self.ids = LateStore(self.folder), Clocks(), []
        self.take_up()

    def take_up(self) -> None:
        self.queue = Queue(self.store, Bus(), self.clocks)
        self.queue.load()
        if drafts := self.queue.dependents.load(list(self.queue.live.values())):
            self.queue.record(drafts)

    def teardown(self) -> None:
        if hasattr(self, "store"):
            self.store.flush()
            found = differences(self.folder) if self.ids else []
            self.store.connection.close()
            shutil.rmtree(self.folder)
            assert found == []

    def do(self, act: Callable, *args: object) -> None:
        """Let *act* have its answer, once what it changes is durable; a refusal is an answer."""

        async def answered() -> None:
            try:
                await act(*args)
            except Conflict:
                pass

        async def main() -> None:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(answered)
                await trio.testing.wait_all_tasks_blocked()
                self.store.flush()

        trio.run(main)

    def known(self) -> list[Job]:
        """Every job and every task there is."""
        found = [self.queue.find(number) for number in self.ids]
        tasks = [self.queue.find(a.id + 1 + n) for a in found if a.tasks for n in range(a.tasks.count)]
        return found + tasks

    # -- what people do --------------------------------------------------------------------------

    @precondition(lambda self: len(self.ids) < 3)
    @rule(
        count=st.integers(0, 5), hold=st.sampled_from((False, False, True)), retries=st.integers(0, 1),
        seed=PICK, when=st.sampled_from(("", "ok", "", "failed", "", "any")),
    )  # fmt: skip
    def submit(self, count: int, hold: bool, retries: int, seed: int, when: str) -> None:
        known = self.known()
        after = (Dependency(known[seed % len(known)].id, when),) if known and when else ()
        array = ArraySpec(((0, count - 1, 1),)) if count else None
        spec = msgspec.structs.replace(SPEC, array=array, hold=hold, retries=retries, after=after)
        self.ids.append(self.queue._next_job)
        self.do(self.queue.submit, spec, ALICE, None)

    @precondition(lambda self: self.ids)
    @rule(
        which=PICK,
        what=st.sampled_from(
            ("cancel", "retry", "hold", "release", "pause", "resume", "requeue", "prioritise")
        ),
        priority=st.integers(-2, 2),
    )
    def ask(self, which: int, what: str, priority: int) -> None:
        job = _pick(self.known(), which)
        decisions = {
            "hold": lambda job: steer.hold(job, "alice"),
            "release": lambda job: steer.release(job, "alice", self.queue.dependents.waits(job)),
            "pause": lambda job: steer.pause(job, "alice"),
            "resume": lambda job: steer.resume(job, "alice"),
            "requeue": lambda job: steer.requeue(job, "alice", "requeued"),
            "prioritise": lambda job: steer.prioritise(job, "alice", priority),
        }
        if what == "cancel":
            self.do(self.queue.cancel, job.id, "alice", "enough")
        elif what == "retry":
            self.do(self.queue.retry, job.id, "alice")
        else:
            self.do(self.queue.steer, job.id, decisions[what])

    @rule(which=PICK)
    def retry(self, which: int) -> None:
        if ended := [job for job in self.known() if not job.live]:
            self.do(self.queue.retry, _pick(ended, which).id, "alice")

    # -- what the runner does --------------------------------------------------------------------

    @rule(which=PICK)
    def start(self, which: int) -> None:
        waiting = [job for job in self.queue.live.values() if _may_start(job)]
        if not waiting:
            return
        job = _pick(waiting, which)
        task = job if job.tasks is None else self.queue.next_task(job.id)
        if task is None:
            return
        assert task.state in (QUEUED, *arrays.REPEATED)
        drafts = [decide.starting(task, "t" * 16, ())]
        if not task.live:
            drafts.insert(0, decide.repeated(task, "again", self.clocks))
        self.queue.record(drafts)

    @rule(which=PICK)
    def started(self, which: int) -> None:
        if found := [job for job in self.queue.live.values() if job.state == STARTING]:
            job = _pick(found, which)
            data = {"job": job.id, "attempt": job.attempt, "started": 1.0}
            self.queue.record([decide.Draft("job.started", data)])

    @rule(which=PICK, how=st.sampled_from((*ENDINGS, "never began", "cannot begin")))
    def end(self, which: int, how: str) -> None:
        if not (found := [job for job in self.queue.live.values() if job.busy]):
            return
        job = _pick(found, which)
        if how in ENDINGS:
            drafts = decide.ended(job, ENDINGS[how], self.clocks)
        elif job.state == STARTING:
            drafts = decide.never_began(job, "no", self.clocks, hold=how == "cannot begin")
        else:
            return
        self.queue.record(arrays.waiting_with(self.queue.array_of(job), job, drafts))

    @rule(hows=st.lists(st.sampled_from(("ok", "failed")), min_size=3, max_size=9))
    def much_runs(self, hows: list[str]) -> None:
        for how in hows:
            self.start(0)
            self.end(0, how)

    # -- what the machine does -------------------------------------------------------------------

    @rule(most=st.integers(1, 3))
    def some_is_durable(self, most: int) -> None:
        self.store.flush(most)

    @rule()
    def stop_and_start(self) -> None:
        self.store.flush()
        before = self.queue
        self.take_up()
        assert self.queue.live == before.live
        assert self.queue.counts() == before.counts()
        assert +self.queue._per_user == +before._per_user
        assert self.queue._arrays == before._arrays
        assert (self.queue._next_seq, self.queue._next_job) == (before._next_seq, before._next_job)

    @rule()
    def crash_and_start(self) -> None:
        self.store.pending.clear()
        self.take_up()

    # -- what holds ------------------------------------------------------------------------------

    @invariant()
    def the_books_balance(self) -> None:
        for number in getattr(self, "ids", ()):
            if (array := self.queue.find(number)).tasks is not None:
                self.balances(array)

    def balances(self, array: Job) -> None:
        tasks = [self.queue.find(array.id + 1 + n) for n in range(array.tasks.count)]
        counts = Counter("running" if task.busy else "waiting" if task.live else task.state for task in tasks)
        assert +Counter(arrays.totals(array)) == counts, array
        assert array.live == any(task.live for task in tasks) or array.tasks.again is not None, array
        assert all(task.spec == array.spec for task in tasks)
        if array.state in (HELD, PAUSED):
            early = [task.id for task in tasks if task.state == QUEUED and task.id not in self.queue.live]
            assert not early


def _pick(jobs: list[Job], which: int) -> Job:
    return jobs[which % len(jobs)]


def _may_start(job: Job) -> bool:
    if job.tasks is None:
        return job.state == QUEUED
    return job.state in (QUEUED, RUNNING) and job.tasks.unstarted


Arrays.TestCase.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
test_arrays = Arrays.TestCase
