"""The queue over a real store: durable before it answers, the same after a restart, honest in trouble."""

import sqlite3
from contextlib import asynccontextmanager

import msgspec
import pytest
import trio
import trio.testing
from hypothesis import given, settings
from hypothesis import strategies as st

from labd.api.jobs import JobSpec
from labd.errors import Conflict, NotFound, Overloaded, StoreUnavailable
from labd.jobs import attempts, decide, steer, table
from labd.jobs.model import Job, apply
from labd.jobs.queue import Limits, Queue
from labd.store import connect, eventlog
from labd.store.writer import Store
from tests.jobs.build import ALICE, Clocks

SPEC = JobSpec(argv=("true",), cwd="/", cpus=1.0, memory=0, grace=1.0, env={"A": "b"})


class Bus:
    """Keeps what is published."""

    def __init__(self):
        self.last, self.events = 0, []

    def publish(self, events):
        self.events += events
        self.last = events[-1].seq


@asynccontextmanager
async def a_queue(path, limits=None, make=connect.writer, last_job=0):
    store = Store.open(str(path / "labd.db"), make=make)
    queue = Queue(store, Bus(), Clocks(), last_job)
    queue.limits = limits or queue.limits
    queue.load()
    async with trio.open_nursery() as nursery:
        await nursery.start(store.run)
        try:
            yield queue
        finally:
            store.close()


async def test_r1_a_job_is_on_disk_when_its_id_is_told(tmp_path):
    async with a_queue(tmp_path) as queue:
        job, new = await queue.submit(SPEC, ALICE, None)
        row = sqlite3.connect(tmp_path / "labd.db").execute("select state, user from jobs").fetchall()
    assert (job.id, new, row) == (1, True, [("queued", "alice")])


async def test_r5_the_same_key_gives_the_same_job(tmp_path):
    async with a_queue(tmp_path) as queue:
        jobs = {"a": set(), "b": set()}

        async def submit(key):
            jobs[key].add((await queue.submit(SPEC, ALICE, key))[0].id)

        async with trio.open_nursery() as nursery:
            for key in ("a", "a", "b", "a"):
                nursery.start_soon(submit, key)
        assert sorted(map(len, jobs.values())) == [1, 1]
        assert jobs["a"] | jobs["b"] == {1, 2}
    async with a_queue(tmp_path) as queue:
        job, new = await queue.submit(SPEC, ALICE, "a")
    assert ({job.id}, new) == (jobs["a"], False)


async def test_events_are_published_in_order_and_only_when_durable(tmp_path):
    async with a_queue(tmp_path) as queue:
        for _ in range(5):
            await queue.submit(SPEC, ALICE, None)
        assert [e.seq for e in queue._bus.events] == [1, 2, 3, 4, 5]
        assert {e.actor for e in queue._bus.events} == {"alice"}


async def test_limits_are_named_and_nothing_is_stored(tmp_path):
    async with a_queue(tmp_path, Limits(queued=10, queued_per_user=1)) as queue:
        await queue.submit(SPEC, ALICE, None)
        with pytest.raises(Overloaded, match="there are 1 unfinished jobs of alice, the limit is 1"):
            await queue.submit(SPEC, ALICE, None)
        assert queue._store.read(table.last_job) == 1


async def test_a_job_that_ended_leaves_memory_and_can_still_be_found(tmp_path):
    async with a_queue(tmp_path) as queue:
        await queue.submit(SPEC, ALICE, None)
        assert (await queue.cancel(1, "alice", "enough")).state == "cancelled"
        assert queue.live == {}
        assert queue.find(1).cancel_reason == "enough"
        with pytest.raises(Conflict):
            await queue.cancel(1, "alice", "again")
        with pytest.raises(NotFound):
            queue.find(2)


async def test_waiting_for_an_end(tmp_path):
    async with a_queue(tmp_path) as queue, trio.open_nursery() as nursery:
        await queue.submit(SPEC, ALICE, None)
        nursery.start_soon(queue.cancel, 1, "alice", "enough")
        assert (await queue.wait_ended(1)).state == "cancelled"


