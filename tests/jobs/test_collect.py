"""Removal over a real store and real folders: what goes, what stays, and what is still true after."""

import fcntl
import os
import sqlite3
from contextlib import asynccontextmanager, closing

import msgspec
import pytest
import trio

from labd.api.jobs import ArraySpec, Dependency, JobSpec
from labd.errors import NotFound
from labd.jobs import accounts, attempts, removal
from labd.jobs.census import Counter
from labd.jobs.collect import Collector, Things
from labd.jobs.queue import Queue
from labd.jobs.retention import SETTLED, Limits
from labd.store import Blobs, Store, eventlog, owners
from tests.filling import RAN, fill
from tests.jobs.build import ALICE, Clocks
from tests.jobs.test_queue import Bus
from tests.real.folding import differences

OLD = Limits(keep_jobs=2 * SETTLED)
NOW = 1_000_000.0
SPEC = JobSpec(argv=("true",), cwd="/", cpus=1.0, memory=0, grace=1.0)


class Kit:
    """A queue with ended jobs, and a collector."""

    def __init__(self, path, names=()):
        self.state = str(path)
        self.store = Store.open(f"{path}/labd.db")
        self.clocks = Clocks()
        self.queue = Queue(self.store, Bus(), self.clocks, 0)
        self.queue.load()
        self.blobs = Blobs(f"{path}/blobs")
        counter = Counter(self.store, self.state, self.blobs, names)
        self.first = 0
        self.collector = Collector(
            Things(self.store, self.queue, counter, self.blobs), self.state, self.clocks, self._collected
        )
        self.collector.limits = OLD

    def _collected(self, first):
        self.first = first

    def ids(self):
        return [
            n
            for (n,) in self.store.read(
                lambda conn: conn.execute("select id from jobs order by id").fetchall()
            )
        ]

    def folders(self):
        return sorted(p for _, names, _ in os.walk(f"{self.state}/jobs") for p in names if "." in p)


@asynccontextmanager
async def kit(path, count=10, ages=5 * SETTLED, **more):
    """*count* jobs that ended *ages* ago and later, a day from one to the next."""
    os.makedirs(path, exist_ok=True)
    if count:
        newest = NOW - ages + (count - 1) * SETTLED
        fill(str(path), count, newest, SETTLED, folders=1)
    made = Kit(path, **more)
    async with trio.open_nursery() as nursery:
        await nursery.start(made.store.run)
        try:
            yield made
        finally:
            made.store.close()


async def test_old_jobs_go_with_their_folders_and_events(tmp_path):
    async with kit(tmp_path, 5) as it:
        found = await it.collector.collect("anna")
        assert msgspec.structs.astuple(found.went)[:3] == (3, 3, 12)
        assert found.left == 0
        assert it.ids() == [4, 5]
        assert it.folders() == ["4.1", "5.1"]
        assert it.queue.counts() == {"succeeded": 2}
        await it.store.write(lambda conn: None)
        [event] = [e for e in it.queue._bus.events if e.kind == "store.collected"]
        assert (event.actor, event.data["jobs"]) == ("anna", 3)
        assert it.first == 13
    assert differences(str(tmp_path)) == []


async def test_a_dry_run_says_the_same_and_removes_nothing(tmp_path):
    async with kit(tmp_path, 5) as it:
        would = await it.collector.would()
        assert it.ids() == [1, 2, 3, 4, 5]
        went = (await it.collector.collect()).went
        assert would.went == went
        assert (went.environments, went.bytes > 3 * 6000) == (3, True)


async def test_what_ended_within_a_day_stays_whatever_the_limits_say(tmp_path):
    async with kit(tmp_path, 3, ages=2.5 * SETTLED) as it:
        it.collector.limits = Limits(keep_jobs=0.0, max_jobs=1, max_bytes=1, keep_folders=0.0)
        await it.collector.collect()
        assert it.ids() == [3]
        assert it.folders() == ["3.1"]


async def test_ids_and_numbers_of_events_are_not_used_again(tmp_path):
    async with kit(tmp_path, 2, ages=9 * SETTLED) as it:
        await it.collector.collect()
        assert it.ids() == []
        job, _ = await it.queue.submit(SPEC, ALICE, None)
        assert job.id == 3
    async with kit(tmp_path, 0) as it:
        assert it.queue.highest == 3
        events = it.store.read(lambda conn: eventlog.after(conn, 0, 99))
        assert [e.seq for e in events] == [9, 10]


async def test_a_log_without_events_goes_on_where_it_was(tmp_path):
    async with kit(tmp_path, 1, ages=9 * SETTLED) as it:
        await it.store.write(lambda conn: eventlog.remove(conn, [1, 2, 3, 4]))
        assert it.store.read(eventlog.bounds) == (5, 4)


