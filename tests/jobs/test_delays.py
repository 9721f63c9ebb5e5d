"""Jobs that wait for a time, in virtual time."""

import trio
import trio.testing

from labd.jobs.delays import Delays


async def test_each_is_due_at_its_time_in_whatever_order_they_came(mock_clock, nursery):
    told = []
    delays = Delays(lambda job, attempt: told.append((trio.current_time(), job, attempt)))
    nursery.start_soon(delays.run)
    for job, seconds in ((1, 30.0), (2, 10.0), (3, 20.0), (4, 10.0)):
        delays.add(job, 7, seconds)
        await trio.testing.wait_all_tasks_blocked()
    for _ in range(5):
        mock_clock.jump(10.0)
        await trio.testing.wait_all_tasks_blocked()
    assert told == [(10.0, 2, 7), (10.0, 4, 7), (20.0, 3, 7), (30.0, 1, 7)]


async def test_one_that_is_due_may_wait_again(mock_clock, nursery):
    told = []

    def due(job, attempt):
        told.append(trio.current_time())
        delays.add(job, attempt, 5.0)

    delays = Delays(due)
    nursery.start_soon(delays.run)
    delays.add(1, 1, 5.0)
    for _ in range(12):
        mock_clock.jump(1.0)
        await trio.testing.wait_all_tasks_blocked()
    assert told == [5.0, 10.0]


async def test_many_take_one_task(mock_clock, nursery):
    delays = Delays(lambda job, attempt: None)
    nursery.start_soon(delays.run)
    await trio.testing.wait_all_tasks_blocked()
    before = trio.lowlevel.current_statistics().tasks_living
    for job in range(1000):
        delays.add(job, 0, 60.0)
    await trio.testing.wait_all_tasks_blocked()
    assert trio.lowlevel.current_statistics().tasks_living == before


async def test_what_is_forgotten_is_not_due(mock_clock, nursery):
    told = []
    delays = Delays(lambda job, attempt: told.append(job))
    nursery.start_soon(delays.run)
    delays.add(1, 0, 5.0)
    await trio.testing.wait_all_tasks_blocked()
    delays.clear()
    mock_clock.jump(10.0)
    await trio.testing.wait_all_tasks_blocked()
    assert told == []
