"""Services under the daemon's supervisor, in no time."""

import pytest
import trio

from labd.api import Restart, Service, ServiceState
from labd.testing import run_service


async def idle(*, task_status):
    task_status.started()
    await trio.sleep_forever()


async def test_a_good_service_is_ready_and_stops(autojump_clock):
    async with run_service(Service("it", idle)) as running:
        await running.ready()
        assert (running.state, running.restarts, running.last_error) == (ServiceState.READY, 0, "")
    assert running.state is ServiceState.STOPPED


async def test_restarts_and_their_delays_can_be_seen(autojump_clock):
    starts = []

    async def fails_twice(*, task_status):
        starts.append(trio.current_time())
        if len(starts) <= 2:
            raise OSError("no camera")
        await idle(task_status=task_status)

    async with run_service(Service("it", fails_twice, Restart(first_delay=4))) as running:
        await running.ready()
        assert (running.restarts, running.last_error) == (2, "OSError: no camera")
        assert running.delays == (4.0, 8.0)
        assert [str(state) for _, state in running.history] == [
            "starting", "backoff", "starting", "backoff", "starting", "ready",
        ]  # fmt: skip
        assert running.history[-1][0] == 12.0


async def test_one_that_keeps_failing_gives_up(autojump_clock):
    async def broken(*, task_status):
        raise ValueError("no")

    async with run_service(Service("it", broken, Restart(burst=2))) as running:
        assert await running.failed() == "ValueError: no"
        assert running.restarts == 2
        with pytest.raises(AssertionError, match=r"service it is failed: ValueError: no"):
            await running.ready()


async def test_one_that_is_never_ready_is_told(autojump_clock):
    async def late(*, task_status):
        await trio.sleep_forever()

    service = Service("it", late, Restart(when="never", start_timeout=30))
    with pytest.raises(AssertionError, match=r"service it is failed: .*was not ready after 30 s"):
        async with run_service(service) as running:
            await running.ready()
    assert trio.current_time() == 30


async def test_one_that_returns_is_not_waited_for(autojump_clock):
    async def brief(*, task_status):
        pass

    with pytest.raises(AssertionError, match=r"service it is (failed|stopped)"):
        async with run_service(Service("it", brief, Restart(when="never"))) as running:
            await running.ready()


async def test_one_that_stops_too_late_fails_the_test(autojump_clock):
    async def stubborn(*, task_status):
        task_status.started()
        try:
            await trio.sleep_forever()
        finally:
            with trio.CancelScope(shield=True):
                await trio.sleep(5)

    service = Service("it", stubborn, Restart(stop_timeout=4))
    with pytest.raises(AssertionError, match="service it did not stop within 4 s"):
        async with run_service(service) as running:
            await running.ready()
    patient = Service("it", stubborn, Restart(stop_timeout=6))
    async with run_service(patient) as running:
        await running.ready()


async def test_what_the_block_raises_comes_out_as_it_is(autojump_clock):
    with pytest.raises(KeyError, match="mine"):
        async with run_service(Service("it", idle)):
            raise KeyError("mine")