async def test_jobs_that_unfinished_ones_depend_on_stay(tmp_path):
    async with kit(tmp_path, 3, ages=9 * SETTLED) as it:
        waits = msgspec.structs.replace(SPEC, hold=True, after=(Dependency(2, "failed"),))
        await it.queue.submit(waits, ALICE, None)
        await it.collector.collect()
        assert it.ids() == [2, 4]
        assert it.folders() == ["2.1"]
        await it.queue.cancel(4, "alice", "enough")
        await it.collector.collect()
        assert it.ids() == [4]


async def test_a_dependency_that_comes_while_its_job_is_about_to_go_keeps_it(tmp_path):
    async with kit(tmp_path, 3, ages=9 * SETTLED) as it:
        seen = it.store.read(lambda conn: removal.named(conn, 0)).last
        waits = msgspec.structs.replace(SPEC, hold=True, after=(Dependency(2, "ok"),))
        await it.queue.submit(waits, ALICE, None)
        removed = await it.store.write(lambda conn: removal.remove(conn, [1, 2, 3], seen))
        assert (removed.jobs, it.ids()) == (2, [2, 4])


async def test_a_job_that_is_run_again_meanwhile_stays(tmp_path):
    async with kit(tmp_path, 2, ages=9 * SETTLED) as it:
        await it.queue.retry(1, "alice")
        removed = await it.store.write(lambda conn: removal.remove(conn, [1, 2], 2))
        assert (removed.jobs, it.ids()) == (1, [1])
        await it.collector.collect()
        assert it.folders() == ["1.1", "2.1"]


async def test_nobody_finds_a_job_that_is_going(tmp_path):
    async with kit(tmp_path, 2) as it:
        it.queue.leaving = frozenset({1})
        with pytest.raises(NotFound, match="there is no job 1"):
            await it.queue.retry(1, "alice")
        spec = msgspec.structs.replace(SPEC, after=(Dependency(1),))
        with pytest.raises(NotFound, match="there is no job 1"):
            await it.queue.submit(spec, ALICE, None)
        assert it.queue.find(2).id == 2


async def test_a_job_run_again_whose_dependency_is_gone_does_not_wait_for_it(tmp_path):
    async with kit(tmp_path, 1, ages=9 * SETTLED) as it:
        job, _ = await it.queue.submit(msgspec.structs.replace(SPEC, after=(Dependency(1),)), ALICE, None)
        await it.queue.cancel(job.id, "alice", "enough")
        await it.collector.collect()
        again = await it.queue.retry(job.id, "alice")
        assert not it.queue.dependents.waits(again)
    async with kit(tmp_path, 0) as it:
        assert it.queue.dependents.load(it.queue.live.values()) == []


async def test_a_locked_folder_stays_and_so_does_its_job(tmp_path):
    async with kit(tmp_path, 2, ages=9 * SETTLED) as it:
        lock = os.open(f"{attempts.folder(it.state, 1, 1)}/lock", os.O_RDONLY)
        fcntl.flock(lock, fcntl.LOCK_EX)
        found = await it.collector.collect()
        os.close(lock)
        assert [os.path.basename(path) for path in found.kept] == ["1.1"]
        assert (it.ids(), it.folders()) == ([1], ["1.1"])
        await it.collector.collect()
        assert (it.ids(), it.folders()) == ([], [])


async def test_read_only_folders_and_links_do_not_stop_it(tmp_path):
    other = tmp_path / "precious"
    other.mkdir()
    (other / "data").write_text("mine")
    async with kit(tmp_path / "s", 1, ages=9 * SETTLED) as it:
        place = f"{attempts.folder(it.state, 1, 1)}/run"
        os.symlink(other, f"{place}/link")
        os.mkdir(f"{place}/sealed")
        os.chmod(f"{place}/sealed", 0o500)
        assert (await it.collector.collect()).kept == {}
    assert (other / "data").read_text() == "mine"


async def test_folders_go_earlier_than_jobs_when_asked(tmp_path):
    async with kit(tmp_path, 3, ages=4.5 * SETTLED) as it:
        it.collector.limits = Limits(keep_folders=3 * SETTLED)
        assert (await it.collector.collect()).went.folders == 2
        assert (it.ids(), it.folders()) == ([1, 2, 3], ["3.1"])
        assert (await it.collector.collect()).went.folders == 0


async def test_folders_of_unknown_jobs_go_by_their_age(tmp_path):
    async with kit(tmp_path, 3) as it:
        for number, age in ((900, 9), (901, 0)):
            os.makedirs(folder := attempts.folder(it.state, number, 1))
            os.utime(folder, (NOW, NOW - age * SETTLED))
        await it.collector.collect()
        assert "900.1" not in it.folders()
        assert "901.1" in it.folders()


