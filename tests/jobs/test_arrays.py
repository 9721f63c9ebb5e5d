"""Arrays: which task is which, and what happens to an array as its tasks go on."""

import sqlite3

import msgspec
import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st

from labd.api.jobs import ArraySpec, Dependency, JobSpec
from labd.errors import Conflict
from labd.jobs import arrays, decide, steer, table
from labd.jobs.model import ENDED, Tasks
from labd.jobs.records import Records
from tests.jobs.build import ALICE, a_job, event
from tests.jobs.test_queue import SPEC, a_queue

ENDING = decide.Ending(reason="exited", exit_code=0, ended=1.0)
FAILING = decide.Ending(reason="exited", exit_code=3, ended=1.0)


def an_array(count=4, **fields) -> JobSpec:
    return msgspec.structs.replace(SPEC, array=ArraySpec(((0, count - 1, 1),)), **fields)


def run(queue: Records, task, ending=ENDING) -> None:
    """Let *task* start and end."""
    start = decide.starting(task, "t" * 16, ())
    queue.record([*([] if task.live else [decide.repeated(task, "again", queue._clocks)]), start])
    started = decide.Draft("job.started", {"job": task.id, "attempt": 1, "started": 1.0})
    queue.record([started])
    queue.record(decide.ended(queue.live[task.id], ending, queue._clocks))


async def settled(queue: Records) -> None:
    await queue._store.write(lambda conn: None)


RANGES = st.lists(
    st.builds(
        lambda first, size, step: (first, first + size, step), *[st.integers(0, 50)] * 2, st.integers(1, 7)
    ),
    min_size=1,
    max_size=4,
)


@given(RANGES)
def test_every_position_has_its_index(ranges):
    spec = ArraySpec(tuple(ranges))
    indices = [arrays.index_of(spec, position) for position in range(spec.count)]
    assert indices == [i for first, last, step in ranges for i in range(first, last + 1, step)]
    with pytest.raises(IndexError):
        arrays.index_of(spec, spec.count)
    for index in range(110):
        position = arrays.position_of(spec, index)
        assert (position is None) == (index not in indices)
        assert position is None or indices[position] == index


@given(st.lists(st.integers(0, 9), unique=True))
def test_what_is_touched_is_remembered_as_ranges(order):
    array = msgspec.structs.replace(a_job(), tasks=Tasks(count=10), spec=an_array(10))
    for position in order:
        task = arrays.born(array, array.id + 1 + position)
        array = arrays.changed(array, task, task, event("job.held"))
    left = {p for first, last in arrays.untouched(array) for p in range(first, last + 1)}
    assert left == set(range(10)) - set(order)
    assert array.tasks.untouched == len(left)
    assert all(array.tasks.touched(p) == (p in order) for p in range(10))


async def test_an_array_takes_one_record_and_the_ids_of_all_its_tasks(tmp_path):
    async with a_queue(tmp_path) as queue:
        array, _ = await queue.submit(an_array(1_000_000), ALICE, None)
        after, _ = await queue.submit(SPEC, ALICE, None)
        assert (array.id, after.id) == (1, 1_000_002)
        assert len(queue.live) == 2
        task = queue.find(500_001)
        assert (task.array, task.index, task.state, task.spec.argv) == (1, 499_999, "queued", ("true",))
    async with a_queue(tmp_path) as queue:
        assert queue._next_job == 1_000_003


async def test_tasks_start_in_order_and_the_array_ends_with_the_last(tmp_path):
    async with a_queue(tmp_path) as queue:
        array, _ = await queue.submit(an_array(3), ALICE, None)
        for number in (2, 3, 4):
            task = queue.next_task(array.id)
            assert task.id == number
            run(queue, task)
        await settled(queue)
        ended = queue.find(array.id)
        assert (ended.state, arrays.totals(ended)["succeeded"]) == ("succeeded", 3)
        assert array.id not in queue.live


async def test_a_retry_repeats_what_did_not_succeed_and_nothing_else(tmp_path):
    async with a_queue(tmp_path) as queue:
        array, _ = await queue.submit(an_array(5), ALICE, None)
        for ending in (ENDING, FAILING, ENDING, FAILING, ENDING):
            run(queue, queue.next_task(array.id), ending)
        await settled(queue)
        failed = queue.find(array.id)
        assert (failed.state, failed.cancel_reason) == ("failed", "2 of 5 tasks failed")
        await queue.retry(array.id, "alice")
        again = []
        while (task := queue.next_task(array.id)) is not None:
            again.append(task.index)
            run(queue, task)
            await settled(queue)
            if array.id not in queue.live:
                break
        await settled(queue)
        assert again == [1, 3]
        assert queue.find(array.id).state == "succeeded"
        assert queue.find(array.id + 2).attempt == 2