async def test_equal_environments_are_kept_once(tmp_path):
    async with a_queue(tmp_path) as queue:
        for _ in range(3):
            job, _ = await queue.submit(SPEC, ALICE, None)
        assert queue._store.read(lambda c: c.execute("select count(*) from environments").fetchone()) == (1,)
        assert queue._store.read(lambda c: table.environment(c, job.environment)) == {"A": "b"}


class Failing(sqlite3.Connection):
    """Its commits fail while ``broken`` is set, as on a full disk."""

    broken = False

    def execute(self, sql, *args):
        if Failing.broken and sql.upper().startswith("COMMIT"):
            error = sqlite3.OperationalError("database or disk is full")
            error.sqlite_errorcode, error.sqlite_errorname = sqlite3.SQLITE_FULL, "SQLITE_FULL"
            raise error
        return super().execute(sql, *args)


async def test_r17_a_store_that_refuses_leaves_nothing_behind(tmp_path, monkeypatch):
    async with a_queue(tmp_path, make=lambda path: connect.writer(path, Failing)) as queue:
        await queue.submit(SPEC, ALICE, None)
        monkeypatch.setattr(Failing, "broken", True)
        with pytest.raises(StoreUnavailable, match="disk is full"):
            await queue.submit(SPEC, ALICE, None)
        with pytest.raises(StoreUnavailable):
            await queue.cancel(1, "alice", "x")
        queue.load()
        assert list(queue.live) == [1]
        monkeypatch.setattr(Failing, "broken", False)
        await queue._store.reopen()
        queue.load()
        assert (await queue.submit(SPEC, ALICE, None))[0].id == 2
        assert [e.seq for e in queue._bus.events] == [1, 2]


STEPS = st.lists(st.tuples(st.sampled_from("sxfrclanhupqm"), st.integers(0, 5)), max_size=40)


STEERING = {
    "h": lambda job: steer.hold(job, "alice"),
    "u": lambda job: steer.release(job, "alice", waits_for_others=False),
    "p": lambda job: steer.pause(job, "alice"),
    "m": lambda job: steer.resume(job, "alice"),
    "q": lambda job: steer.requeue(job, "alice", "again"),
}


def _drafts(step: str, job: Job) -> list[decide.Draft]:
    """What *step* would do to *job*; an unlawful step does nothing."""
    clocks = Clocks()
    if step == "s" and job.state == "queued":
        return [decide.starting(job, "t" * 16, ())]
    if step == "a" and job.state == "starting":
        return [decide.Draft("job.started", {"job": job.id, "attempt": job.attempt, "started": 1.0})]
    if step == "n" and job.state == "starting":
        return decide.never_began(job, "x", clocks)
    if step in "xfl" and job.busy:
        ending = {"x": ("exited", 0), "f": ("exited", 1), "l": ("lost", None)}[step]
        return decide.ended(job, decide.Ending(reason=ending[0], exit_code=ending[1]), clocks)
    if step == "r" and not job.live:
        return [decide.retry(job, "alice", clocks)]
    for letter, ask in STEERING.items():
        if step == letter:
            try:
                return ask(job)
            except Conflict:
                return []
    if step == "c" and job.live:
        return [decide.cancel(job, "alice", "enough")]
    return []


@settings(max_examples=30, deadline=None)
@given(steps=STEPS)
def test_r36_folding_the_events_gives_the_tables(tmp_path_factory, steps):
    async def live_through():
        async with a_queue(tmp_path_factory.mktemp("q")) as queue:
            for _ in range(6):
                await queue.submit(JobSpec(argv=("x",), cwd="/", retries=1), ALICE, None)
            for step, number in steps:
                queue.record(_drafts(step, queue.find(number + 1)))
            await queue._store.write(lambda conn: None)
            events = queue._store.read(lambda c: eventlog.after(c, 0, 10_000))
            rows = queue._store.read(lambda c: table.listed(c, table.Filter(), 100))
            attempts = {j.id: queue._store.read(lambda c, j=j: table.attempts(c, j.id)) for j in rows}
        folded, tries = {}, {}
        for event in events:
            job = folded[event.data["job"]] = apply(folded.get(event.data["job"]), event)
            if job.current is not None:
                tries[job.id, job.current.number] = job.current
        assert {job.id: job for job in rows} == folded
        assert {(i, a.number): a for i, found in attempts.items() for a in found} == tries

    trio.run(live_through)


