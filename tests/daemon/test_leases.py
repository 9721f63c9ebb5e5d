"""Services hold resources like jobs do, and wait in line for them."""

import pytest
import trio
import trio.testing

from labd.daemon.leases import Leases
from labd.errors import Refused
from labd.resources.ledger import MILLI, Capacity, Ledger, Request


@pytest.fixture
def ledger():
    return Ledger(Capacity(2 * MILLI, 100, (0,)))


async def test_a_lease_lasts_as_long_as_its_block(ledger):
    leases = Leases(ledger, lambda: None)
    async with leases.lease(cpus=1, gpus=1, holder="model") as lease:
        assert lease.gpu_ids == (0,)
        assert ledger.statistics().cores_held == 1
    assert ledger.statistics().leases == 0


async def test_services_share_gpus_with_jobs(ledger):
    leases = Leases(ledger, lambda: None)
    async with leases.lease(gpus=0.25, holder="model") as lease:
        assert lease.gpu_ids == (0,)
        assert ledger.take_nowait("job 1", Request(share=750))
        assert not ledger.take_nowait("job 2", Request(share=1))


async def test_what_can_never_be_granted_is_refused(ledger):
    with pytest.raises(Refused, match="model asks for what this machine does not have: 3 cores"):
        async with Leases(ledger, lambda: None).lease(cpus=3, holder="model"):
            pass


async def test_who_waits_is_served_in_order_before_the_queue_hears_of_it(ledger, nursery):
    order = []
    leases = Leases(ledger, lambda: order.append("queue"))
    ledger.take_nowait("job 1", Request(2 * MILLI))

    async def hold(name):
        async with leases.lease(cpus=2, holder=name):
            order.append(name)

    nursery.start_soon(hold, "a")
    await trio.testing.wait_all_tasks_blocked()
    nursery.start_soon(hold, "b")
    await trio.testing.wait_all_tasks_blocked()
    order.clear()
    ledger.release("job 1")
    assert ledger.holds("a #1")
    await trio.testing.wait_all_tasks_blocked()
    assert [x for x in order if x != "queue"] == ["a", "b"]


async def test_who_gives_up_waiting_leaves_nothing_behind(ledger):
    leases = Leases(ledger, lambda: None)
    ledger.take_nowait("job 1", Request(2 * MILLI))
    with trio.move_on_after(0):
        async with leases.lease(cpus=1, holder="a"):
            pass
    ledger.release("job 1")
    assert ledger.statistics().leases == 0
