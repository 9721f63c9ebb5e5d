"""What the runner waits for before it starts anything; the rest of it is shown by nodes and real daemons."""

import pytest
import trio
import trio.testing

from labd.api.jobs import JobSpec
from labd.errors import StoreUnavailable
from labd.jobs.table import Past
from labd.testing import Clock, Devices
from labd.testing.house import House
from tests.jobs.build import ALICE

TRUE = JobSpec(argv=("true",), cwd="/", cpus=1.0)


@pytest.fixture
def house(clock):
    return House(clock, Devices())


@pytest.fixture
def clock():
    return Clock()


async def test_nothing_starts_before_what_users_have_had_is_known(house, clock, nursery):
    known = trio.Event()

    async def past():
        await known.wait()
        return [Past(7, TRUE, 100.0, clock.wall())]

    house.runner.past = past
    await nursery.start(house.runner.run)  # it is ready all the same
    job, _ = await house.queue.submit(TRUE, ALICE, None)
    await trio.testing.wait_all_tasks_blocked()
    assert house.queue.live[job.id].state == "queued"
    known.set()
    await trio.testing.wait_all_tasks_blocked()
    assert not house.queue.live
    assert house.runner.shares.used(7, clock.boot()) == pytest.approx(100.0)


async def test_a_past_that_cannot_be_read_is_no_reason_not_to_start(house, nursery, caplog):
    async def past():
        raise StoreUnavailable("labd.db cannot be read: Input/output error")

    house.runner.past = past
    await nursery.start(house.runner.run)
    await house.queue.submit(TRUE, ALICE, None)
    await trio.testing.wait_all_tasks_blocked()
    assert not house.queue.live
    assert "all begin alike" in caplog.text