async def test_a_retry_reads_what_failed_from_the_disk_after_a_restart(tmp_path):
    async with a_queue(tmp_path) as queue:
        array, _ = await queue.submit(an_array(3), ALICE, None)
        for ending in (FAILING, FAILING, ENDING):
            run(queue, queue.next_task(array.id), ending)
        await settled(queue)
        await queue.retry(array.id, "alice")
        run(queue, queue.next_task(array.id))
        await settled(queue)
    async with a_queue(tmp_path) as queue:
        task = queue.next_task(array.id)
        assert (task.index, task.state) == (1, "failed")


async def test_cancelling_an_array_cancels_what_has_not_begun_without_a_record(tmp_path):
    async with a_queue(tmp_path) as queue:
        array, _ = await queue.submit(an_array(1000), ALICE, None)
        run(queue, queue.next_task(array.id))
        ended = await queue.cancel(array.id, "alice", "enough")
        await settled(queue)
        assert (ended.state, arrays.totals(ended)["cancelled"]) == ("cancelled", 999)
        task = queue.find(array.id + 500)
        assert (task.state, task.cancel_reason) == ("cancelled", "enough")
        rows = queue._store.read(lambda conn: conn.execute("select count(*) from jobs").fetchone()[0])
        assert rows == 2


async def test_one_task_can_be_held_cancelled_and_repeated_before_its_turn(tmp_path):
    async with a_queue(tmp_path) as queue:
        array, _ = await queue.submit(an_array(4), ALICE, None)
        await queue.steer(array.id + 2, lambda job: steer.hold(job, "alice"))
        await queue.cancel(array.id + 3, "alice", "no")
        for number in (array.id + 1, array.id + 4):
            task = queue.next_task(array.id)
            assert task.id == number
            run(queue, task)
        await settled(queue)
        assert queue.find(array.id).live
        await queue.steer(array.id + 2, lambda job: steer.release(job, "alice", False))
        run(queue, queue.find(array.id + 2))
        await settled(queue)
        assert (queue.find(array.id).state, queue.find(array.id).cancel_reason) == (
            "cancelled",
            "1 of 4 tasks cancelled",
        )
        await queue.retry(array.id + 3, "alice")
        assert queue.find(array.id).state == "running"
        run(queue, queue.find(array.id + 3))
        await settled(queue)
        assert queue.find(array.id).state == "succeeded"


async def test_a_held_array_starts_nothing_and_its_tasks_say_so(tmp_path):
    async with a_queue(tmp_path) as queue:
        array, _ = await queue.submit(an_array(2, hold=True), ALICE, None)
        assert queue.find(array.id + 1).state == "held"
        with pytest.raises(Conflict):
            await queue.steer(array.id, lambda job: steer.pause(job, "alice"))
        await queue.steer(array.id, lambda job: steer.release(job, "alice", False))
        assert queue.find(array.id + 1).state == "queued"


async def test_what_waits_for_a_task_hears_of_its_end_even_if_it_never_began(tmp_path):
    async with a_queue(tmp_path) as queue:
        array, _ = await queue.submit(an_array(5), ALICE, None)
        after = (Dependency(array.id + 3, "any"),)
        waiter, _ = await queue.submit(msgspec.structs.replace(SPEC, after=after), ALICE, None)
        assert waiter.state == "blocked"
        await queue.cancel(array.id, "alice", "enough")
        await settled(queue)
        assert queue.find(waiter.id).state == "queued"
        assert (await queue.wait_ended(array.id + 4)).state in ENDED


async def test_a_priority_is_the_arrays(tmp_path):
    async with a_queue(tmp_path) as queue:
        array, _ = await queue.submit(an_array(2), ALICE, None)
        with pytest.raises(Conflict, match="has the priority of its array"):
            await queue.steer(array.id + 1, lambda job: steer.prioritise(job, "alice", 3))
        await queue.steer(array.id, lambda job: steer.prioritise(job, "alice", -3))
        assert queue.find(array.id + 1).spec.priority == -3


async def test_tasks_are_listed_with_their_array_and_not_among_jobs(tmp_path):
    async with a_queue(tmp_path) as queue:
        array, _ = await queue.submit(an_array(3), ALICE, None)
        run(queue, queue.next_task(array.id))
        await settled(queue)
        assert [job.id for job in await queue.listed(table.Filter(), 10)] == [array.id]
        tasks = await queue.listed(table.Filter(array=array.id), 10, "oldest")
        assert [(task.id, task.spec) for task in tasks] == [(array.id + 1, queue.find(array.id).spec)]
        assert queue.counts() == {"running": 1}


async def test_an_array_that_waits_in_vain_is_cancelled_whole(tmp_path):
    async with a_queue(tmp_path) as queue:
        first, _ = await queue.submit(SPEC, ALICE, None)
        array, _ = await queue.submit(an_array(3, after=(Dependency(first.id, "ok"),)), ALICE, None)
        await queue.steer(array.id + 2, lambda job: steer.hold(job, "alice"))
        await queue.cancel(first.id, "alice", "no")
        await settled(queue)
        assert [queue.find(array.id + n).state for n in range(4)] == ["cancelled"] * 4
        assert queue.find(array.id).cancel_reason == "job 1 cancelled, it was to end well"
        with trio.fail_after(5):
            await queue.wait_ended(array.id + 3)


