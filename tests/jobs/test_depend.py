"""Jobs that wait for others."""

import pytest

from labd.api.jobs import Dependency, JobSpec
from labd.errors import NotFound
from labd.jobs.depend import outcome
from labd.jobs.model import STATES
from labd.jobs.queue import _submission
from tests.jobs.build import ALICE
from tests.jobs.test_queue import SPEC, a_queue

ENDS = {"succeeded": (True, False, True)} | dict.fromkeys(
    ("failed", "cancelled", "timed_out", "lost"), (False, True, True)
)


@pytest.mark.parametrize("state", STATES)
def test_what_each_state_means_for_each_kind_of_dependency(state):
    got = tuple(outcome(Dependency(1, when), state) for when in ("ok", "failed", "any"))
    assert got == ENDS.get(state, (None, None, None))


def waiting(*after, **more):
    spec = {f: getattr(SPEC, f) for f in ("argv", "cwd", "cpus", "memory", "grace", "env")}
    return JobSpec(**spec, after=tuple(Dependency(*each) for each in after), **more)


async def test_a_job_waits_for_another_and_goes_on_when_it_ended_as_asked(tmp_path):
    async with a_queue(tmp_path) as queue:
        await queue.submit(SPEC, ALICE, None)
        states = {}
        for when in ("failed", "any", "ok"):
            job, _ = await queue.submit(waiting((1, when)), ALICE, None)
            assert job.state == "blocked"
            states[when] = job.id
        await queue.cancel(1, "alice", "enough")
        await queue._store.write(lambda conn: None)
        assert queue.find(states["failed"]).state == "queued"
        assert queue.find(states["any"]).state == "queued"
        vain = queue.find(states["ok"])
        assert (vain.state, vain.cancel_reason) == ("cancelled", "job 1 cancelled, it was to end well")


async def test_an_end_in_vain_goes_down_the_whole_chain(tmp_path):
    async with a_queue(tmp_path) as queue:
        await queue.submit(SPEC, ALICE, None)
        for before in range(1, 6):
            await queue.submit(waiting((before, "ok")), ALICE, None)
        await queue.cancel(1, "alice", "enough")
        await queue._store.write(lambda conn: None)
        assert [queue.find(n).state for n in range(1, 7)] == ["cancelled"] * 6
        assert queue.live == {}


async def test_a_job_that_waits_for_an_ended_one_is_free_at_once(tmp_path):
    async with a_queue(tmp_path) as queue:
        await queue.submit(SPEC, ALICE, None)
        await queue.cancel(1, "alice", "enough")
        job, _ = await queue.submit(waiting((1, "any")), ALICE, None)
        await queue._store.write(lambda conn: None)
        assert queue.find(job.id).state == "queued"


async def test_waiting_survives_a_restart(tmp_path):
    async with a_queue(tmp_path) as queue:
        await queue.submit(SPEC, ALICE, None)
        await queue.submit(waiting((1, "any")), ALICE, None)
    async with a_queue(tmp_path) as queue:
        assert queue.dependents.load(queue.live.values()) == []
        await queue.cancel(1, "alice", "enough")
        await queue._store.write(lambda conn: None)
        assert queue.find(2).state == "queued"


async def test_a_job_can_be_submitted_on_hold_and_for_later(tmp_path):
    async with a_queue(tmp_path) as queue:
        held, _ = await queue.submit(waiting(hold=True), ALICE, None)
        later, _ = await queue.submit(waiting(begin=queue._clocks.wall() + 60), ALICE, None)
        assert held.state == "held"
        assert later.ready_boot - queue._clocks.boot() == pytest.approx(60)
        with pytest.raises(NotFound):
            queue.find(99)


async def test_a_diamond_of_dependencies_ends_each_job_once(tmp_path):
    async with a_queue(tmp_path) as queue:
        await queue.submit(SPEC, ALICE, None)
        for after in (((1, "ok"),), ((1, "ok"),), ((2, "ok"), (3, "ok"))):
            await queue.submit(waiting(*after), ALICE, None)
        await queue.cancel(1, "alice", "enough")
        await queue._store.write(lambda conn: None)
        assert [queue.find(n).state for n in range(1, 5)] == ["cancelled"] * 4
        seqs = [e.seq for e in queue._bus.events]
        assert seqs == list(range(1, len(seqs) + 1))


async def test_a_chain_may_be_longer_than_the_stack(tmp_path):
    async with a_queue(tmp_path) as queue:
        await queue.submit(SPEC, ALICE, None)
        for before in range(1, 1500):
            queue.record(
                [
                    *_submission(before + 1, waiting((before, "ok")), ALICE, None, "e", queue._clocks),
                ]
            )
        await queue.cancel(1, "alice", "enough")
        await queue._store.write(lambda conn: None)
        assert queue.live == {}


async def test_what_would_be_cancelled_with_a_job_is_known_before(tmp_path):
    async with a_queue(tmp_path) as queue:
        await queue.submit(SPEC, ALICE, None)
        for after in (
            [(1, "ok")],
            [(1, "any")],
            [(1, "failed")],
            [(2, "ok")],
            [(3, "ok")],
            [(2, "ok"), (5, "ok")],
        ):
            await queue.submit(waiting(*after), ALICE, None)
        assert queue.dependents.in_vain(1) == [2, 5, 7]
        assert queue.dependents.in_vain(4) == []
        assert {job.state for job in queue.live.values()} == {"queued", "blocked"}
        await queue.cancel(1, "alice", "enough")
        await queue._store.write(lambda conn: None)
        assert [n for n in range(2, 8) if queue.find(n).state == "cancelled"] == [2, 5, 7]
