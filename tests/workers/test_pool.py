"""A pool in virtual time, with workers that are played."""

import pytest
import trio
import trio.testing

from labd.api.services import Restart
from labd.api.workers import Ending, WorkerState
from labd.errors import WorkerLost
from labd.workers.pool import WorkerPool


class PlayedWorker:
    def __init__(self, changed):
        self.state, self._changed = WorkerState.READY, changed
        self.calls = []
        self._ended = trio.Event()
        self.gate = trio.Event()

    async def call(self, method, *, timeout=None, **params):
        self.calls.append(method)
        await self.gate.wait()
        return method

    def end(self):
        self.state = WorkerState.FAILED
        self._ended.set()
        self._changed()

    async def wait_ended(self):
        await self._ended.wait()
        return Ending("it fell over")

    async def stop(self):
        self.state = WorkerState.STOPPED


class Played:
    def __init__(self, nursery, size=1, jitter=lambda: 1.0, **policy):
        policy = {"when": "always", "first_delay": 1, "max_delay": 8, "burst": 3, "interval": 1000} | policy
        self.pool = WorkerPool("p", size, Restart(**policy), jitter)
        self.made, self.broken = [], False
        for slot in range(size):
            nursery.start_soon(self.pool.keep, slot, self.begin)

    async def begin(self, changed):
        await trio.lowlevel.checkpoint()
        if self.broken:
            raise WorkerLost("no such module")
        self.made.append(PlayedWorker(changed))
        return self.made[-1]


async def test_calls_go_to_idle_workers_in_order(nursery, autojump_clock):
    played, got = Played(nursery, size=2), []

    async def call(name):
        got.append(await played.pool.call(name))

    for name in "abc":
        nursery.start_soon(call, name)
        await trio.testing.wait_all_tasks_blocked()
    assert [worker.calls for worker in played.made] == [["a"], ["b"]]
    assert played.pool.statistics()[:4] == (2, 0, 2, 1)
    assert played.pool.state is WorkerState.BUSY
    played.made[1].gate.set()
    await trio.testing.wait_all_tasks_blocked()
    assert got == ["b", "c"]
    nursery.cancel_scope.cancel()


async def test_a_pool_whose_slots_have_not_begun_is_starting():
    assert WorkerPool("p", 2, Restart()).state is WorkerState.STARTING


async def test_who_stops_waiting_keeps_no_worker(nursery, autojump_clock):
    played = Played(nursery)
    await played.pool.wait_for(WorkerState.READY)
    nursery.start_soon(played.pool.call, "a")
    with trio.move_on_after(1):
        await played.pool.call("b")
    played.made[0].gate.set()
    await trio.testing.wait_all_tasks_blocked()
    assert played.pool.statistics()[:4] == (1, 1, 0, 0)
    nursery.cancel_scope.cancel()


async def test_replacements_come_with_growing_delays_until_it_gives_up(nursery, autojump_clock):
    played, times = Played(nursery), []
    for n in range(4):
        await played.pool.wait_for(WorkerState.READY)
        times.append(trio.current_time())
        played.made[n].end()
        await trio.testing.wait_all_tasks_blocked()
    assert times == [0, 1, 3, 7]
    assert played.pool.state is WorkerState.FAILED
    with pytest.raises(WorkerLost, match="p gave up after 3 restarts: it fell over"):
        await played.pool.call("a")


async def test_those_who_wait_hear_that_it_gave_up(nursery, autojump_clock):
    played = Played(nursery, burst=1)
    played.broken = True
    with pytest.raises(WorkerLost, match="gave up after 1 restarts: no such module"):
        await played.pool.call("a")
    assert await played.pool.wait_for(WorkerState.READY) is WorkerState.FAILED


async def test_a_pool_that_never_restarts_fails_at_the_first_end(nursery, autojump_clock):
    played = Played(nursery, when="never")
    await played.pool.wait_for(WorkerState.READY)
    played.made[0].end()
    assert await played.pool.wait_for(WorkerState.BACKOFF) is WorkerState.FAILED