async def test_a_task_that_failed_before_its_array_may_begin_waits_with_it(tmp_path):
    async with a_queue(tmp_path) as queue:
        first, _ = await queue.submit(SPEC, ALICE, None)
        array, _ = await queue.submit(an_array(2, after=(Dependency(first.id, "ok"),)), ALICE, None)
        await queue.cancel(array.id + 1, "alice", "no")
        assert (await queue.retry(array.id + 1, "alice")).state == "blocked"
        run(queue, queue.find(first.id))
        await settled(queue)
        assert queue.find(array.id + 1).state == "queued"


async def test_the_end_of_the_last_task_and_of_its_array_are_stored_as_one(tmp_path):
    async with a_queue(tmp_path) as queue:
        array, _ = await queue.submit(an_array(1), ALICE, None)
        waiter, _ = await queue.submit(
            msgspec.structs.replace(SPEC, after=(Dependency(array.id),)), ALICE, None
        )
        changes = []
        queue._store.enqueue = lambda change, done=None: changes.append(change)
        run(queue, queue.next_task(array.id))
        conn = sqlite3.connect(tmp_path / "labd.db")
        changes[-1](conn)
        assert [table.job(conn, n).state for n in (array.id, array.id + 1, waiter.id)] == [
            "succeeded", "succeeded", "queued",
        ]  # fmt: skip
        conn.close()
        del queue._store.enqueue


async def test_tasks_get_the_new_priority_of_their_array_at_once(tmp_path):
    async with a_queue(tmp_path) as queue:
        array, _ = await queue.submit(an_array(2), ALICE, None)
        await queue.steer(array.id + 1, lambda job: steer.hold(job, "alice"))
        told = []
        queue.on_change = lambda job: told.append((job.id, job.spec.priority))
        await queue.steer(array.id, lambda job: steer.prioritise(job, "alice", -3))
        assert told == [(array.id, -3), (array.id + 1, -3)]


@pytest.mark.parametrize("state", ["held", "paused"])
async def test_what_is_to_run_again_waits_with_its_array(tmp_path, state):
    async with a_queue(tmp_path) as queue:
        array, _ = await queue.submit(an_array(2, retries=1), ALICE, None)
        queue.record([decide.starting(queue.next_task(array.id), "t" * 16, ())])
        stop, go = {"held": (steer.hold, "release"), "paused": (steer.pause, "resume")}[state]
        await queue.steer(array.id, lambda job: stop(job, "alice"))
        task = queue.find(array.id + 1)
        ended = decide.ended(task, FAILING, queue._clocks)
        queue.record(arrays.waiting_with(queue.array_of(task), task, ended))
        assert queue.find(task.id).state == "held"
        goes = {
            "release": lambda j: steer.release(j, "alice", False),
            "resume": lambda j: steer.resume(j, "a"),
        }
        await queue.steer(array.id, goes[go])
        assert queue.find(task.id).state == "queued"


async def test_a_paused_array_starts_no_task_that_waits_by_itself(tmp_path):
    async with a_queue(tmp_path) as queue:
        array, _ = await queue.submit(an_array(2), ALICE, None)
        run(queue, queue.next_task(array.id), decide.Ending(reason="lost"))
        await queue.retry(array.id + 1, "alice")
        await queue.steer(array.id, lambda job: steer.pause(job, "alice"))
        assert queue.find(array.id + 1).state == "held"


async def test_there_is_nothing_to_retry_where_all_tasks_have_succeeded(tmp_path):
    async with a_queue(tmp_path) as queue:
        array, _ = await queue.submit(an_array(1), ALICE, None)
        run(queue, queue.next_task(array.id))
        await settled(queue)
        with pytest.raises(Conflict, match="all tasks of job 1 have succeeded") as refused:
            await queue.retry(array.id, "alice")
        assert refused.value.hint == "labctl retry 1_0 runs one of them again"


async def test_only_so_many_tasks_of_an_ended_array_are_repeated_one_by_one(tmp_path, monkeypatch):
    monkeypatch.setattr(arrays, "MAX_EARLY", 2)
    async with a_queue(tmp_path) as queue:
        array, _ = await queue.submit(an_array(9), ALICE, None)
        await queue.cancel(array.id, "alice", "no")
        for number in (3, 4):
            await queue.retry(array.id + number, "alice")
            await queue.cancel(array.id + number, "alice", "no")
        with pytest.raises(Conflict, match="job 1_5 would be one too many of job 1"):
            await queue.retry(array.id + 6, "alice")


async def test_a_refusal_names_the_task_as_people_do(tmp_path):
    async with a_queue(tmp_path) as queue:
        array, _ = await queue.submit(an_array(3), ALICE, None)
        with pytest.raises(Conflict, match="job 1_2 is queued: it cannot be resumed"):
            await queue.steer(array.id + 3, lambda job: steer.resume(job, "alice"))