async def test_r19_a_restored_store_gives_no_id_that_a_folder_has(tmp_path):
    async with a_queue(tmp_path, last_job=attempts.last_job(str(tmp_path))) as queue:
        assert (await queue.submit(SPEC, ALICE, None))[0].id == 1
    for name in ("0/7.1", "2/2003.2", "1/1999.1"):
        (tmp_path / "jobs" / name).mkdir(parents=True)
    async with a_queue(tmp_path, last_job=attempts.last_job(str(tmp_path))) as queue:
        assert (await queue.submit(SPEC, ALICE, None))[0].id == 2004


async def test_r5_a_client_that_went_away_in_the_middle_finds_its_job_with_the_same_key(tmp_path):
    async with a_queue(tmp_path) as queue:
        for attempt in range(20):
            with trio.CancelScope() as scope:
                queue._store.enqueue(lambda conn: None)
                scope.cancel()
                await queue.submit(SPEC, ALICE, f"key {attempt}")
            found, _ = await queue.submit(SPEC, ALICE, f"key {attempt}")
            assert (
                queue._store.read(lambda c, k=attempt: table.job_with_key(c, 1000, f"key {k}")).id == found.id
            )


async def test_a_change_that_cannot_be_stored_leaves_memory_as_the_disk_is(tmp_path):
    async with a_queue(tmp_path) as queue:
        undone = []
        queue.on_undone = lambda job, stored: undone.append((job.id, stored and stored.state))
        await queue.submit(SPEC, ALICE, "k")

        def refuse(conn):
            raise sqlite3.IntegrityError("no")

        with pytest.raises(sqlite3.IntegrityError):
            await queue.commit([decide.starting(queue.find(1), "t" * 16, ())], refuse)
        assert queue.find(1).state == "queued"
        assert undone == [(1, "queued")]
        await queue.cancel(1, "alice", "enough")
        assert queue.live == {}


async def test_a_record_that_cannot_be_read_is_left_alone_and_named(tmp_path, caplog):
    async with a_queue(tmp_path) as queue:
        for _ in range(3):
            await queue.submit(SPEC, ALICE, None)
        await queue._store.write(lambda c: c.execute("update jobs set record = '{\"id\": 2}' where id = 2"))
    async with a_queue(tmp_path) as queue:
        assert (sorted(queue.live), queue.unreadable) == ([1, 3], [2])
        assert [job.id for job in await queue.listed(table.Filter(), 10)] == [3, 1]
    assert "the record of job 2 cannot be read" in caplog.text


async def test_lists_by_tag_and_group_in_two_orders(tmp_path):
    async with a_queue(tmp_path) as queue:
        for more in (
            {},
            {"tags": ("a", "b")},
            {"group": "net", "priority": 5},
            {"tags": ("ab",), "hold": True},
        ):
            await queue.submit(msgspec.structs.replace(SPEC, **more), ALICE, None)

        async def ids(order="newest", limit=10, **where):
            return [job.id for job in await queue.listed(table.Filter(**where), limit, order)]

        assert await ids(tag="a") == [2]
        assert await ids(tag="ab", states=("held",)) == [4]
        assert await ids(tag="'") == []
        assert await ids(group="net") == [3]
        assert await ids(group="") == [4, 2, 1]
        assert await ids("start") == [3, 1, 2, 4]
        assert await ids("start", limit=2, before=3) == [1, 2]


async def test_what_changed_again_meanwhile_is_not_undone_with_what_failed(tmp_path):
    async with a_queue(tmp_path) as queue:
        await queue.submit(SPEC, ALICE, None)

        def refuse(conn):
            raise sqlite3.IntegrityError("no")

        async with trio.open_nursery() as nursery:

            async def fails():
                with pytest.raises(sqlite3.IntegrityError):
                    await queue.commit(steer.hold(queue.find(1), "alice"), refuse)

            nursery.start_soon(fails)
            await trio.testing.wait_all_tasks_blocked()
            queue.record([decide.cancel(queue.find(1), "alice", "enough")])
        await queue._store.write(lambda conn: None)
        assert queue.find(1).state == "cancelled"
        assert queue.live == {}