async def test_accounts_stay_when_jobs_go(tmp_path):
    async with kit(tmp_path, 9, ages=9.5 * SETTLED) as it:

        def used():
            return it.store.read(lambda conn: accounts.used(conn, "user", 0.0, NOW, NOW))

        before = used()
        it.collector.limits = Limits(max_jobs=4)
        assert (await it.collector.collect()).went.jobs == 5
        after = used()
        unknown = {"median_wait"}
        assert [{k: v for k, v in row.items() if k not in unknown} for row in before[0]] == [
            {k: v for k, v in row.items() if k not in unknown} for row in after[0]
        ]
        assert before[1]["core_seconds"] == 9 * 2 * RAN
        by_name = it.store.read(lambda conn: accounts.used(conn, "name", 0.0, NOW, NOW))[0]
        assert {row["key"]: row["jobs"] for row in by_name} == {"old": 4, "(removed)": 5}


async def test_blobs_that_nobody_names_go_unless_they_are_fresh_or_a_plugins(tmp_path):
    def names(spec):
        return [spec.array.items]

    async with kit(tmp_path, 0, names=[names]) as it:
        digests = {name: it.blobs.put(name.encode()) for name in ("named", "unnamed", "fresh", "plugin")}
        mine = [digests[name] for name in ("named", "unnamed", "fresh")]
        await it.store.write(lambda conn: owners.put(conn, 1000, mine))
        array = ArraySpec(ranges=((1, 3, 1),), items=digests["named"])
        await it.queue.submit(msgspec.structs.replace(SPEC, array=array), ALICE, None)
        for name, digest in digests.items():
            age = 0 if name == "fresh" else 2 * SETTLED
            os.utime(it.blobs.path(digest), (NOW, NOW - age))
        went = (await it.collector.collect()).went
        assert (went.blobs, went.bytes) == (1, 7)
        assert {name for name, digest in digests.items() if it.blobs.has(digest)} == {
            "named", "fresh", "plugin"
        }  # fmt: skip
        assert it.store.read(owners.known) == sorted({digests["named"], digests["fresh"]})


async def test_no_blob_goes_while_an_unfinished_job_cannot_be_read(tmp_path):
    async with kit(tmp_path, 0, names=[lambda spec: []]) as it:
        digest = it.blobs.put(b"x")
        await it.store.write(lambda conn: owners.put(conn, 1000, [digest]))
        os.utime(it.blobs.path(digest), (NOW, NOW - 2 * SETTLED))
        await it.queue.submit(SPEC, ALICE, None)
        await it.store.write(lambda conn: conn.execute("update jobs set record = 'nonsense'"))
        assert (await it.collector.collect()).went.blobs == 0
        await it.store.write(lambda conn: conn.execute("update jobs set live = 0"))
        assert (await it.collector.collect()).went.blobs == 1


async def test_environments_go_when_no_job_has_them(tmp_path):
    async with kit(tmp_path, 4, ages=3.5 * SETTLED) as it:
        job, _ = await it.queue.submit(msgspec.structs.replace(SPEC, env={"A": "b"}), ALICE, None)
        assert (await it.collector.collect()).went.environments == 2
        assert len(it.store.read(removal.environments)) == 3
        assert job.environment in it.store.read(removal.environments)


async def test_an_array_goes_with_its_tasks(tmp_path):
    async with kit(tmp_path, 1, ages=9 * SETTLED) as it:
        array = ArraySpec(ranges=((1, 3, 1),))
        job, _ = await it.queue.submit(msgspec.structs.replace(SPEC, array=array), ALICE, None)
        await it.queue.cancel(job.id + 1, "alice", "one")
        await it.queue.cancel(job.id, "alice", "all")
        await it.store.write(lambda conn: None)
        it.clocks.walls += 9 * SETTLED
        found = await it.collector.collect()
        assert it.ids() == []
        assert found.went.jobs >= 3
        with pytest.raises(NotFound):
            it.queue.find(job.id + 2)
        again, _ = await it.queue.submit(SPEC, ALICE, None)
        assert again.id == job.id + 4


async def test_it_stops_when_its_time_is_over_and_says_what_is_left(tmp_path):
    async with kit(tmp_path, 3, ages=9 * SETTLED) as it:
        assert (await it.collector.collect(seconds=-1.0)).left == 3
        assert it.ids() == [1, 2, 3]


async def test_records_that_cannot_be_read_do_not_stop_it(tmp_path):
    async with kit(tmp_path, 3, ages=9 * SETTLED) as it:
        await it.store.write(lambda conn: conn.execute("update jobs set record = 'nonsense' where id = 2"))
        await it.collector.collect()
        assert it.ids() == []


async def test_a_crash_between_folders_and_records_leaves_nothing(tmp_path):
    async with kit(tmp_path, 3, ages=9 * SETTLED) as it:
        write = it.store.write

        async def dies(change):
            raise RuntimeError("killed")

        it.store.write = dies
        with pytest.raises(RuntimeError):
            await it.collector.collect()
        it.store.write = write
        assert (it.ids(), it.folders(), it.queue.leaving) == ([1, 2, 3], [], frozenset())
        await it.collector.collect()
        assert it.ids() == []
    with closing(sqlite3.connect(tmp_path / "labd.db")) as connection:
        assert connection.execute("select count(*) from attempts").fetchone() == (0,)
