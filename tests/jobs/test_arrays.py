"""Arrays: which task is which, and what happens to an array as its tasks go on."""

import msgspec
import pytest
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
